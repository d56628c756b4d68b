//! The place of the keys that tokens are signed with.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};

use crate::config::{ServerUrl, ServerUrlError};

/// The place of the keys: a path, or a URL.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Jwks {
    /// A file.
    File(PathBuf),
    /// A server.
    Url(ServerUrl),
}

/// Why a text is not a [`Jwks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Neither a path nor a URL with a known scheme.
    #[error("expected a path or a URL as `https://HOST/PATH`, without fragment")]
    Url,
    /// A URL with `http` to another machine: the keys could be exchanged on the way.
    #[error("{}", ServerUrlError::Plain)]
    Plain,
}

// === impl Jwks ===

impl TryFrom<String> for Jwks {
    type Error = JwksError;

    fn try_from(text: String) -> Result<Self, JwksError> {
        if !text.contains("://") {
            return Ok(Self::File(text.into()));
        }
        match ServerUrl::try_from(text) {
            Ok(url) => Ok(Self::Url(url)),
            Err(ServerUrlError::Form) => Err(JwksError::Url),
            Err(ServerUrlError::Plain) => Err(JwksError::Plain),
        }
    }
}

impl fmt::Display for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => url.fmt(f),
        }
    }
}

impl Serialize for Jwks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
