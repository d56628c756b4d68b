//! The rest of the policies as the native wire has it.

use serde::Serialize;
use utoipa::ToSchema;

use peppol_authz_engine::Residual;

/// The rest of a policy, where only the known parts are evaluated.
#[derive(Serialize, ToSchema)]
#[schema(as = Residual)]
pub(super) struct WireResidual<'a> {
    policy: &'a str,
    residual: &'a str,
}

impl<'a> WireResidual<'a> {
    /// Of each policy that has one.
    pub(super) fn all(residual: &'a Residual) -> Vec<Self> {
        let policies = residual.policies.iter().map(|policy| Self {
            policy: &policy.id,
            residual: &policy.text,
        });
        policies.collect()
    }
}
