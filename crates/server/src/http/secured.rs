//! The beginning of a connection: the handshake of TLS, where its listener has TLS.
//!
//! It happens on the place that the connection has, within the time for a head, so that half handshakes hold
//! nobody up.

use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;

use super::connection::Stage;
use super::listener::Stream;
use crate::tls::{ClientCertificate, SecureStream, TlsProtocol};

/// A connection that requests can be read from.
pub(super) enum SecuredStream {
    Tcp(TcpStream),
    Tls(Box<SecureStream<TcpStream>>),
    Unix(UnixStream),
}

/// Shakes hands where that is needed. Returns the client's certificate too, if it has shown one; `None` for
/// a client that does not get so far.
pub(super) async fn secured(
    stream: Stream,
    protocol: TlsProtocol,
    patience: Duration,
    mut stage: watch::Receiver<Stage>,
) -> Option<(SecuredStream, Option<ClientCertificate>)> {
    let (stream, tls) = match stream {
        Stream::Unix(stream) => return Some((SecuredStream::Unix(stream), None)),
        Stream::Tcp(stream, None) => return Some((SecuredStream::Tcp(stream), None)),
        Stream::Tcp(stream, Some(tls)) => (stream, tls),
    };
    let shaken = tokio::select! {
        shaken = tls.accept(stream, protocol, patience) => shaken,
        _ = stage.wait_for(|stage| *stage == Stage::Cut) => return None,
    };
    match shaken {
        Ok((stream, certificate)) => Some((SecuredStream::Tls(Box::new(stream)), certificate)),
        Err(error) => {
            tracing::debug!(%error, "a TLS handshake failed");
            None
        }
    }
}
