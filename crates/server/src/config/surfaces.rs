//! Settings of single surfaces: searches, explanations, AuthZEN.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::BaseUrl;
use super::range::SettingFaults;

/// Searches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// A file that holds the key of the tokens that lead from page to page.
    pub token_key_file: Option<PathBuf>,
}

/// The callers that may have decisions explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// Which callers these are.
    pub allow: ExplainersSettings,
    /// A file that holds the key, for [`ExplainersSettings::Key`].
    pub key_file: Option<PathBuf>,
}

/// The callers that may have decisions explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExplainersSettings {
    /// None.
    Nobody,
    /// All.
    All,
    /// Those that send the key.
    Key,
}

/// The AuthZEN surface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthzenSettings {
    /// The URL under which callers reach this program; without one, the request's own host.
    pub base_url: Option<BaseUrl>,
    /// How much an answer says beside the decision.
    pub reveal: Reveal,
    /// Members of contexts that are ignored where the schema does not have them.
    pub ignored_context: Vec<String>,
}

/// How much an AuthZEN answer says beside the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reveal {
    /// The decision alone, with the obligations of a permit.
    Nothing,
    /// Codes, messages and obligations: all that the user may be told.
    User,
    /// Policies, rules and errors too.
    Admin,
}

// === impl Search ===

impl Search {
    pub(super) fn check(&self, faults: &mut SettingFaults) {
        faults.path("search.token_key_file", self.token_key_file.as_deref());
    }
}

// === impl Explain ===

impl Explain {
    pub(super) fn check(&self, faults: &mut SettingFaults) {
        faults.path("explain.key_file", self.key_file.as_deref());
        if self.allow == ExplainersSettings::Key && self.key_file.is_none() {
            let problem = "is missing, which `explain.allow = \"key\"` needs";
            faults.add("explain.key_file", problem);
        }
    }
}
