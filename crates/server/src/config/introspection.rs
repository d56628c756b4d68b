//! Opaque tokens: the server that says whose they are (RFC 7662).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::jwt::{Constant, Principal, claims_problem, require_problem};
use super::range::{HOUR, MILLISECOND, MINUTE, SettingFaults};
use super::server_url::ServerUrl;
use super::{duration, list};

/// Opaque tokens. Without [`Introspection::endpoint`] none is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Introspection {
    /// The endpoint that is asked about tokens.
    pub endpoint: Option<ServerUrl>,
    /// The name by which this program is known there; without one, the secret is a bearer token.
    pub client_id: Option<String>,
    /// The file that holds the secret.
    pub client_secret_file: Option<PathBuf>,
    /// The audiences: a token is for one of these.
    #[serde(default, deserialize_with = "list::deserialize")]
    pub audience: Vec<String>,
    /// The members of an answer that say for whom a token is; the first one that is there counts.
    #[serde(deserialize_with = "list::deserialize")]
    pub audience_claim: Vec<String>,
    /// The members that every answer must have, with their constants.
    #[serde(default)]
    pub require: BTreeMap<String, Constant>,
    /// How long an answer is remembered.
    #[serde(with = "duration")]
    pub max_age: Duration,
    /// How long one request may take.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// The greatest number of requests at once.
    pub connections: usize,
    /// A PEM file of root certificates for the server, in place of the system's.
    pub ca_certificate: Option<PathBuf>,
    /// The principals that tokens name; the first entry that fits counts.
    pub principal: Vec<Principal>,
}

// === impl Introspection ===

impl Introspection {
    /// Returns true if there is an endpoint, so that opaque tokens can be verified.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.endpoint.is_some()
    }

    pub(super) fn check(&self, faults: &mut SettingFaults) {
        for (key, duration, range) in [
            ("introspection.max_age", self.max_age, Duration::ZERO..=HOUR),
            (
                "introspection.timeout",
                self.timeout,
                10 * MILLISECOND..=MINUTE,
            ),
        ] {
            faults.duration(key, duration, &range);
        }
        faults.number("introspection.connections", self.connections, 1..=1024);
        for (key, path) in [
            ("introspection.ca_certificate", &self.ca_certificate),
            ("introspection.client_secret_file", &self.client_secret_file),
        ] {
            faults.path(key, path.as_deref());
        }
        if self.client_id.as_ref().is_some_and(String::is_empty) {
            faults.add("introspection.client_id", "must not be empty");
        }
        if self.is_set() {
            let missing = "is required where `introspection.endpoint` is set";
            if self.client_secret_file.is_none() {
                faults.add("introspection.client_secret_file", missing);
            }
            if self.audience.is_empty() {
                faults.add("introspection.audience", missing);
            }
        }
        if self.audience.iter().any(String::is_empty) {
            faults.add("introspection.audience", "must not be empty");
        }
        for (key, problem) in [
            (
                "introspection.audience_claim",
                claims_problem(&self.audience_claim),
            ),
            ("introspection.require", require_problem(&self.require)),
        ] {
            if let Some(problem) = problem {
                faults.add(key, problem);
            }
        }
        if self.principal.is_empty() {
            faults.add("introspection.principal", "must not be empty");
        }
        for problem in self.principal.iter().filter_map(Principal::problem) {
            faults.add("introspection.principal", problem);
        }
    }
}

#[cfg(test)]
mod tests;
