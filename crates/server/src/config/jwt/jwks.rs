//! The place of the keys that tokens are signed with.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};

use crate::config::is_host;

/// The place of the keys: a path, or a URL.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Jwks {
    /// A file.
    File(PathBuf),
    /// A URL with `https`, or with `http` to this machine.
    Url(String),
}

/// Why a text is not a [`Jwks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Neither a path nor a URL with a known scheme.
    #[error("expected a path or a URL as `https://HOST/PATH`, without fragment")]
    Url,
    /// A URL with `http` to another machine: the keys could be exchanged on the way.
    #[error("`http` only to the machine itself (`localhost`, `127.0.0.1` or `[::1]`)")]
    Plain,
}

// === impl Jwks ===

impl TryFrom<String> for Jwks {
    type Error = JwksError;

    fn try_from(text: String) -> Result<Self, JwksError> {
        let (is_plain, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) if text.contains("://") => return Err(JwksError::Url),
            (None, None) => return Ok(Self::File(text.into())),
        };
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let after = rest.strip_prefix(host).unwrap_or_default();
        // RFC 3986 3.3 and 3.4, and no more.
        let is_of_url =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/?".contains(&byte);
        if !is_host(host) || !after.bytes().all(is_of_url) || text.len() > 2048 {
            return Err(JwksError::Url);
        }
        if is_plain && !is_loopback(host) {
            return Err(JwksError::Plain);
        }
        Ok(Self::Url(text))
    }
}

/// Returns true if a host, with or without a port, is this machine.
fn is_loopback(host: &str) -> bool {
    use std::net::{Ipv4Addr, Ipv6Addr};
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address
            .parse::<Ipv6Addr>()
            .is_ok_and(|address| address.is_loopback()),
        None => {
            let name = host.split(':').next().unwrap_or_default();
            name == "localhost"
                || name
                    .parse::<Ipv4Addr>()
                    .is_ok_and(|address| address.is_loopback())
        }
    }
}

impl fmt::Display for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => f.write_str(url),
        }
    }
}

impl Serialize for Jwks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
