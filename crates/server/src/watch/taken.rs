//! The files that are in force.

use peppol_authz_engine::policy::Sources;

/// The set that is in force.
#[derive(Clone, Debug)]
pub struct TakenFiles {
    /// Policies, schema and routes.
    pub sources: Sources,
    /// The digest of the entities, where the tenancy is a file of them.
    pub entities: Option<String>,
}
