//! Denials in the log: by what, and never of whom.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Instant;

use super::turns::LogTurns;
use crate::config::LogDecisions;
use peppol_authz_engine::{Decided, Verdict};

/// Logs denials, a few of each kind: of an action with the same codes. A line has no id of an entity and
/// nothing that a caller wrote; the decision log has those.
#[derive(Debug)]
pub struct Denials {
    are_logged: bool,
    /// By a keyed hash of the action and the codes: most denials get no line, and cost no text.
    turns: LogTurns<u64>,
    hasher: RandomState,
}

impl Denials {
    /// By the setting.
    #[must_use]
    pub fn new(decisions: LogDecisions) -> Self {
        Self {
            are_logged: decisions == LogDecisions::Denials,
            turns: LogTurns::default(),
            hasher: RandomState::new(),
        }
    }

    /// Notes a decision on an action of the schema, or on `other`.
    pub(super) fn note(&self, action: &str, decided: &Decided) {
        let decision = &decided.decision;
        if !self.are_logged || decision.verdict == Verdict::Allow {
            return;
        }
        let codes = decision.reasons.iter();
        let mut codes: Vec<&str> = codes.filter_map(|reason| reason.code.as_deref()).collect();
        codes.dedup();
        let kind = self.hasher.hash_one((action, &codes));
        let Some(left_out) = self.turns.turn(kind, Instant::now()) else {
            return;
        };
        let codes = codes.join(",");
        let policies: Vec<&str> = decision.determining.iter().map(|id| &**id).collect();
        let question = decided.question.as_ref();
        let principal = question.map(|question| question.principal.type_name().to_string());
        let resource = question.map(|question| question.resource.type_name().to_string());
        tracing::info!(
            decision_id = %decided.id,
            surface = decided.surface,
            action,
            principal = principal.unwrap_or_default(),
            resource = resource.unwrap_or_default(),
            codes,
            policies = policies.join(","),
            left_out,
            "denied"
        );
    }
}
