//! The two settings that are addresses: the one to listen on, and the source of entities.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

/// The address to answer on: `IP:PORT` or `unix:PATH`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Listen {
    /// A TCP address; port 0 lets the kernel choose.
    Tcp(SocketAddr),
    /// The path of a Unix domain socket.
    Unix(PathBuf),
}

/// The source of entities: `sqlite:PATH`, `postgres://…` or `entities:FILE`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Source {
    /// A SQLite database, which is created if it does not exist.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(Url),
    /// A file in Cedar's entities JSON, held in memory.
    Entities(PathBuf),
}

/// A URL of a database. It is shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(String);

/// Why a text is not a [`Listen`] or a [`Source`]. A URL may hold a password, so only the scheme of
/// an unknown source is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Neither an IP address with a port nor `unix:`.
    #[error("expected `IP:PORT` (as `127.0.0.1:8180` or `[::1]:8180`) or `unix:PATH`, found `{0}`")]
    Listen(String),
    /// No scheme, or an unknown one.
    #[error(
        "unknown tenancy source `{0}`, expected `sqlite:PATH`, `postgres://…` or `entities:FILE`"
    )]
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
            // `password=…` of another form of a URL is behind a `=`.
            let shown = text.split_once('=').map_or(text, |(name, _)| name);
            return Err(AddressError::Source(shown.to_owned()));
        };
        match (scheme, path) {
            ("sqlite" | "entities", "") => Err(AddressError::Empty(text.to_owned())),
            ("sqlite", ":memory:") => Err(AddressError::Memory),
            ("sqlite", path) => Ok(Self::Sqlite(path.into())),
            ("entities", path) => Ok(Self::Entities(path.into())),
            ("postgres" | "postgresql", path) if path.starts_with("//") => {
                Ok(Self::Postgres(Url(text.to_owned())))
            }
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
            Self::Postgres(url) => url.fmt(f),
            Self::Entities(path) => write!(f, "entities:{}", path.display()),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

// === impl Url ===

impl Url {
    /// The whole URL with its password, to connect with. It must not be shown.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match shown(&self.0) {
            Some(shown) => f.write_str(&shown),
            // Any part of it may belong to a password.
            None => f.write_str("postgres://…"),
        }
    }
}

/// A URL without its password and its parameters, one of which may be a password too; `None` where
/// it is not certain which part is which.
fn shown(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("//")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at_checked(end)?;
    // A password that holds one of these characters, not escaped.
    if after.contains('@') {
        return None;
    }
    let database = after
        .split_once('?')
        .map_or(after, |(database, _)| database);
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (Some(user), hosts),
        None => (None, authority),
    };
    let is_host = |host: &str| match host.rsplit_once(':') {
        Some((_, port)) => port.ends_with(']') || port.bytes().all(|it| it.is_ascii_digit()),
        None => true,
    };
    if !is_plain(database) || !is_plain(hosts) || !hosts.split(',').all(is_host) {
        return None;
    }
    let Some(user) = user else {
        return Some(format!("{scheme}//{hosts}{database}"));
    };
    let (user, secret) = user.split_once(':').unwrap_or((user, ""));
    let mask = if secret.is_empty() { "" } else { ":***" };
    is_plain(user).then(|| format!("{scheme}//{user}{mask}@{hosts}{database}"))
}

fn is_plain(text: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || "-._~%/[]:,".contains(c);
    text.chars().all(is_plain)
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
