//! Decisions as the service answers them.

use serde::Serialize;

use peppol_authz_engine::{Decision, Verdict};

/// The answer to one question.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Authorized<'a> {
    decision: &'static str,
    determining_policies: Vec<DeterminingPolicy<'a>>,
    errors: Vec<EvaluationError>,
    /// The service has none; but a permit that has some is not one without.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    obligations: Vec<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeterminingPolicy<'a> {
    policy_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EvaluationError {
    error_description: String,
}

/// One of a batch, with the request as it was sent.
#[derive(Serialize)]
pub(super) struct Authorization<'a> {
    pub(super) request: &'a serde_json::Value,
    #[serde(flatten)]
    pub(super) answer: Authorized<'a>,
}

impl<'a> Authorized<'a> {
    pub(super) fn new(decision: &'a Decision) -> Self {
        // The service calls it an error too where an entity is not there.
        let absent = decision
            .reasons
            .iter()
            .filter(|reason| reason.rule.as_deref() == Some("GEN-1"))
            .filter_map(|reason| reason.message.as_deref());
        let errors = decision.errors.iter().map(String::as_str).chain(absent);
        Self {
            decision: match decision.verdict {
                Verdict::Allow => "ALLOW",
                Verdict::Deny => "DENY",
            },
            determining_policies: decision
                .determining
                .iter()
                .map(|id| DeterminingPolicy { policy_id: id })
                .collect(),
            errors: errors
                .map(|text| EvaluationError {
                    error_description: text.to_owned(),
                })
                .collect(),
            obligations: decision.obligations.iter().map(|id| &**id).collect(),
        }
    }
}
