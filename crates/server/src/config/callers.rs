//! Callers: who is let in, by what callers are known, and their limits.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::list;
use super::range::SettingFaults;
use super::{ApiKey, check_keys};

/// Callers of this program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallersSettings {
    /// The callers that are let in at a listener that others than this machine can reach.
    pub admit: CallerAdmission,
    /// A directory of policies of callers, in place of the shipped ones.
    pub policies: Option<PathBuf>,
    /// A file with further keys, which is read again when it changes.
    pub file: Option<PathBuf>,
    /// Keys.
    #[serde(default)]
    pub key: Vec<ApiKey>,
    /// The audiences of tokens of callers, by the issuers of `[jwt]`.
    #[serde(default, deserialize_with = "list::deserialize")]
    pub audience: Vec<String>,
    /// The claim of a token that has the roles of a caller.
    pub roles_claim: String,
    /// Requests of one caller in a second; 0 is no limit.
    pub rate: usize,
    /// Requests of one caller at once; 0 is no limit.
    pub concurrency: usize,
}

/// The callers that are let in at a listener that others than this machine can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallerAdmission {
    /// Callers that are known.
    #[serde(rename = "known-callers")]
    Known,
    /// Anyone.
    #[serde(rename = "anyone-who-reaches-the-port")]
    Anyone,
}

// === impl CallersSettings ===

impl CallersSettings {
    /// True if there may be keys or tokens of callers.
    #[must_use]
    pub fn have_credentials(&self) -> bool {
        self.file.is_some() || !self.key.is_empty() || !self.audience.is_empty()
    }

    /// `users` are the audiences of the tokens of users.
    pub(super) fn check<'a>(
        &self,
        has_issuers: bool,
        mut users: impl Iterator<Item = &'a String>,
        faults: &mut SettingFaults,
    ) {
        faults.path("callers.policies", self.policies.as_deref());
        faults.path("callers.file", self.file.as_deref());
        if let Err(problem) = check_keys(&self.key) {
            faults.add("callers.key", problem);
        }
        if self.audience.iter().any(String::is_empty) {
            faults.add("callers.audience", "must not be empty");
        }
        if !self.audience.is_empty() && !has_issuers {
            faults.add(
                "callers.audience",
                "needs the issuers of `jwt.jwks` or `jwt.issuers`",
            );
        }
        if let Some(shared) = users.find(|audience| self.audience.contains(audience)) {
            let text =
                format!("`{shared}` is an audience of users: each of them would be a caller");
            faults.add("callers.audience", text);
        }
        if self.roles_claim.is_empty() {
            faults.add("callers.roles_claim", "must not be empty");
        }
        faults.number("callers.rate", self.rate, 0..=1_000_000);
        faults.number("callers.concurrency", self.concurrency, 0..=1_000_000);
    }
}
