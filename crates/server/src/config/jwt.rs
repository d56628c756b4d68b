//! Bearer tokens: their keys, the claims that they need, and the principals that they name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::range::{HOUR, MILLISECOND, MINUTE, SECOND, SettingFaults};
use super::{duration, list};

mod algorithm;
mod jwks;

pub use algorithm::{Algorithm, AlgorithmError};
pub use jwks::{Jwks, JwksError};

/// Bearer tokens. Without [`Jwt::jwks`] no token is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// The place of the keys that tokens are signed with.
    pub jwks: Option<Jwks>,
    /// The issuers: `iss` of a token is one of these.
    #[serde(default, deserialize_with = "list::deserialize")]
    pub issuer: Vec<String>,
    /// The audiences: `aud` of a token holds one of these.
    #[serde(default, deserialize_with = "list::deserialize")]
    pub audience: Vec<String>,
    /// The signatures that a token may have.
    pub algorithms: Vec<Algorithm>,
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
}

/// A way in which claims name a principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// The type of the entity, by a name that callers may use.
    #[serde(rename = "type")]
    pub kind: String,
    /// The claim that names the entity: a member, or a JSON pointer if it starts with `/`.
    pub claim: String,
    /// The attribute that has the value of the claim; without one, the claim is the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// The claims that the entry requires, with their constants. An array fits if it holds the
    /// constant.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub when: BTreeMap<String, Constant>,
    /// True if an e-mail address is accepted when the token does not say whether it is verified. An
    /// address that the token says is not verified is never accepted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unverified: bool,
}

/// A constant that a claim is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a string, a boolean or a whole number to compare a claim with"
)]
pub enum Constant {
    /// A boolean.
    Truth(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
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
        self.check_together(faults);
        self.principal
            .iter()
            .for_each(|principal| principal.check(faults));
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
        if self.algorithms.is_empty() {
            faults.add("jwt.algorithms", "must not be empty");
        }
        if self.max_stale < self.refresh {
            faults.add("jwt.max_stale", "must not be less than `jwt.refresh`");
        }
        if self.principal.is_empty() {
            faults.add("jwt.principal", "must not be empty");
        }
    }
}

// === impl Principal ===

impl Principal {
    fn check(&self, faults: &mut SettingFaults) {
        let is_empty = |text: Option<&String>| text.is_some_and(String::is_empty);
        if self.kind.is_empty() || is_empty(self.attribute.as_ref()) {
            let problem = "`type` and `attribute` must not be empty where they are given";
            faults.add("jwt.principal", problem);
        }
        let mut claims = std::iter::once(&self.claim).chain(self.when.keys());
        if !claims.all(|name| is_claim(name)) {
            let problem = "a claim must be a name, or a JSON pointer as `/realm/role`";
            faults.add("jwt.principal", problem);
        }
    }
}

/// Returns true if a text is the name of a claim, or a JSON pointer (RFC 6901).
fn is_claim(name: &str) -> bool {
    let escapes = || {
        name.split('~')
            .skip(1)
            .all(|rest| rest.starts_with(['0', '1']))
    };
    match name.strip_prefix('/') {
        Some(path) => !path.is_empty() && escapes(),
        None => !name.is_empty(),
    }
}

#[cfg(test)]
mod tests;
