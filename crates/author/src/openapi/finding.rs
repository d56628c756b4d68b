//! A finding: a fault, with the remedy for it.

use peppol_authz_engine::policy::Fault;

/// Something that is wrong between a description and the route table, or within a description.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The message and the place.
    pub fault: Fault,
    /// The place in the description, as a JSON pointer.
    pub pointer: Option<String>,
    /// An entry for what the table lacks. `check` refuses it until it is filled in.
    pub skeleton: Option<String>,
}

impl Finding {
    /// A fault alone.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            pointer: None,
            skeleton: None,
        }
    }

    /// The same, about a place in a description.
    pub(super) fn about(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }
}
