//! The log of the program.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::range::SettingFaults;

/// The log of the program, which is written to standard error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Levels by module, in the syntax of `tracing`'s `EnvFilter`.
    pub filter: String,
    /// The form of a record.
    pub format: LogFormat,
    /// The decisions that have records.
    pub decisions: LogDecisions,
    /// The requests that have records.
    pub requests: LogRequests,
}

/// The decisions that have records in the log of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogDecisions {
    /// None.
    Off,
    /// Denials, a few of each kind.
    Denials,
}

/// The requests that have records in the log of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogRequests {
    /// None.
    Off,
    /// All, whatever they ask.
    All,
}

/// The form of a record of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

// === impl Log ===

impl Log {
    pub(super) fn check(&self, faults: &mut SettingFaults) {
        if let Err(error) = EnvFilter::try_new(&self.filter) {
            let problem = format!("`{}` is no log filter: {error}", self.filter);
            faults.add("log.filter", problem);
        }
    }
}
