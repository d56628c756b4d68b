//! The other end of a connection, as its requests know it.

use std::net::IpAddr;

/// The other end of a connection. Each request has it among its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionPeer {
    /// A host.
    Ip(IpAddr),
    /// A process that may reach the file of a Unix socket.
    Unix,
}
