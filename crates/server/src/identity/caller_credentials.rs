//! The credentials by which callers of this program say who they are: keys, and tokens of the issuers of `[jwt]`
//! for an audience of their own.

use std::sync::Arc;

use super::api_keys::{ApiKeys, KeyBasis};
use super::clock::TokenClock;
use super::credentials::CredentialsError;
use super::refused::RefusedToken;
use super::token::is_signed_token;
use super::tokens::{TokenBasis, Tokens};
use super::verified::{TokenError, Verified};
use crate::config::{ApiKeys as KeySettings, Config, Jwt, Principal};
use crate::loads::Loads;

/// The credentials of callers.
pub struct CallerCredentials {
    keys: Option<ApiKeys>,
    tokens: Option<Tokens>,
}

/// The kind of a credential that was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownBy {
    /// A key; the designation is the name of its entry.
    Key,
    /// A token; the designation is its subject.
    Token,
}

/// A credential that was verified.
pub struct Accepted {
    /// Its kind.
    pub by: ShownBy,
    /// The one that it names.
    pub verified: Arc<Verified>,
    /// The keys and times by which it counts.
    pub basis: Basis,
}

/// The keys and times by which a credential counts that was verified.
pub struct Basis(BasisOf);

enum BasisOf {
    Key(KeyBasis),
    Token(TokenBasis),
}

// === impl CallerCredentials ===

impl CallerCredentials {
    /// Makes what the settings ask for. No server is asked yet.
    ///
    /// # Errors
    /// The settings name a file that cannot be used.
    pub fn new(config: &Config) -> Result<Self, CredentialsError> {
        let callers = &config.callers;
        let keys = KeySettings {
            file: callers.file.clone(),
            basic: false,
            principal: Vec::new(),
            key: callers.key.clone(),
        };
        Ok(Self {
            keys: match keys.is_set() {
                true => Some(ApiKeys::new(&keys, "callers", &config.reload)?),
                false => None,
            },
            tokens: match callers.audience.is_empty() {
                true => None,
                false => Some(Tokens::new(&for_callers(&config.jwt, &callers.audience))?),
            },
        })
    }

    /// True if there may be credentials that are accepted.
    #[must_use]
    pub fn are_set(&self) -> bool {
        self.keys.is_some() || self.tokens.is_some()
    }

    /// The keys in force, by the names of their entries, as they are verified.
    #[must_use]
    pub fn of_keys(&self) -> Vec<Arc<Verified>> {
        self.keys.as_ref().map(ApiKeys::all).unwrap_or_default()
    }

    /// Verifies the text behind `Bearer `, on a Tokio runtime.
    ///
    /// # Errors
    /// It is not valid, or it cannot be verified now.
    pub async fn verify(&self, text: &str) -> Result<Accepted, TokenError> {
        if let Some(tokens) = self.tokens.as_ref().filter(|_| is_signed_token(text)) {
            let (verified, basis) = tokens.verify_for(text).await?;
            return Ok(Accepted {
                by: ShownBy::Token,
                verified,
                basis: Basis(BasisOf::Token(basis)),
            });
        }
        let found = self.keys.as_ref();
        match found.and_then(|keys| keys.of_for(text, TokenClock::read())) {
            Some(Ok((verified, basis))) => Ok(Accepted {
                by: ShownBy::Key,
                verified,
                basis: Basis(BasisOf::Key(basis)),
            }),
            Some(Err(refused)) => Err(TokenError::Invalid(refused)),
            None => Err(TokenError::Invalid(RefusedToken::because(
                "it is no key or token of a caller",
            ))),
        }
    }

    /// True if a credential that was verified counts still, without another look at it.
    #[must_use]
    pub fn are_in_force(&self, basis: &Basis) -> bool {
        match &basis.0 {
            BasisOf::Key(basis) => {
                let keys = self.keys.as_ref();
                keys.is_some_and(|keys| keys.are_in_force(basis))
            }
            BasisOf::Token(basis) => basis.is_in_force(TokenClock::read()),
        }
    }

    /// Keeps all keys fresh, for ever.
    pub async fn follow(&self, loads: &Arc<Loads>) {
        let tokens = async {
            if let Some(tokens) = &self.tokens {
                tokens.follow(loads).await;
            }
        };
        let keys = async {
            if let Some(keys) = &self.keys {
                keys.follow(loads).await;
            }
        };
        tokio::join!(tokens, keys);
    }

    /// Has the file of keys read now.
    pub fn reread(&self) {
        if let Some(keys) = &self.keys {
            keys.reread();
        }
    }

    /// True if the last change of the file of keys was refused.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.keys.as_ref().is_some_and(ApiKeys::is_refused)
    }
}

/// The same issuers, for other audiences: a token of a user is none of a caller.
fn for_callers(jwt: &Jwt, audience: &[String]) -> Jwt {
    let mut jwt = jwt.clone();
    let principal = vec![Principal {
        kind: "Caller".to_owned(),
        claim: "sub".to_owned(),
        attribute: None,
        when: std::collections::BTreeMap::new(),
        unverified: false,
    }];
    audience.clone_into(&mut jwt.audience);
    for issuer in &mut jwt.issuers {
        audience.clone_into(&mut issuer.audience);
        issuer.principal.clone_from(&principal);
    }
    Jwt { principal, ..jwt }
}
