//! Verifying tokens.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::claims::{self, Validity};
use super::clock::TokenClock;
use super::fetch::TokensError;
use super::issuer::{Issuer, Issuers};
use super::keyring::{Keyring, KeysHealth};
use super::keys::{KeySet, NoKey, Signatory};
use super::principal;
use super::reason::InvalidReason;
use super::refused::RefusedToken;
use super::token::Token;
use super::verified::{TokenError, Unverified, Verified, weight};
use crate::config::Jwt;
use crate::loads::Loads;
use peppol_authz_engine::schema::{Misfit, Schema};

/// The memory for verified tokens, in bytes.
const KEPT: u64 = 16 << 20;

/// Verifies tokens.
pub struct Tokens {
    issuers: Issuers,
    leeway: Duration,
    /// The longest token that is read, in bytes.
    max_bytes: usize,
    /// By the SHA-256 of the token. Bounded by bytes, as clients may choose the contents of a part
    /// of their tokens.
    kept: moka::sync::Cache<[u8; 32], KeptToken, foldhash::quality::RandomState>,
}

/// A token that was verified.
#[derive(Clone)]
struct KeptToken {
    verified: Arc<Verified>,
    basis: TokenBasis,
    /// The memory that it takes, about, in bytes.
    bytes: u32,
}

/// The keys that verified a token, and its time.
#[derive(Clone)]
pub(super) struct TokenBasis {
    validity: Validity,
    issuer: Arc<Issuer>,
    /// The digest of the keys; with other keys the token does not count.
    keys: [u8; 32],
}

// === impl Tokens ===

impl Tokens {
    /// Makes a verifier. Only certificates are read yet.
    ///
    /// # Errors
    /// The settings have no keys, or certificates that cannot be used.
    pub fn new(settings: &Jwt) -> Result<Self, TokensError> {
        Ok(Self {
            issuers: Issuers::new(settings)?,
            leeway: settings.leeway,
            max_bytes: settings.max_bytes,
            kept: moka::sync::Cache::builder()
                .max_capacity(KEPT)
                .weigher(|_, kept: &KeptToken| kept.bytes)
                .build_with_hasher(foldhash::quality::RandomState::default()),
        })
    }

    /// Checks that the schema has the types and attributes of the principals that tokens name.
    ///
    /// # Errors
    /// The first one that the schema does not have.
    pub fn check(&self, schema: &Schema) -> Result<(), Misfit> {
        // In the order of their names, so that the first is always the same.
        let mut issuers: Vec<_> = self.issuers.all.values().collect();
        issuers.sort_by(|one, other| one.name.cmp(&other.name));
        issuers
            .into_iter()
            .try_for_each(|issuer| principal::check(&issuer.principal, schema, issuer.setting))
    }

    /// Verifies a token (the text behind `Bearer `), on a Tokio runtime.
    ///
    /// # Errors
    /// The token is not valid, or there are no keys, or they are too old.
    pub async fn verify(&self, token: &str) -> Result<Arc<Verified>, TokenError> {
        self.verify_at(token, TokenClock::read()).await
    }

    /// The same, with what the token counts by.
    pub(super) async fn verify_for(
        &self,
        token: &str,
    ) -> Result<(Arc<Verified>, TokenBasis), TokenError> {
        self.verify_for_at(token, TokenClock::read()).await
    }

    /// Keeps the keys fresh, for ever. Without it there are looks only for tokens that name an
    /// unknown key.
    pub async fn follow(&self, loads: &Arc<Loads>) {
        join_all(self.keyrings().map(|keyring| keyring.follow(loads))).await;
    }

    /// Checks that tokens of one issuer at least can be verified: one whose server is gone does not
    /// take the others with it.
    ///
    /// # Errors
    /// There are no keys yet, or they are too old.
    pub fn readiness(&self) -> Result<(), String> {
        let mut first = Ok(());
        for keyring in self.keyrings() {
            match keyring.readiness() {
                Ok(()) => return Ok(()),
                Err(why) => first = first.and(Err(why)),
            }
        }
        first
    }

    /// The results of the looks at the keys, those of all issuers together.
    #[must_use]
    pub fn health(&self) -> KeysHealth {
        self.keyrings()
            .map(|keyring| keyring.health())
            .reduce(KeysHealth::and)
            .unwrap_or_default()
    }

    fn keyrings(&self) -> impl Iterator<Item = &Arc<Keyring>> {
        self.issuers.keyrings.iter()
    }

    async fn verify_at(&self, text: &str, now: TokenClock) -> Result<Arc<Verified>, TokenError> {
        let (verified, _) = self.verify_for_at(text, now).await?;
        Ok(verified)
    }

    async fn verify_for_at(
        &self,
        text: &str,
        now: TokenClock,
    ) -> Result<(Arc<Verified>, TokenBasis), TokenError> {
        let mut refused = RefusedToken::because("");
        let found = self.look_at(text, now, &mut refused).await;
        found
            .map(|kept| (kept.verified, kept.basis))
            .map_err(|cause| cause.of(refused))
    }

    /// Verifies a token, and notes in `seen` by whom it claims to be.
    async fn look_at(
        &self,
        text: &str,
        now: TokenClock,
        seen: &mut RefusedToken,
    ) -> Result<KeptToken, Unverified> {
        if text.len() > self.max_bytes {
            return Err("it is too long".into());
        }
        let digest: [u8; 32] = Sha256::digest(text).into();
        if let Some(kept) = self.kept.get(&digest)
            && kept.basis.is_by_keys_in_force(now)
        {
            seen.issuer = Some(Arc::clone(&kept.basis.issuer.name));
            kept.basis.validity.holds(now.wall)?;
            return Ok(kept);
        }
        let token = Token::read(text)?;
        seen.note_kid(token.kid.as_ref());
        // Not believed yet: they say by whose keys the signature has to be.
        let claims = token.claims()?;
        let issuer = match claims.get("iss") {
            Some(Value::String(name)) => self.issuers.all.get(name),
            Some(_) => return Err("its issuer is not a string".into()),
            None => return Err("it names no issuer".into()),
        };
        let issuer = issuer.ok_or("its issuer is not one of the settings")?;
        seen.issuer = Some(Arc::clone(&issuer.name));
        token.is_like(&issuer.types, &issuer.algorithms)?;
        let by = Signatory {
            issuer: &issuer.name,
            tenant: claims.get("tid").and_then(Value::as_str),
            is_sharing: issuer.is_sharing,
        };
        let is_unknown =
            |keys: &Arc<KeySet>| matches!(keys.choose(&token, by), Err(NoKey::Unknown));
        let mut keys = issuer.keyring.good(now.moment);
        if keys.as_ref().is_none_or(is_unknown) {
            issuer.keyring.look_for_token().await;
            keys = issuer.keyring.good(now.moment);
        }
        let keys = keys.ok_or(Unverified::Unavailable(
            "there are no keys, or too old ones",
        ))?;
        is_signed(&token, &keys, by)?;
        let kept = self.judge(claims, issuer, *keys.digest())?;
        kept.basis.validity.holds(now.wall)?;
        self.kept.insert(digest, kept.clone());
        Ok(kept)
    }

    /// Judges claims whose signature is valid.
    fn judge(
        &self,
        claims: Map<String, Value>,
        issuer: &Arc<Issuer>,
        keys: [u8; 32],
    ) -> Result<KeptToken, InvalidReason> {
        let validity = claims::check(&claims, &issuer.needed, self.leeway)?;
        let designation = principal::designate(&claims, &issuer.principal)?;
        let bytes = weight(&claims) + 2 * designation.value.len();
        Ok(KeptToken {
            verified: Arc::new(Verified {
                claims,
                designation,
            }),
            basis: TokenBasis {
                validity,
                issuer: Arc::clone(issuer),
                keys,
            },
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
        })
    }
}

// === impl TokenBasis ===

impl TokenBasis {
    /// True if the token counts still.
    pub(super) fn is_in_force(&self, now: TokenClock) -> bool {
        self.is_by_keys_in_force(now) && self.validity.holds(now.wall).is_ok()
    }

    fn is_by_keys_in_force(&self, now: TokenClock) -> bool {
        let keys = self.issuer.keyring.good(now.moment);
        keys.is_some_and(|keys| self.keys == *keys.digest())
    }
}

/// Checks that a token is signed by a key of its issuer.
fn is_signed(token: &Token<'_>, keys: &KeySet, by: Signatory<'_>) -> Result<(), InvalidReason> {
    let keys = keys.choose(token, by).map_err(|no_key| match no_key {
        NoKey::Unknown => "the key that it names is unknown",
        NoKey::Refused(reason) => reason,
    })?;
    if !keys.iter().any(|key| key.verifies(token)) {
        return Err("its signature is not by the key");
    }
    Ok(())
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
