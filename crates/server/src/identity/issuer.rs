//! Issuers, each with its keys and with what its tokens need.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::claims::NeededClaims;
use super::fetch::TokensError;
use super::keyring::Keyring;
use super::token::short_type;
use crate::config::{Algorithm, Jwks, Jwt, JwtIssuer, Principal};

/// An issuer.
pub(super) struct Issuer {
    pub(super) name: Arc<str>,
    pub(super) keyring: Arc<Keyring>,
    /// True if other issuers share its keys: only keys count that name it as their owner.
    pub(super) is_sharing: bool,
    pub(super) needed: NeededClaims,
    pub(super) algorithms: Vec<Algorithm>,
    /// As [`short_type`] makes them.
    pub(super) types: Vec<String>,
    pub(super) principal: Vec<Principal>,
    /// The setting that its principals are from.
    pub(super) setting: &'static str,
}

/// All issuers, by name.
pub(super) struct Issuers {
    pub(super) all: HashMap<String, Arc<Issuer>>,
    /// Each once, also if several issuers have it.
    pub(super) keyrings: Vec<Arc<Keyring>>,
}

/// The keyrings, by the place of the keys and how they are looked at.
#[derive(Default)]
struct Keyrings {
    known: HashMap<(String, Option<PathBuf>, bool), Arc<Keyring>>,
    all: Vec<Arc<Keyring>>,
}

// === impl Issuers ===

impl Issuers {
    pub(super) fn new(settings: &Jwt) -> Result<Self, TokensError> {
        let (mut keyrings, mut all) = (Keyrings::default(), HashMap::new());
        if let Some(jwks) = &settings.jwks {
            let is_sharing = settings.issuer.len() > 1;
            let keyring =
                keyrings.of(jwks, settings.ca_certificate.as_ref(), is_sharing, settings)?;
            for name in &settings.issuer {
                let issuer = Issuer::of_short_form(name, &keyring, is_sharing, settings);
                all.insert(name.clone(), Arc::new(issuer));
            }
        }
        for entry in &settings.issuers {
            let certificate = entry
                .ca_certificate
                .as_ref()
                .or(settings.ca_certificate.as_ref());
            let keyring = keyrings.of(&entry.jwks, certificate, false, settings)?;
            let issuer = Issuer::of_entry(entry, keyring, settings);
            all.insert(entry.issuer.clone(), Arc::new(issuer));
        }
        if keyrings.all.is_empty() {
            return Err(TokensError::NotConfigured);
        }
        Ok(Self {
            all,
            keyrings: keyrings.all,
        })
    }
}

impl Keyrings {
    fn of(
        &mut self,
        jwks: &Jwks,
        certificate: Option<&PathBuf>,
        is_shared: bool,
        settings: &Jwt,
    ) -> Result<Arc<Keyring>, TokensError> {
        let place = (jwks.to_string(), certificate.cloned(), is_shared);
        if let Some(known) = self.known.get(&place) {
            return Ok(Arc::clone(known));
        }
        let certificate = certificate.map(PathBuf::as_path);
        let keyring = Keyring::new(jwks, certificate, is_shared, settings)?;
        self.all.push(Arc::clone(&keyring));
        self.known.insert(place, Arc::clone(&keyring));
        Ok(keyring)
    }
}

// === impl Issuer ===

impl Issuer {
    fn of_short_form(name: &str, keyring: &Arc<Keyring>, is_sharing: bool, settings: &Jwt) -> Self {
        Self {
            name: name.into(),
            keyring: Arc::clone(keyring),
            is_sharing,
            needed: NeededClaims {
                audience: settings.audience.clone(),
                audience_claim: settings.audience_claim.clone(),
                require: settings.require.clone(),
                expires: true,
            },
            algorithms: settings.algorithms.clone(),
            types: short(&settings.types),
            principal: settings.principal.clone(),
            setting: "jwt.principal",
        }
    }

    fn of_entry(entry: &JwtIssuer, keyring: Arc<Keyring>, settings: &Jwt) -> Self {
        /// The value of the entry, or else that of all issuers.
        fn or<'a, T>(own: &'a Vec<T>, shared: &'a Vec<T>) -> &'a Vec<T> {
            if own.is_empty() { shared } else { own }
        }
        Self {
            name: entry.issuer.as_str().into(),
            keyring,
            is_sharing: false,
            needed: NeededClaims {
                audience: entry.audience.clone(),
                audience_claim: or(&entry.audience_claim, &settings.audience_claim).clone(),
                require: entry.require.clone(),
                expires: true,
            },
            algorithms: or(&entry.algorithms, &settings.algorithms).clone(),
            types: short(or(&entry.types, &settings.types)),
            principal: entry.principal.clone(),
            setting: "jwt.issuers",
        }
    }
}

fn short(types: &[String]) -> Vec<String> {
    types.iter().map(|kind| short_type(kind)).collect()
}
