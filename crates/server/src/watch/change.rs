//! The result of a change of the files.

use peppol_authz_engine::policy::{Bundle, Fault};
use peppol_authz_engine::store::EntitiesFile;

/// A state of the files that is not the one in force, as far as the files alone can tell.
#[derive(Debug)]
pub struct Change {
    /// Policies, schema and routes, or what is wrong with them; `None` where only the entities are
    /// others than those in force.
    pub policies: Option<Result<Bundle, Vec<String>>>,
    /// The entities, or what is wrong with them; `None` where they are those in force.
    pub entities: Option<Result<EntitiesFile, String>>,
}

/// The fate of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenParts {
    /// True if policies, schema and routes are in force as they are in the files.
    pub policies: bool,
    /// True if the entities are.
    pub entities: bool,
}

/// The fault of a text that does something to the program.
pub(super) const FAILED: &str = "the program failed while it looked at the files";

impl Change {
    /// A change at which the program fails.
    pub(super) fn failed() -> Self {
        Self {
            policies: Some(Err(vec![FAILED.to_owned()])),
            entities: Some(Err(FAILED.to_owned())),
        }
    }
}

impl TakenParts {
    pub(super) fn is_all(self) -> bool {
        self.policies && self.entities
    }
}

/// A fault in one line, for a log.
pub(super) fn describe(fault: &Fault) -> String {
    let (line, column) = fault.place();
    format!("{}:{line}:{column}: {fault}", fault.file.name)
}
