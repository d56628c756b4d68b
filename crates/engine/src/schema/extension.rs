//! Cedar's extension types.

use serde_json::{Value as Json, json};

/// Cedar's extension types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExtensionType {
    /// An IPv4 or IPv6 address or range.
    IpAddr,
    /// A number with four digits after the point.
    Decimal,
    /// An instant, in milliseconds.
    DateTime,
    /// A length of time, in milliseconds.
    Duration,
}

impl ExtensionType {
    /// The Cedar function that makes a value of this type.
    #[must_use]
    pub fn function(self) -> &'static str {
        match self {
            Self::IpAddr => "ip",
            Self::Decimal => "decimal",
            Self::DateTime => "datetime",
            Self::Duration => "duration",
        }
    }

    /// A value in Cedar's JSON form, by the text that its function takes.
    pub(super) fn json(self, text: &str) -> Json {
        json!({"__extn": {"fn": self.function(), "arg": text}})
    }

    /// A value as it is written.
    #[must_use]
    pub fn example(self) -> &'static str {
        match self {
            Self::IpAddr => "10.0.0.1",
            Self::Decimal => "12.34",
            Self::DateTime => "2026-06-27T18:03:00Z",
            Self::Duration => "1h30m",
        }
    }
}
