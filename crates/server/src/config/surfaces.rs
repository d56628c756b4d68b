//! Settings of single surfaces: searches, plans, explanations, AuthZEN, Cerbos.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::range::{HOUR, MILLISECOND, SettingFaults};
use super::{BaseUrl, duration};
use peppol_authz_engine::file::read_text;

/// Searches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// A file that holds the key of the tokens that lead from page to page.
    pub token_key_file: Option<PathBuf>,
}

/// Plans for the databases of services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanSettings {
    /// The database that conditions are written for where a request does not say.
    pub dialect: PlanDialect,
    /// How long a plan may be used.
    #[serde(with = "duration")]
    pub max_age: Duration,
    /// A file with the names of tables and columns.
    pub columns: Option<PathBuf>,
}

/// A database that conditions are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlanDialect {
    /// PostgreSQL.
    Postgresql,
    /// SQLite.
    Sqlite,
}

/// The callers that may have decisions explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// These callers.
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

/// The surface for Cerbos's clients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CerbosSettings {
    /// The type of principals with bare ids; without one, ids are entities as Cedar writes them.
    pub principal_type: Option<String>,
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

// === impl PlanSettings ===

impl PlanSettings {
    pub(super) fn check(&self, faults: &mut SettingFaults) {
        faults.duration("plan.max_age", self.max_age, &(MILLISECOND..=HOUR));
        faults.path("plan.columns", self.columns.as_deref());
    }

    /// The names in the file, which fit no schema yet; an empty object without a file.
    ///
    /// # Errors
    /// A file that cannot be read, or is no TOML.
    pub fn names(&self) -> Result<serde_json::Value, String> {
        let Some(path) = &self.columns else {
            return Ok(serde_json::json!({}));
        };
        read_text(path)
            .map_err(|error| error.to_string())
            .and_then(|text| toml::from_str(&text).map_err(|error| error.to_string()))
            .map_err(|error| format!("`{}`: {error}", path.display()))
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
