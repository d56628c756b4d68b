//! Bearer tokens: where their keys come from, what they have to say, and whom they name.

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

/// Bearer tokens. Without [`Jwt::jwks`] none is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// Where the keys are that tokens are signed with.
    pub jwks: Option<Jwks>,
    /// Who may have made a token: its `iss` is one of these.
    #[serde(default, deserialize_with = "list::deserialize")]
    pub issuer: Vec<String>,
    /// Whom a token has to be meant for: its `aud` holds one of these.
    #[serde(default, deserialize_with = "list::deserialize")]
    pub audience: Vec<String>,
    /// How a token may be signed.
    pub algorithms: Vec<Algorithm>,
    /// How far clocks may be apart.
    #[serde(with = "duration")]
    pub leeway: Duration,
    /// How often the keys are looked at.
    #[serde(with = "duration")]
    pub refresh: Duration,
    /// How often a token that names an unknown key may have them looked at.
    #[serde(with = "duration")]
    pub min_refresh: Duration,
    /// How long keys are good after the last time that they could be looked at.
    #[serde(with = "duration")]
    pub max_stale: Duration,
    /// How long one look may take.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// Certificates that vouch for the server of the keys, in place of the system's.
    pub ca_certificate: Option<PathBuf>,
    /// Whom a token names: the first that fits.
    pub principal: Vec<Principal>,
}

/// How claims name an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// Its type, as callers may call it.
    #[serde(rename = "type")]
    pub kind: String,
    /// The claim that names it: a member, or where it starts with `/` a JSON pointer.
    pub claim: String,
    /// The attribute that is what the claim says; without one it is the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// What claims have to be for this to fit. An array fits that holds the constant.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub when: BTreeMap<String, Constant>,
    /// Whether an e-mail address is taken of which the token does not say that it is verified. One
    /// that is said not to be never is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unverified: bool,
}

/// What a claim is compared with.
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

/// Whether it is a name, or a JSON pointer (RFC 6901).
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
