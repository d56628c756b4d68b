//! Bearer tokens: their keys, the claims that they need, and the principals that they name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::range::{HOUR, MILLISECOND, MINUTE, SECOND, SettingFaults};
use super::{duration, list};

mod algorithm;
mod issuer;
mod jwks;
mod principal;

pub use algorithm::{Algorithm, AlgorithmError};
pub use issuer::JwtIssuer;
pub(super) use issuer::{claims_problem, require_problem};
pub use jwks::{Jwks, JwksError};
pub use principal::{Constant, Principal};

/// Bearer tokens. Without [`Jwt::jwks`] and [`Jwt::issuers`] no token is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// The place of the keys that tokens are signed with.
    pub jwks: Option<Jwks>,
    /// The issuers: `iss` of a token is one of these. If there are several, only keys count that
    /// name their issuer themselves.
    #[serde(default, deserialize_with = "list::deserialize")]
    pub issuer: Vec<String>,
    /// The audiences: a token is for one of these.
    #[serde(default, deserialize_with = "list::deserialize")]
    pub audience: Vec<String>,
    /// The claims that say for whom a token is; the first one that it has counts.
    #[serde(deserialize_with = "list::deserialize")]
    pub audience_claim: Vec<String>,
    /// The signatures that a token may have.
    pub algorithms: Vec<Algorithm>,
    /// The types that a token may have (`typ` of its header), if it names one.
    #[serde(deserialize_with = "list::deserialize")]
    pub types: Vec<String>,
    /// The claims that every token must have, with their constants.
    #[serde(default)]
    pub require: BTreeMap<String, Constant>,
    /// The greatest length of a token, in bytes.
    pub max_bytes: usize,
    /// The difference that is allowed between clocks.
    #[serde(with = "duration")]
    pub leeway: Duration,
    /// The interval between reads of the keys.
    #[serde(with = "duration")]
    pub refresh: Duration,
    /// The least interval between reads because of tokens that name an unknown key.
    #[serde(with = "duration")]
    pub min_refresh: Duration,
    /// How long keys are valid after the last read that succeeded.
    #[serde(with = "duration")]
    pub max_stale: Duration,
    /// How long one read may take.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// A PEM file of root certificates for the server of the keys, in place of the system's.
    pub ca_certificate: Option<PathBuf>,
    /// The principals that tokens name; the first entry that fits counts.
    pub principal: Vec<Principal>,
    /// Issuers with keys of their own.
    #[serde(default)]
    pub issuers: Vec<JwtIssuer>,
}

// === impl Jwt ===

impl Jwt {
    pub(super) fn check(&self, faults: &mut SettingFaults) {
        for (key, duration, range) in [
            ("jwt.leeway", self.leeway, Duration::ZERO..=10 * MINUTE),
            ("jwt.refresh", self.refresh, SECOND..=24 * HOUR),
            ("jwt.min_refresh", self.min_refresh, SECOND..=HOUR),
            ("jwt.max_stale", self.max_stale, SECOND..=30 * 24 * HOUR),
            ("jwt.timeout", self.timeout, 10 * MILLISECOND..=MINUTE),
        ] {
            faults.duration(key, duration, &range);
        }
        faults.path("jwt.ca_certificate", self.ca_certificate.as_deref());
        if let Some(Jwks::File(path)) = &self.jwks {
            faults.path("jwt.jwks", Some(path));
        }
        faults.number("jwt.max_bytes", self.max_bytes, 1024..=57_344);
        self.check_together(faults);
        self.check_shared(faults);
        let names: &[String] = match self.jwks {
            Some(_) => &self.issuer,
            None => &[],
        };
        issuer::check(&self.issuers, names, faults);
        for problem in self.principal.iter().filter_map(Principal::problem) {
            faults.add("jwt.principal", problem);
        }
    }

    /// Returns true if there are keys, so that tokens can be verified.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.jwks.is_some() || !self.issuers.is_empty()
    }

    /// Checks what holds for tokens of each issuer that says nothing else.
    fn check_shared(&self, faults: &mut SettingFaults) {
        if self.algorithms.is_empty() {
            faults.add("jwt.algorithms", "must not be empty");
        }
        for (key, problem) in [
            ("jwt.types", issuer::types_problem(&self.types)),
            (
                "jwt.audience_claim",
                issuer::claims_problem(&self.audience_claim),
            ),
            ("jwt.require", issuer::require_problem(&self.require)),
        ] {
            if let Some(problem) = problem {
                faults.add(key, problem);
            }
        }
    }

    /// Checks what depends on other settings, and what must not be empty.
    fn check_together(&self, faults: &mut SettingFaults) {
        for (key, texts) in [
            ("jwt.issuer", &self.issuer),
            ("jwt.audience", &self.audience),
        ] {
            if self.jwks.is_some() && texts.is_empty() {
                faults.add(key, "is required where `jwt.jwks` is set");
            }
            if texts.iter().any(String::is_empty) {
                faults.add(key, "must not be empty");
            }
        }
        if self.issuer.iter().any(|name| name.contains('{')) {
            faults.add("jwt.issuer", issuer::PLACEHOLDER);
        }
        if self.max_stale < self.refresh {
            faults.add("jwt.max_stale", "must not be less than `jwt.refresh`");
        }
        if self.principal.is_empty() {
            faults.add("jwt.principal", "must not be empty");
        }
    }
}

#[cfg(test)]
mod tests;
