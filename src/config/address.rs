//! The two settings that are addresses: where to listen, and where entities come from.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

/// Where questions are answered: `IP:PORT` or `unix:PATH`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Listen {
    /// A TCP address; port 0 lets the kernel choose.
    Tcp(SocketAddr),
    /// The path of a Unix domain socket.
    Unix(PathBuf),
}

/// Where entities come from: `sqlite:PATH` or `entities:FILE`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Source {
    /// A SQLite database, created where missing.
    Sqlite(PathBuf),
    /// A file in Cedar's entities JSON, held in memory.
    Entities(PathBuf),
}

/// Why a text is not a [`Listen`] or a [`Source`]. A URL may hold a password, so of what is not
/// understood only the scheme is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Neither an IP address with a port nor `unix:`.
    #[error("expected `IP:PORT` (as `127.0.0.1:8180` or `[::1]:8180`) or `unix:PATH`, found `{0}`")]
    Listen(String),
    /// `postgres://…`.
    #[error("`{0}` is not supported by this version, expected `sqlite:PATH` or `entities:FILE`")]
    Unsupported(String),
    /// No scheme, or one that names no kind of source.
    #[error("unknown tenancy source `{0}`, expected `sqlite:PATH` or `entities:FILE`")]
    Source(String),
    /// Nothing after the scheme.
    #[error("`{0}` names no file")]
    Empty(String),
    /// `sqlite::memory:`.
    #[error("`sqlite::memory:` cannot be shared by several connections, expected `sqlite:PATH`")]
    Memory,
}

// === impl Listen ===

impl FromStr for Listen {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix("unix:") {
            Some("") => Err(AddressError::Empty(text.to_owned())),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text
                .parse()
                .map(Self::Tcp)
                .map_err(|_| AddressError::Listen(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Listen {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Serialize for Listen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

// === impl Source ===

impl FromStr for Source {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let Some((scheme, path)) = text.split_once(':') else {
            return Err(AddressError::Source(text.to_owned()));
        };
        match (scheme, path) {
            ("sqlite" | "entities", "") => Err(AddressError::Empty(text.to_owned())),
            ("sqlite", ":memory:") => Err(AddressError::Memory),
            ("sqlite", path) => Ok(Self::Sqlite(path.into())),
            ("entities", path) => Ok(Self::Entities(path.into())),
            ("postgres" | "postgresql", _) => Err(AddressError::Unsupported(format!("{scheme}:"))),
            _ => Err(AddressError::Source(format!("{scheme}:"))),
        }
    }
}

impl TryFrom<String> for Source {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Entities(path) => write!(f, "entities:{}", path.display()),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_they_are_read() {
        for text in [
            "127.0.0.1:8180",
            "[::1]:0",
            "unix:/run/authz.sock",
            "unix:relative",
        ] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        for text in [
            "sqlite:tenancy.db",
            "sqlite:/var/lib/a:b.db",
            "entities:entities.json",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_addresses_are_errors() {
        for text in [
            "",
            "8180",
            ":8180",
            "localhost:8180",
            "127.0.0.1",
            "127.0.0.1:99999",
            "UNIX:/a",
        ] {
            assert_eq!(
                text.parse::<Listen>(),
                Err(AddressError::Listen(text.to_owned()))
            );
        }
        assert_eq!(
            "unix:".parse::<Listen>(),
            Err(AddressError::Empty("unix:".to_owned()))
        );
        for text in ["", "tenancy.db"] {
            assert_eq!(
                text.parse::<Source>(),
                Err(AddressError::Source(text.to_owned()))
            );
        }
        assert_eq!(
            "sqlite:".parse::<Source>(),
            Err(AddressError::Empty("sqlite:".to_owned()))
        );
        assert_eq!(
            "sqlite::memory:".parse::<Source>(),
            Err(AddressError::Memory)
        );
    }

    #[test]
    fn a_password_in_a_source_is_not_repeated() {
        for scheme in ["postgres", "postgresql", "mysql"] {
            let error = format!("{scheme}://me:secret@host/db")
                .parse::<Source>()
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(&format!("`{scheme}:`")) && !error.contains("secret"),
                "{error}"
            );
        }
        assert_eq!(
            "postgres://h/db".parse::<Source>().unwrap_err().to_string(),
            "`postgres:` is not supported by this version, expected `sqlite:PATH` or `entities:FILE`"
        );
    }
}
