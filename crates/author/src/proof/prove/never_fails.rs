//! The proof that no policy fails.

use std::sync::Arc;
use std::time::Instant;

use cedar_policy::{Policy, PolicySet};

use super::finding::{InvariantFinding, InvariantResult, NotProvedReason};
use crate::proof::case::WantedDecision;
use crate::proof::counterexample::Counterexample;
use crate::proof::error::ProofError;
use crate::proof::kind::RequestKind;
use crate::proof::prover::Prover;
use crate::proof::readable::readable;
use crate::proof::scenario::Scenario;
use peppol_authz_engine::policy::Bundle;

/// Proves that no policy fails, whatever entities that fit the schema it looks at: one
/// that does is skipped by Cedar.
///
/// # Errors
/// [`ProofError::NoSolver`]; all else is a finding.
pub async fn never_fails(
    prover: &mut Prover,
    bundle: &Arc<Bundle>,
) -> Result<InvariantResult, ProofError> {
    let started = Instant::now();
    let mut findings = Vec::new();
    let kinds = RequestKind::all(bundle);
    for kind in &kinds {
        for policy in kind.policies.policies() {
            if let Some(wrong) = failure(prover, bundle, kind, policy).await? {
                let wanted = WantedDecision::Deny(Arc::from("NOT_PERMITTED"));
                findings.push(InvariantFinding::new(kind, wrong, wanted));
            }
        }
    }
    Ok(InvariantResult {
        name: Arc::from("no-policy-fails"),
        rule: None,
        statement: None,
        text: "No policy fails on entities that fit the schema.".to_owned(),
        kinds: kinds.len(),
        findings,
        elapsed: started.elapsed(),
    })
}

/// A request on which a policy fails. `None` is a proof that there is none.
async fn failure(
    prover: &mut Prover,
    bundle: &Arc<Bundle>,
    kind: &RequestKind,
    policy: &Policy,
) -> Result<Option<NotProvedReason>, ProofError> {
    let schema = &bundle.schema;
    let answer = prover.never_fails(schema.cedar(), &kind.env, policy).await;
    let env = match answer {
        Ok(None) => return Ok(None),
        Ok(Some(env)) => env,
        Err(error) => return Ok(Some(NotProvedReason::NotProved(error.into_finding()?))),
    };
    let one = PolicySet::from_policies([policy.clone()]).unwrap_or_default();
    let shows = |scenario: &Scenario| {
        let response = scenario.response(&one, schema);
        response.is_some_and(|response| response.diagnostics().errors().next().is_some())
    };
    let found = readable(&env, bundle, &[&one], &shows);
    let found = Counterexample::of_finding(found, bundle).await;
    let is_confirmed = found.codes().contains(&"EVALUATION_ERROR");
    Ok(Some(NotProvedReason::refuted(found, is_confirmed)))
}
