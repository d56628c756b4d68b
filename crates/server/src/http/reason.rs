//! Reasons of a decision, as the native wire has them.

use serde::Serialize;
use utoipa::ToSchema;

use peppol_authz_engine::{Reason, Verdict};

/// A reason of a decision.
#[derive(Serialize, ToSchema)]
#[schema(as = Reason)]
pub(super) struct WireReason<'a> {
    /// Only of a denial; `null` for a policy that has no code.
    #[schema(value_type = Option<String>, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Option<&'a str>>,
    rule: Option<&'a str>,
    policy: Option<&'a str>,
    message: Option<&'a str>,
}

impl<'a> WireReason<'a> {
    pub(super) fn of(verdict: Verdict, reasons: &'a [Reason]) -> Vec<Self> {
        let denied = verdict == Verdict::Deny;
        let reasons = reasons.iter().map(|reason| Self {
            code: denied.then_some(reason.code.as_deref()),
            rule: reason.rule.as_deref(),
            policy: reason.policy.as_deref(),
            message: reason.message.as_deref(),
        });
        reasons.collect()
    }
}
