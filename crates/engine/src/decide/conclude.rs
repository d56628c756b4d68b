//! From Cedar's answers to a decision.

use std::sync::Arc;

use cedar_policy::{AuthorizationError, Decision as CedarDecision, Effect, Response};

use super::decision::{Decision, Reason, Verdict};
use super::linked::LinkedPolicies;
use crate::policy::Bundle;
use crate::text::cut;

/// The most bytes of the text about one policy that failed.
const ERROR: usize = 2048;

/// From Cedar's answers, one for each set of policies, to ours. An Allow needs
/// that no policy failed, that no set is denied by a forbid, and that some policy
/// permits; each is looked at here and not taken from one of Cedar's verdicts.
pub(crate) fn conclude(
    decision: &mut Decision,
    responses: &[Response],
    bundle: &Bundle,
    linked: &LinkedPolicies,
) {
    let policy = |id| bundle.policy(id).or_else(|| linked.policy(id));
    let mut failed = Vec::new();
    let mut named = Vec::new();
    let mut unknown = false;
    for response in responses {
        for error in response.diagnostics().errors() {
            let AuthorizationError::PolicyEvaluationError(error) = error;
            // Cedar repeats what the policy could not read, however long it is.
            let text = error.to_string();
            decision.errors.push(cut(&text, ERROR).into_owned());
            failed.push(policy(error.policy_id()).map_or_else(
                || Arc::from(error.policy_id().to_string()),
                |info| Arc::clone(&info.id),
            ));
        }
        for id in response.diagnostics().reason() {
            match policy(id) {
                // Cedar names the forbids of a denial or the permits of an Allow.
                Some(info)
                    if (info.effect == Effect::Permit)
                        == (response.decision() == CedarDecision::Allow) =>
                {
                    named.push(info);
                }
                _ => unknown = true,
            }
        }
    }
    failed.sort();
    decision.errors.sort();
    named.sort_by(|a, b| a.id.cmp(&b.id));
    let allowed = !unknown
        && failed.is_empty()
        && !named.is_empty()
        && named.iter().all(|info| info.effect == Effect::Permit);
    decision.verdict = if allowed {
        Verdict::Allow
    } else {
        Verdict::Deny
    };
    // A denial by GEN-2 may come with permits; they are not its reasons.
    named.retain(|info| (info.effect == Effect::Permit) == allowed);
    decision.reasons = failed.into_iter().map(Reason::failed).collect();
    for info in named {
        if allowed {
            decision.obligations.extend(info.obligation.clone());
        }
        decision.determining.push(Arc::clone(&info.id));
        decision.reasons.push(Reason {
            code: info.code.clone(),
            rule: info.rule.clone(),
            policy: Some(Arc::clone(&info.id)),
            message: info.message.clone(),
        });
    }
    decision.links = linked.links().to_vec();
    if !allowed && decision.reasons.is_empty() {
        decision.reasons.push(Reason::not_permitted());
    }
}
