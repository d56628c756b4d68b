//! Verifying tokens.

use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::claims::{self, Validity};
use super::fetch::TokensError;
use super::keyring::{Keyring, KeysHealth};
use super::keys::{KeySet, NoKey};
use super::principal;
use super::reason::InvalidReason;
use super::token::{MAX_BYTES, Token};
use crate::config::Jwt;
use peppol_authz_engine::schema::{Designation, Misfit, Schema, json_weight};
use peppol_authz_engine::slice::ENTRY_BYTES;

/// The memory for verified tokens, in bytes.
const KEPT: u64 = 16 << 20;

/// The memory that a verified token takes beside its claims, about, in bytes.
const OVERHEAD: usize = ENTRY_BYTES + 400;

/// Verifies tokens.
pub struct Tokens {
    settings: Jwt,
    keyring: Arc<Keyring>,
    /// By the SHA-256 of the token. Bounded by bytes, as clients may choose the contents of a part
    /// of their tokens.
    kept: moka::sync::Cache<[u8; 32], KeptToken, foldhash::quality::RandomState>,
}

/// The contents of a token that was verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Verified {
    /// All of its claims.
    pub claims: Map<String, Value>,
    /// The principal that it names.
    pub designation: Designation,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token is not valid. The reason is for the log, and not for the sender.
    #[error("the token is not valid: {0}")]
    Invalid(&'static str),
    /// The token cannot be verified now.
    #[error("tokens cannot be verified: {0}")]
    Unavailable(&'static str),
}

/// A token that was verified.
#[derive(Clone)]
struct KeptToken {
    verified: Arc<Verified>,
    validity: Validity,
    /// The memory that it takes, about, in bytes.
    bytes: u32,
    /// The digest of the keys; with other keys the entry does not count.
    keys: [u8; 32],
}

/// The time by two clocks: the calendar, and the machine since its start.
#[derive(Clone, Copy)]
struct TokenClock {
    /// In seconds of the Unix epoch.
    wall: f64,
    tick: Instant,
}

// === impl Tokens ===

impl Tokens {
    /// Makes a verifier. Only certificates are read yet.
    ///
    /// # Errors
    /// The settings have no `jwks`, or certificates that cannot be used.
    pub fn new(settings: &Jwt) -> Result<Self, TokensError> {
        Ok(Self {
            settings: settings.clone(),
            keyring: Keyring::new(settings)?,
            kept: moka::sync::Cache::builder()
                .max_capacity(KEPT)
                .weigher(|_, kept: &KeptToken| kept.bytes)
                .build_with_hasher(foldhash::quality::RandomState::default()),
        })
    }

    /// Checks that the schema has the types and attributes in `jwt.principal`.
    ///
    /// # Errors
    /// The first one that the schema does not have.
    pub fn check(&self, schema: &Schema) -> Result<(), Misfit> {
        self.settings.principal.iter().try_for_each(|entry| {
            schema
                .check_designation(&entry.kind, entry.attribute.as_deref())
                .map_err(|misfit| misfit.within("jwt.principal"))
        })
    }

    /// Verifies a token (the text behind `Bearer `), on a Tokio runtime.
    ///
    /// # Errors
    /// The token is not valid, or there are no keys, or they are too old.
    pub async fn verify(&self, token: &str) -> Result<Arc<Verified>, TokenError> {
        self.verify_at(token, TokenClock::read()).await
    }

    /// Keeps the keys fresh, for ever. Without it there are looks only for tokens that name an
    /// unknown key.
    pub async fn follow(&self) {
        self.keyring.follow().await;
    }

    /// Checks that tokens can be verified.
    ///
    /// # Errors
    /// There are no keys yet, or they are too old.
    pub fn readiness(&self) -> Result<(), String> {
        self.keyring.readiness()
    }

    /// The results of the looks at the keys.
    #[must_use]
    pub fn health(&self) -> KeysHealth {
        self.keyring.health()
    }

    async fn verify_at(&self, text: &str, now: TokenClock) -> Result<Arc<Verified>, TokenError> {
        if text.len() > MAX_BYTES {
            return Err(TokenError::Invalid("it is too long"));
        }
        let digest: [u8; 32] = Sha256::digest(text).into();
        let mut keys = self.keyring.good(now.tick);
        if let Some(keys) = &keys
            && let Some(kept) = self.kept.get(&digest)
            && kept.keys == *keys.digest()
        {
            kept.validity.holds(now.wall).map_err(TokenError::Invalid)?;
            return Ok(kept.verified);
        }
        let token = Token::read(text, &self.settings.algorithms).map_err(TokenError::Invalid)?;
        let is_unknown = |keys: &Arc<KeySet>| matches!(keys.choose(&token), Err(NoKey::Unknown));
        if keys.as_ref().is_none_or(is_unknown) {
            self.keyring.look_for_token().await;
            keys = self.keyring.good(now.tick);
        }
        let Some(keys) = keys else {
            return Err(TokenError::Unavailable(
                "there are no keys, or too old ones",
            ));
        };
        let kept = self
            .verify_by(&keys, &token, now)
            .map_err(TokenError::Invalid)?;
        let verified = Arc::clone(&kept.verified);
        self.kept.insert(digest, kept);
        Ok(verified)
    }

    fn verify_by(
        &self,
        keys: &KeySet,
        token: &Token<'_>,
        now: TokenClock,
    ) -> Result<KeptToken, InvalidReason> {
        let key = keys.choose(token).map_err(|no_key| match no_key {
            NoKey::Unknown => "the key that it names is unknown",
            NoKey::Refused(reason) => reason,
        })?;
        if !key.verifies(token) {
            return Err("its signature is not by the key");
        }
        let claims = token.claims()?;
        let validity = claims::check(&claims, &self.settings)?;
        validity.holds(now.wall)?;
        let designation = principal::designate(&claims, &self.settings.principal)?;
        let bytes = weight(&claims) + 2 * designation.value.len();
        Ok(KeptToken {
            verified: Arc::new(Verified {
                claims,
                designation,
            }),
            validity,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            keys: *keys.digest(),
        })
    }
}

/// The memory that a token with these claims takes: a client may choose a part of them.
fn weight(claims: &Map<String, Value>) -> usize {
    let claims = claims.iter();
    let members = claims.map(|(name, value)| 128 + name.len() + json_weight(value));
    OVERHEAD + members.sum::<usize>()
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

// === impl Verified ===

/// Without the contents.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").finish_non_exhaustive()
    }
}

// === impl TokenClock ===

impl TokenClock {
    fn read() -> Self {
        Self {
            // With a clock before 1970 every token is issued in the future.
            wall: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0.0, |since| since.as_secs_f64()),
            tick: Instant::now(),
        }
    }
}

#[cfg(test)]
mod tests;
