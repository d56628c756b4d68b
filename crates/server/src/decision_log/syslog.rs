//! Lines as messages for a syslog server (RFC 5424).
//!
//! By datagrams each message is one. Over a stream its length stands before it (RFC 6587, 3.4.1), and so with TLS (RFC 5425).
//! Syslog acknowledges nothing: a line counts as written when the kernel has it.

mod datagrams;
mod message;
mod stream;

use std::io;

use super::batch::LineBatch;
use crate::config::{DecisionLogSettings, SyslogServer};
use datagrams::Datagrams;
use message::MessageHead;
use stream::{MessageStream, StreamTarget};

/// A syslog server.
pub(super) struct Syslog {
    head: MessageHead,
    way: SyslogWay,
}

/// The ways to a server.
enum SyslogWay {
    Datagrams(Datagrams),
    Stream(MessageStream),
    /// A Unix socket of a kind that is not known yet.
    Either(Datagrams, MessageStream),
}

impl Syslog {
    /// A server, which need not be there yet.
    ///
    /// # Errors
    /// Certificates that cannot be used.
    pub(super) fn new(server: &SyslogServer, settings: &DecisionLogSettings) -> io::Result<Self> {
        let stream = |target| SyslogWay::Stream(MessageStream::new(target));
        let way = match server {
            SyslogServer::Unix(path) => SyslogWay::Either(
                Datagrams::to_path(path),
                MessageStream::new(StreamTarget::Unix(path.clone())),
            ),
            SyslogServer::Udp(address) => SyslogWay::Datagrams(Datagrams::to_address(address)),
            SyslogServer::Tcp(address) => stream(StreamTarget::Tcp(address.clone())),
            SyslogServer::Tls(address) => {
                let roots = settings.ca_certificate.as_deref();
                stream(StreamTarget::tls(address, roots)?)
            }
        };
        let head = MessageHead::new(settings.facility);
        Ok(Self { head, way })
    }

    /// Writes lines. If it fails, the rest can be tried again. Where a connection breaks, lines that the server may
    /// have are written again.
    pub(super) fn write(&mut self, batch: &mut LineBatch) -> io::Result<()> {
        match &mut self.way {
            SyslogWay::Datagrams(datagrams) => datagrams.write(&self.head, batch),
            SyslogWay::Stream(stream) => stream.write(&self.head, batch),
            // A server that has another kind of socket after a restart is found too.
            SyslogWay::Either(datagrams, stream) => match datagrams.connect() {
                Ok(()) => datagrams.write(&self.head, batch),
                Err(error) => match stream.connect() {
                    Ok(()) => stream.write(&self.head, batch),
                    Err(_) => Err(error),
                },
            },
        }
    }
}
