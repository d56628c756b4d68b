//! The two sets of policies that are compared.

use std::sync::Arc;

use peppol_authz_engine::policy::Bundle;

/// Two sets of policies, and the schema that both are compared under.
#[derive(Clone, Debug)]
pub struct ComparedSets {
    /// As it is.
    pub old: Arc<Bundle>,
    /// The old policies under the new schema; `old` itself where the schemas are one.
    pub old_under_new: Arc<Bundle>,
    /// As it is to be.
    pub new: Arc<Bundle>,
}

impl ComparedSets {
    /// True if the schemas of the two sets are not one.
    pub(super) fn has_two_schemas(&self) -> bool {
        !Arc::ptr_eq(&self.old, &self.old_under_new)
    }
}
