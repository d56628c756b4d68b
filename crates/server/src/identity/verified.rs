//! The caller that a token or a key names.

use std::fmt;

use serde_json::{Map, Value};

use super::reason::InvalidReason;
use super::refused::RefusedToken;
use peppol_authz_engine::schema::{Designation, json_weight};
use peppol_authz_engine::slice::ENTRY_BYTES;

/// The memory that a verified token takes beside its claims, about, in bytes.
const OVERHEAD: usize = ENTRY_BYTES + 400;

/// The contents of a token that was verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Verified {
    /// All of its claims.
    pub claims: Map<String, Value>,
    /// The principal that it names.
    pub designation: Designation,
}

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token is not valid. The reason is for the log, and not for the sender.
    #[error("the token is not valid: {0}")]
    Invalid(RefusedToken),
    /// The token cannot be verified now.
    #[error("tokens cannot be verified: {0}")]
    Unavailable(&'static str),
    /// The introspection endpoint does not say now whose the token is.
    #[error("tokens cannot be introspected: {0}")]
    NotIntrospected(&'static str),
}

/// Why a token is not accepted, before it is noted what it says of itself.
pub(super) enum Unverified {
    Invalid(InvalidReason),
    Unavailable(&'static str),
    NotIntrospected(&'static str),
}

impl From<InvalidReason> for Unverified {
    fn from(reason: InvalidReason) -> Self {
        Self::Invalid(reason)
    }
}

impl Unverified {
    /// The error, with what the token says of itself.
    pub(super) fn of(self, mut seen: RefusedToken) -> TokenError {
        match self {
            Self::Unavailable(reason) => TokenError::Unavailable(reason),
            Self::NotIntrospected(reason) => TokenError::NotIntrospected(reason),
            Self::Invalid(reason) => {
                seen.reason = reason;
                TokenError::Invalid(seen)
            }
        }
    }
}

/// The memory that a token with these claims takes: a client may choose a part of them.
pub(super) fn weight(claims: &Map<String, Value>) -> usize {
    let claims = claims.iter();
    let members = claims.map(|(name, value)| 128 + name.len() + json_weight(value));
    OVERHEAD + members.sum::<usize>()
}

/// Without the contents.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").finish_non_exhaustive()
    }
}
