//! The URL of an OpenTelemetry collector.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::server_url::{ServerUrlError, url_parts};

/// The URL of a collector: with `https`, or with `http`, of a host, a port and for HTTP a path.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct CollectorUrl {
    text: String,
    is_plain: bool,
    is_local: bool,
}

impl CollectorUrl {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns true if others could read on the way what is sent there.
    #[must_use]
    pub fn is_plain_to_others(&self) -> bool {
        self.is_plain && !self.is_local
    }

    /// Returns true if there is no TLS.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }
}

impl TryFrom<String> for CollectorUrl {
    type Error = ServerUrlError;

    fn try_from(text: String) -> Result<Self, ServerUrlError> {
        let parts = url_parts(&text)?;
        let (is_plain, is_local) = (parts.is_plain, parts.is_local);
        match text.contains('?') {
            true => Err(ServerUrlError::Form),
            false => Ok(Self {
                text,
                is_plain,
                is_local,
            }),
        }
    }
}

impl fmt::Display for CollectorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for CollectorUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_could_read_is_known() {
        let url = |text: &str| CollectorUrl::try_from(text.to_owned());
        for (text, plain) in [
            ("http://127.0.0.1:4317", false),
            ("http://localhost:4318/otlp", false),
            ("https://collector.example.org:4317", false),
            ("http://collector:4317", true),
        ] {
            assert_eq!(
                url(text).map(|url| url.is_plain_to_others()),
                Ok(plain),
                "{text}"
            );
        }
        for text in [
            "",
            "collector:4317",
            "grpc://collector",
            "http://",
            "http://a/?b",
            "http://a#b",
        ] {
            assert_eq!(url(text), Err(ServerUrlError::Form), "{text}");
        }
    }
}
