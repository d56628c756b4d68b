//! The URL of a server that is asked about tokens.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::is_host;

/// A URL with `https`, or with `http` to this machine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ServerUrl(String);

/// Why a text is not a [`ServerUrl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerUrlError {
    /// No URL with a known scheme.
    #[error("expected a URL as `https://HOST/PATH`, without fragment")]
    Form,
    /// A URL with `http` to another machine: what is sent could be read and exchanged on the way.
    #[error("`http` only to the machine itself (`localhost`, `127.0.0.1` or `[::1]`)")]
    Plain,
}

// === impl ServerUrl ===

impl ServerUrl {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ServerUrl {
    type Error = ServerUrlError;

    fn try_from(text: String) -> Result<Self, ServerUrlError> {
        let parts = url_parts(&text)?;
        if parts.is_plain && !parts.is_local {
            return Err(ServerUrlError::Plain);
        }
        Ok(Self(text))
    }
}

/// What a URL with `https` or `http` says of the way to its host.
pub(super) struct UrlParts {
    /// With `http`.
    pub(super) is_plain: bool,
    /// The host is this machine.
    pub(super) is_local: bool,
}

/// Reads a URL with `https` or `http`.
///
/// # Errors
/// [`ServerUrlError::Form`].
pub(super) fn url_parts(text: &str) -> Result<UrlParts, ServerUrlError> {
    let (is_plain, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (false, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => return Err(ServerUrlError::Form),
    };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let after = rest.strip_prefix(host).unwrap_or_default();
    // RFC 3986 3.3 and 3.4, and no more.
    let is_of_url =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/?".contains(&byte);
    if !is_host(host) || !after.bytes().all(is_of_url) || text.len() > 2048 {
        return Err(ServerUrlError::Form);
    }
    Ok(UrlParts {
        is_plain,
        is_local: is_loopback(host),
    })
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

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ServerUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
