//! Where a syslog server listens, and the facility of what it is told.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::is_host;

/// A syslog server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyslogServer {
    /// A Unix socket, of datagrams or a stream.
    Unix(PathBuf),
    /// `HOST:PORT`, by datagrams.
    Udp(String),
    /// `HOST:PORT`, by a stream.
    Tcp(String),
    /// `HOST:PORT`, by a stream with TLS.
    Tls(String),
}

/// The facility of a syslog message (RFC 5424, 6.2.1), as far as a program may be of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyslogFacility {
    /// Programs.
    User,
    /// Daemons.
    Daemon,
    /// Security and authorization.
    Auth,
    /// The same, where not everybody reads.
    Authpriv,
    /// Of local use, and so are the others.
    Local0,
    /// See [`Self::Local0`].
    Local1,
    /// See [`Self::Local0`].
    Local2,
    /// See [`Self::Local0`].
    Local3,
    /// See [`Self::Local0`].
    Local4,
    /// See [`Self::Local0`].
    Local5,
    /// See [`Self::Local0`].
    Local6,
    /// See [`Self::Local0`].
    Local7,
}

impl SyslogFacility {
    /// Its number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::User => 1,
            Self::Daemon => 3,
            Self::Auth => 4,
            Self::Authpriv => 10,
            Self::Local0 => 16,
            Self::Local1 => 17,
            Self::Local2 => 18,
            Self::Local3 => 19,
            Self::Local4 => 20,
            Self::Local5 => 21,
            Self::Local6 => 22,
            Self::Local7 => 23,
        }
    }
}

impl SyslogServer {
    /// The server of a text as `syslog:/dev/log` or `syslog+tcp://HOST:PORT`; `None` where it names none.
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("syslog:") {
            let is_path = path.starts_with('/') && !path.starts_with("//");
            return is_path.then(|| Self::Unix(path.into()));
        }
        let (scheme, address) = text.strip_prefix("syslog+")?.split_once("://")?;
        let (_, port) = address.rsplit_once(':')?;
        if !is_host(address) || port.parse::<u16>().is_err() {
            return None;
        }
        let address = address.to_owned();
        match scheme {
            "udp" => Some(Self::Udp(address)),
            "tcp" => Some(Self::Tcp(address)),
            "tls" => Some(Self::Tls(address)),
            _ => None,
        }
    }

    /// Returns true if others could read on the way what is sent there.
    pub(super) fn is_plain_to_others(&self) -> bool {
        match self {
            Self::Unix(_) | Self::Tls(_) => false,
            Self::Udp(address) | Self::Tcp(address) => !is_this_machine(host_of(address)),
        }
    }

    /// Returns true if each message has to fit into a datagram of UDP.
    pub(super) fn is_udp(&self) -> bool {
        matches!(self, Self::Udp(_))
    }
}

/// The host of `HOST:PORT`.
#[must_use]
pub fn host_of(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

fn is_this_machine(host: &str) -> bool {
    let is_loopback = host.parse::<IpAddr>().map(|address| address.is_loopback());
    is_loopback.unwrap_or_else(|_| host.eq_ignore_ascii_case("localhost"))
}

impl fmt::Display for SyslogServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "syslog:{}", path.display()),
            Self::Udp(address) => write!(f, "syslog+udp://{address}"),
            Self::Tcp(address) => write!(f, "syslog+tcp://{address}"),
            Self::Tls(address) => write!(f, "syslog+tls://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_written_as_they_are_read() {
        for text in [
            "syslog:/dev/log",
            "syslog+udp://127.0.0.1:514",
            "syslog+tcp://log.example.org:601",
            "syslog+tls://[::1]:6514",
        ] {
            assert_eq!(SyslogServer::read(text).unwrap().to_string(), text);
        }
        for text in [
            "syslog:",
            "syslog:log",
            "syslog+udp://127.0.0.1",
            "syslog+udp://:514",
            "syslog+tcp://a:b",
            "syslog+http://a:1",
            "syslog://a:1",
        ] {
            assert_eq!(SyslogServer::read(text), None, "{text}");
        }
        let is_plain = |text: &str| SyslogServer::read(text).unwrap().is_plain_to_others();
        assert!(is_plain("syslog+tcp://log.example.org:601"));
        assert!(!is_plain("syslog+tls://log.example.org:6514"));
        assert!(!is_plain("syslog+udp://[::1]:514"));
    }
}
