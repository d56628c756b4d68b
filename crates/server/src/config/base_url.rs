//! The URL under which callers reach this program, for its metadata.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// An `https` URL without query and fragment, as AuthZEN 1.0 requires of the identifier of a policy
/// decision point. It is kept as it was written, because callers compare it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct BaseUrl(String);

/// Why a text is not a [`BaseUrl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a URL as `https://HOST` or `https://HOST:PORT/PATH`, without query and fragment")]
pub struct BaseUrlError;

/// Returns true if a text is a host, with or without a port. Only characters of names and addresses
/// are allowed, so that the text can be put into a URL.
#[must_use]
pub fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) if address.parse::<std::net::Ipv6Addr>().is_ok() => (
            "v6",
            rest.strip_prefix(':').or(rest.is_empty().then_some("0")),
        ),
        Some(_) => return false,
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("0")),
        },
    };
    let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_port =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    (1..=255).contains(&host.len()) && host.bytes().all(is_of_host) && port.is_some_and(is_port)
}

// === impl BaseUrl ===

impl BaseUrl {
    /// The URL as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path, without a slash at its end; empty where there is none.
    #[must_use]
    pub fn path(&self) -> &str {
        let rest = self.0.strip_prefix("https://").unwrap_or_default();
        let path = rest.find('/').and_then(|place| rest.get(place..));
        path.unwrap_or_default().trim_end_matches('/')
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = BaseUrlError;

    fn try_from(text: String) -> Result<Self, BaseUrlError> {
        let rest = text.strip_prefix("https://").ok_or(BaseUrlError)?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        // RFC 3986 3.3, and no more.
        let is_of_path =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/".contains(&byte);
        if is_host(host) && path.bytes().all(is_of_path) && text.len() <= 2048 {
            Ok(Self(text))
        } else {
            Err(BaseUrlError)
        }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for BaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BaseUrl, BaseUrlError> {
        BaseUrl::try_from(text.to_owned())
    }

    #[test]
    fn an_https_url_is_kept_as_it_is_written() {
        for (text, path) in [
            ("https://pdp.example.com", ""),
            ("https://pdp.example.com/", ""),
            ("https://PDP.example.com:8443", ""),
            ("https://pdp.example.com/tenant1", "/tenant1"),
            ("https://[::1]:8443/a/b/", "/a/b"),
        ] {
            let url = read(text).unwrap();
            assert_eq!(url.as_str(), text);
            assert_eq!(url.path(), path, "{text}");
        }
    }

    #[test]
    fn another_scheme_a_query_a_fragment_or_no_host_is_refused() {
        for text in [
            "",
            "pdp.example.com",
            "http://pdp.example.com",
            "HTTPS://pdp.example.com",
            "https:pdp.example.com",
            "https://",
            "https:///path",
            "https://pdp.example.com?x=1",
            "https://pdp.example.com/?x=1",
            "https://pdp.example.com/#top",
            "https://pdp.example.com#",
            "https://user@pdp.example.com",
            "https://pdp.example.com:port",
            "https://pdp.example.com:70000",
            "https://pdp.example.com:",
            "https://pdp example.com",
            "https://pdp.example.com/a b",
            "https://pdp.example.com/\n",
            "https://[::1",
            "https://[::g]",
            "https://[::1]x",
            "https://\u{e5}.example.com",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&format!("https://{}", "a".repeat(255))).is_ok());
        assert!(read(&format!("https://{}", "a".repeat(256))).is_err());
        assert!(read(&format!("https://a/{}", "a".repeat(3000))).is_err());
    }
}
