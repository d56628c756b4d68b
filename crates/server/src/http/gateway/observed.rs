//! Observers (the decision log and the shadow) receive each question of a request, and the outcome
//! where no question is the reason for it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value as Json;

use super::super::exchange::{Exchange, SettledAnswer};
use super::outcome::RequestOutcome;
use peppol_authz_engine::{Decision, Question, Reason, Verdict};

/// Puts an outcome together with all that observers receive of it. `said` describes a request that
/// was no question.
pub(super) fn settled(
    exchange: &Exchange<'_>,
    outcome: RequestOutcome,
    asked: Vec<(Question, Decision)>,
    said: impl FnOnce() -> Json,
) -> SettledAnswer<RequestOutcome> {
    let verdict = outcome.verdict();
    let is_asked = |verdict| {
        let mut decisions = asked.iter().map(|(_, decision)| decision);
        decisions.any(|decision| decision.verdict == verdict && outcome.is_of(decision))
    };
    let unasked = verdict.filter(|verdict| !is_asked(*verdict) && exchange.is_observed());
    let unasked = unasked.map(|verdict| {
        let decision = unasked_decision(&outcome, verdict, exchange.policy_revision());
        (said(), decision)
    });
    SettledAnswer {
        answer: outcome,
        asked,
        unasked,
    }
}

/// An outcome as a decision that no policy was asked for.
fn unasked_decision(
    outcome: &RequestOutcome,
    verdict: Verdict,
    policy_revision: &Arc<str>,
) -> Decision {
    let reason = (verdict == Verdict::Deny).then(|| Reason {
        code: Some(Arc::from(outcome.code())),
        rule: None,
        policy: None,
        message: Some(Arc::from(outcome.message())),
    });
    Decision {
        verdict,
        reasons: reason.into_iter().collect(),
        determining: Vec::new(),
        errors: Vec::new(),
        obligations: BTreeSet::new(),
        policy_revision: Arc::clone(policy_revision),
        tenancy_revision: Arc::default(),
        slice: Arc::default(),
        links: Vec::new(),
        link_table: None,
        absent: Vec::new(),
        missing: Vec::new(),
        meant: None,
        notes: None,
    }
}
