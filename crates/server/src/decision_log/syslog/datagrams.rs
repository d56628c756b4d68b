//! Messages as datagrams, to a Unix socket or by UDP.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::batch::LineBatch;
use super::message::{MessageHead, without_break};

/// How long a write waits for room.
const PATIENCE: Duration = Duration::from_millis(100);

/// The kernel's error for a datagram that is too long.
const EMSGSIZE: i32 = 90;

/// Sends datagrams.
pub(super) struct Datagrams {
    target: DatagramTarget,
    socket: Option<DatagramSocket>,
}

enum DatagramTarget {
    Unix(PathBuf),
    Udp(String),
}

enum DatagramSocket {
    Unix(UnixDatagram),
    Udp(UdpSocket),
}

impl Datagrams {
    pub(super) fn to_path(path: &Path) -> Self {
        Self {
            target: DatagramTarget::Unix(path.to_owned()),
            socket: None,
        }
    }

    pub(super) fn to_address(address: &str) -> Self {
        Self {
            target: DatagramTarget::Udp(address.to_owned()),
            socket: None,
        }
    }

    /// Connects, if it is not connected.
    ///
    /// # Errors
    /// A server that is not there, or has another kind of socket.
    pub(super) fn connect(&mut self) -> io::Result<()> {
        if self.socket.is_none() {
            self.socket = Some(self.target.connect()?);
        }
        Ok(())
    }

    pub(super) fn write(&mut self, head: &MessageHead, batch: &mut LineBatch) -> io::Result<()> {
        let mut message = Vec::new();
        loop {
            let line = batch.next(0);
            if line.is_empty() {
                return Ok(());
            }
            let length = line.len();
            message.clear();
            head.add(without_break(line), &mut message);
            self.connect()?;
            let sent = self.socket.as_ref().map_or_else(
                || Err(ErrorKind::NotConnected.into()),
                |socket| socket.send(&message),
            );
            match sent {
                Ok(()) => batch.advance(length),
                Err(error) if error.raw_os_error() == Some(EMSGSIZE) => {
                    let bytes = message.len();
                    tracing::error!(
                        bytes,
                        "a decision is too long for a datagram, and has no line"
                    );
                    batch.drop_lines(length);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    if error.kind() != ErrorKind::WouldBlock {
                        self.socket = None;
                    }
                    return Err(error);
                }
            }
        }
    }
}

impl DatagramTarget {
    fn connect(&self) -> io::Result<DatagramSocket> {
        Ok(match self {
            Self::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                socket.set_write_timeout(Some(PATIENCE))?;
                DatagramSocket::Unix(socket)
            }
            Self::Udp(address) => {
                let to = address.to_socket_addrs()?.next();
                let to =
                    to.ok_or_else(|| io::Error::other(format!("`{address}` has no address")))?;
                let own: SocketAddr = match to {
                    SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
                    SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
                };
                let socket = UdpSocket::bind(own)?;
                socket.connect(to)?;
                socket.set_write_timeout(Some(PATIENCE))?;
                DatagramSocket::Udp(socket)
            }
        })
    }
}

impl DatagramSocket {
    fn send(&self, message: &[u8]) -> io::Result<()> {
        let sent = match self {
            Self::Unix(socket) => socket.send(message),
            Self::Udp(socket) => socket.send(message),
        };
        sent.map(|_| ())
    }
}
