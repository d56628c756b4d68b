//! The reasons of a decision, for people and for programs.

use serde_json::{Value as Json, json};

use peppol_authz_engine::Reason;

/// Code, rule, policy and message, as far as there are any.
pub(super) fn reason_text(reason: &Reason) -> String {
    let parts = [&reason.code, &reason.rule, &reason.policy, &reason.message];
    let parts: Vec<&str> = parts
        .into_iter()
        .filter_map(|part| part.as_deref())
        .collect();
    parts.join("  ")
}

/// All reasons, as an array of objects.
pub(super) fn reasons_to_json(reasons: &[Reason]) -> Json {
    let each = reasons.iter().map(|reason| {
        json!({
            "code": reason.code.as_deref(),
            "rule": reason.rule.as_deref(),
            "policy": reason.policy.as_deref(),
            "message": reason.message.as_deref(),
        })
    });
    each.collect()
}
