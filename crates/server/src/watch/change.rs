//! The result of a change of the files.

use peppol_authz_engine::policy::{Bundle, Fault};
use peppol_authz_engine::store::EntitiesFile;

/// A valid set, as far as the files alone can tell.
#[derive(Debug)]
pub struct Change {
    /// Policies, schema and routes; `None` where only the entities are others than those in force.
    pub bundle: Option<Bundle>,
    /// The entities; `None` where they are those in force.
    pub entities: Option<EntitiesFile>,
}

/// A change that is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedChange {
    /// The part of the set that is at fault.
    pub part: ChangedPart,
    /// The faults.
    pub faults: Vec<String>,
}

/// A part of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangedPart {
    /// Policies, schema or routes.
    Policies,
    /// The entities.
    Entities,
}

impl ChangedPart {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Policies => "policies",
            Self::Entities => "entities",
        }
    }
}

impl Change {
    /// The part that is blamed where the set as a whole cannot be taken.
    #[must_use]
    pub fn part(&self) -> ChangedPart {
        match (&self.bundle, &self.entities) {
            (None, Some(_)) => ChangedPart::Entities,
            _ => ChangedPart::Policies,
        }
    }
}

impl RefusedChange {
    pub(super) fn policies(faults: Vec<String>) -> Self {
        Self {
            part: ChangedPart::Policies,
            faults,
        }
    }

    pub(super) fn entities(fault: String) -> Self {
        Self {
            part: ChangedPart::Entities,
            faults: vec![fault],
        }
    }

    pub(super) fn panicked() -> Self {
        let text = "the program failed while it looked at the files";
        Self::policies(vec![text.to_owned()])
    }
}

/// A fault in one line, for a log.
pub(super) fn describe(fault: &Fault) -> String {
    let (line, column) = fault.place();
    format!("{}:{line}:{column}: {fault}", fault.file.name)
}
