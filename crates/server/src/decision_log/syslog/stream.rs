//! Messages over a stream, with or without TLS.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::super::batch::LineBatch;
use super::message::{MessageHead, without_break};
use crate::config::host_of;
use crate::telemetry::client_tls;

/// How long it may take to connect, and to shake hands.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a write waits for room.
const PATIENCE: Duration = Duration::from_millis(100);

/// Sends messages over a connection, which is made anew where it breaks.
pub(super) struct MessageStream {
    target: StreamTarget,
    connection: Option<LogConnection>,
    /// Messages that are being sent, and how much of them is.
    pending: Vec<u8>,
    sent: usize,
    /// The bytes of the lines that they are of.
    lines: usize,
}

/// A server that listens for streams.
pub(super) enum StreamTarget {
    Unix(PathBuf),
    Tcp(String),
    Tls(String, Arc<ClientConfig>, ServerName<'static>),
}

enum LogConnection {
    Unix(UnixStream),
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl StreamTarget {
    /// A server whose certificate these roots vouch for.
    ///
    /// # Errors
    /// Certificates that cannot be used.
    pub(super) fn tls(address: &str, roots: Option<&Path>) -> io::Result<Self> {
        let config = client_tls(roots, None).map_err(io::Error::other)?;
        let name = ServerName::try_from(host_of(address).to_owned()).map_err(io::Error::other)?;
        Ok(Self::Tls(address.to_owned(), Arc::new(config), name))
    }

    fn connect(&self) -> io::Result<LogConnection> {
        Ok(match self {
            Self::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                LogConnection::Unix(stream)
            }
            Self::Tcp(address) => {
                let stream = tcp(address)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                LogConnection::Tcp(stream)
            }
            Self::Tls(address, config, name) => {
                let mut stream = tcp(address)?;
                for set in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
                    set(&stream, Some(CONNECT))?;
                }
                let client = ClientConnection::new(Arc::clone(config), name.clone());
                let mut client = client.map_err(io::Error::other)?;
                while client.is_handshaking() {
                    client.complete_io(&mut stream)?;
                }
                stream.set_read_timeout(None)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                LogConnection::Tls(Box::new(StreamOwned::new(client, stream)))
            }
        })
    }
}

fn tcp(address: &str) -> io::Result<TcpStream> {
    let mut failed = io::Error::other(format!("`{address}` has no address"));
    for to in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&to, CONNECT) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

impl LogConnection {
    /// Returns true if the server has closed it: what is written then would be lost.
    fn is_closed(&mut self) -> bool {
        match self {
            // A write to one that is closed fails.
            Self::Unix(_) => false,
            Self::Tcp(stream) => is_at_end(stream, |mut stream| stream.read(&mut [0; 64])),
            Self::Tls(stream) => {
                let StreamOwned { conn, sock } = &mut **stream;
                is_at_end(sock, |mut sock| {
                    let read = conn.read_tls(&mut sock)?;
                    let state = conn.process_new_packets().map_err(io::Error::other)?;
                    Ok(if state.peer_has_closed() { 0 } else { read })
                })
            }
        }
    }
}

/// Returns true if there is nothing more to read, ever.
fn is_at_end(stream: &TcpStream, mut read: impl FnMut(&TcpStream) -> io::Result<usize>) -> bool {
    if stream.set_nonblocking(true).is_err() {
        return true;
    }
    // A server has nothing to say; what it says is passed over.
    let is_at_end = loop {
        match read(stream) {
            Ok(0) => break true,
            Ok(_) => {}
            Err(error) => break error.kind() != ErrorKind::WouldBlock,
        }
    };
    is_at_end || stream.set_nonblocking(false).is_err()
}

impl Write for LogConnection {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.write(text),
            Self::Tcp(stream) => stream.write(text),
            Self::Tls(stream) => stream.write(text),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.flush(),
            Self::Tcp(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

impl MessageStream {
    pub(super) fn new(target: StreamTarget) -> Self {
        Self {
            target,
            connection: None,
            pending: Vec::new(),
            sent: 0,
            lines: 0,
        }
    }

    /// Connects, if it is not connected.
    ///
    /// # Errors
    /// A server that is not there.
    pub(super) fn connect(&mut self) -> io::Result<()> {
        if self
            .connection
            .as_mut()
            .is_some_and(LogConnection::is_closed)
        {
            self.connection = None;
        }
        if self.connection.is_none() {
            // The whole of a message for a new connection.
            self.sent = 0;
            self.connection = Some(self.target.connect()?);
        }
        Ok(())
    }

    pub(super) fn write(&mut self, head: &MessageHead, batch: &mut LineBatch) -> io::Result<()> {
        loop {
            if self.lines == 0 {
                let text = batch.next(usize::MAX);
                if text.is_empty() {
                    return Ok(());
                }
                self.lines = text.len();
                for line in text.split_inclusive(|byte| *byte == b'\n') {
                    head.add_counted(without_break(line), &mut self.pending);
                }
            }
            self.connect()?;
            match self.send() {
                Ok(()) => {
                    batch.advance(self.lines);
                    self.pending.clear();
                    (self.lines, self.sent) = (0, 0);
                }
                Err(error) => {
                    let waits = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
                    if waits.contains(&error.kind()) {
                        return Err(ErrorKind::WouldBlock.into());
                    }
                    self.connection = None;
                    return Err(error);
                }
            }
        }
    }

    /// Sends what is pending.
    fn send(&mut self) -> io::Result<()> {
        let Some(connection) = &mut self.connection else {
            return Err(ErrorKind::NotConnected.into());
        };
        while let Some(rest) = self
            .pending
            .get(self.sent..)
            .filter(|rest| !rest.is_empty())
        {
            match connection.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        connection.flush()
    }
}
