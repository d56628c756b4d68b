//! Everything that a caller may show to say who it is, each kind with what verifies it.
//!
//! A kind is told by its form, so that nothing is shown where it has no business: a signed token goes
//! to the keys of its issuer alone, and a key that this program has made never goes to a server.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::api_keys::{ApiKeys, ApiKeysError, is_made_here};
use super::clock::TokenClock;
use super::fetch::TokensError;
use super::introspection::{Introspection, IntrospectionError};
use super::keyring::KeysHealth;
use super::refused::RefusedToken;
use super::token::is_signed_token;
use super::tokens::Tokens;
use super::verified::{TokenError, Verified};
use crate::config::Config;
use crate::loads::Loads;
use peppol_authz_engine::schema::{Misfit, Schema};

/// Everything that verifies callers; by default nothing does.
#[derive(Default)]
pub struct Credentials {
    tokens: Option<Tokens>,
    introspection: Option<Arc<Introspection>>,
    api_keys: Option<ApiKeys>,
}

/// The credentials that a caller shows.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// The text behind `Bearer `.
    Bearer(&'a str),
    /// The name and the key of `Authorization: Basic`.
    Basic {
        /// The name of an entry.
        name: &'a str,
        /// A key of it.
        key: &'a str,
    },
}

/// Why callers cannot be verified with these settings.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The keys of tokens cannot be used.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// The introspection endpoint cannot be used.
    #[error(transparent)]
    Introspection(#[from] IntrospectionError),
    /// Static keys cannot be used.
    #[error(transparent)]
    ApiKeys(#[from] ApiKeysError),
}

/// The state of everything that verifies callers, for metrics.
#[derive(Clone, Copy, Debug, Default)]
pub struct CredentialsHealth {
    /// The keys of signed tokens.
    pub token_keys: KeysHealth,
    /// The requests to the introspection endpoint.
    pub introspections: u64,
    /// The requests of these that failed.
    pub introspections_failed: u64,
    /// The number of static keys in force.
    pub api_keys: usize,
    /// True if the last change of the file of static keys was refused.
    pub api_keys_refused: bool,
}

// === impl Credentials ===

impl Credentials {
    /// Makes what the settings ask for. No server is asked yet.
    ///
    /// # Errors
    /// The settings name a file that cannot be used.
    pub fn new(config: &Config) -> Result<Self, CredentialsError> {
        let (jwt, introspection) = (&config.jwt, &config.introspection);
        Ok(Self {
            tokens: match jwt.is_set() {
                true => Some(Tokens::new(jwt)?),
                false => None,
            },
            introspection: match introspection.is_set() {
                true => Some(Arc::new(Introspection::new(introspection, jwt)?)),
                false => None,
            },
            api_keys: match config.api_keys.is_set() {
                true => Some(ApiKeys::new(&config.api_keys, "api_keys", &config.reload)?),
                false => None,
            },
        })
    }

    /// Returns true if `Authorization: Basic` is read.
    #[must_use]
    pub fn takes_basic(&self) -> bool {
        self.api_keys.as_ref().is_some_and(ApiKeys::takes_basic)
    }

    /// Checks that the schema has the types and attributes of the principals.
    ///
    /// # Errors
    /// The first one that the schema does not have.
    pub fn check(&self, schema: &Schema) -> Result<(), Misfit> {
        if let Some(tokens) = &self.tokens {
            tokens.check(schema)?;
        }
        if let Some(introspection) = &self.introspection {
            introspection.check(schema)?;
        }
        match &self.api_keys {
            Some(api_keys) => api_keys.check(schema),
            None => Ok(()),
        }
    }

    /// Verifies what a caller shows, on a Tokio runtime.
    ///
    /// # Errors
    /// It is not valid, or it cannot be verified now.
    pub async fn verify(&self, shown: Credential<'_>) -> Result<Arc<Verified>, TokenError> {
        match (shown, &self.api_keys) {
            (Credential::Bearer(text), _) => self.verify_bearer(text).await,
            (Credential::Basic { name, key }, Some(api_keys)) => api_keys
                .of_name(name, key, TokenClock::read())
                .map_err(TokenError::Invalid),
            (Credential::Basic { .. }, None) => Err(invalid("no static keys are set")),
        }
    }

    async fn verify_bearer(&self, text: &str) -> Result<Arc<Verified>, TokenError> {
        if let Some(tokens) = self.tokens.as_ref().filter(|_| is_signed_token(text)) {
            return tokens.verify(text).await;
        }
        let now = TokenClock::read();
        if let Some(found) = self.api_keys.as_ref().and_then(|keys| keys.of(text, now)) {
            return found.map_err(TokenError::Invalid);
        }
        if let Some(introspection) = self.introspection.as_ref().filter(|_| !is_made_here(text)) {
            return introspection.verify(text, now).await;
        }
        match (&self.tokens, &self.api_keys) {
            (_, Some(_)) => Err(invalid("it is none of the static keys")),
            // It says what is missing.
            (Some(tokens), None) => tokens.verify(text).await,
            (None, None) => Err(invalid("no keys of tokens are set")),
        }
    }

    /// Keeps all keys fresh, for ever. Without it the keys of signed tokens are looked at for tokens
    /// that name an unknown key, and static keys stay as they are.
    pub async fn follow(&self, loads: &Arc<Loads>) {
        let tokens = async {
            if let Some(tokens) = &self.tokens {
                tokens.follow(loads).await;
            }
        };
        let api_keys = async {
            if let Some(api_keys) = &self.api_keys {
                api_keys.follow(loads).await;
            }
        };
        tokio::join!(tokens, api_keys);
    }

    /// Has the file of static keys read now.
    pub fn reread(&self) {
        if let Some(api_keys) = &self.api_keys {
            api_keys.reread();
        }
    }

    /// Checks that signed tokens of one issuer at least can be verified, if any are accepted.
    ///
    /// # Errors
    /// There are no keys yet, or they are too old.
    pub fn readiness(&self) -> Result<(), String> {
        let tokens = self.tokens.as_ref();
        tokens.map_or(Ok(()), Tokens::readiness)
    }

    /// The state of everything.
    #[must_use]
    pub fn health(&self) -> CredentialsHealth {
        let mut health = CredentialsHealth::default();
        if let Some(tokens) = &self.tokens {
            health.token_keys = tokens.health();
        }
        if let Some(introspection) = &self.introspection {
            let counts = introspection.counts();
            health.introspections = counts.asked.load(Ordering::Relaxed);
            health.introspections_failed = counts.failed.load(Ordering::Relaxed);
        }
        if let Some(api_keys) = &self.api_keys {
            health.api_keys = api_keys.len();
            health.api_keys_refused = api_keys.is_refused();
        }
        health
    }

    /// How many requests to the introspection endpoint there are now, and may be.
    #[must_use]
    pub fn introspecting(&self) -> Option<(usize, usize)> {
        self.introspection.as_ref().map(|it| it.used())
    }
}

fn invalid(reason: &'static str) -> TokenError {
    TokenError::Invalid(RefusedToken::because(reason))
}
