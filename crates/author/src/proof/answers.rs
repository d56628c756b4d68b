//! Proofs that one policy in another's place changes no answer.

use std::sync::Arc;

use cedar_policy::{Decision, Effect, Policy, PolicySet};

use super::counterexample::Counterexample;
use super::error::ProofError;
use super::kind::RequestKind;
use super::policy_sets::permit_for_all;
use super::prover::Prover;
use super::readable::readable;
use super::scenario::Scenario;
use peppol_authz_engine::policy::{Bundle, PolicyInfo};

/// Proves that no answer changes, in its verdict, rules, codes, messages and obligations,
/// where `other` stands in the place of a policy of `bundle`, with the same annotations.
///
/// So a permit does not count where some policy forbids, and none does where another
/// applies that says the same. Which of those is named may change.
///
/// `Ok(None)` is a proof; `Some` is a request that is answered otherwise, with what is
/// decided of it by `bundle` as it is. Policies that may fail are not compared: a
/// failure is a denial, of which the formulas know nothing.
///
/// # Errors
/// See [`ProofError`]: there is no proof then.
pub async fn same_answers(
    prover: &mut Prover,
    bundle: &Arc<Bundle>,
    policy: &Policy,
    other: &Policy,
) -> Result<Option<Counterexample>, ProofError> {
    let schema = bundle.schema.cedar();
    let kinds = RequestKind::all(bundle);
    for kind in &kinds {
        for either in [policy, other] {
            let fails = prover.never_fails(schema, &kind.env, either).await?;
            if fails.is_some() {
                return Err(ProofError::MayFail);
            }
        }
    }
    if policy.effect() != other.effect() {
        return never_applies(prover, bundle, [policy, other]).await;
    }
    let beside = beside(bundle, policy)?;
    let (some, others) = (with(&beside, policy)?, with(&beside, other)?);
    for kind in &kinds {
        for (one, two) in [(&some, &others), (&others, &some)] {
            let found = prover.implies(schema, &kind.env, one, two).await?;
            if let Some(env) = found {
                let shows = |scenario: &Scenario| {
                    let decisions = scenario.decisions([one, two], &bundle.schema);
                    decisions == Some([Decision::Allow, Decision::Deny])
                };
                return told(readable(&env, bundle, &[one, two], &shows), bundle).await;
            }
        }
    }
    Ok(None)
}

/// With two effects they are the same only where neither ever applies.
async fn never_applies(
    prover: &mut Prover,
    bundle: &Arc<Bundle>,
    policies: [&Policy; 2],
) -> Result<Option<Counterexample>, ProofError> {
    let schema = bundle.schema.cedar();
    for kind in RequestKind::all(bundle) {
        for policy in policies {
            if let Some(env) = prover.never_matches(schema, &kind.env, policy).await? {
                let one = with(&[], policy)?;
                let shows = |scenario: &Scenario| applies(&one, scenario, bundle);
                return told(readable(&env, bundle, &[&one], &shows), bundle).await;
            }
        }
    }
    Ok(None)
}

async fn told(
    found: Option<Scenario>,
    bundle: &Arc<Bundle>,
) -> Result<Option<Counterexample>, ProofError> {
    match found {
        Some(scenario) => {
            let found = Counterexample::decided(&scenario, bundle).await;
            // A failure is a denial, of which the formulas know nothing.
            let fails = found.decision.as_ref().is_ok_and(|d| !d.errors.is_empty());
            if fails {
                return Err(ProofError::MayFail);
            }
            Ok(Some(found))
        }
        None => Err(ProofError::Failed(
            "the finding of the solver is not whole".to_owned(),
        )),
    }
}

/// The policies that hide from an answer that a policy applies: those that say the same and,
/// for a permit, all forbids. A forbid shows wherever it applies, so for a forbid everything
/// else counts as permitted.
fn beside(bundle: &Bundle, policy: &Policy) -> Result<Vec<Policy>, ProofError> {
    let failed = |error: String| ProofError::Failed(error);
    let known = bundle
        .policy(policy.id())
        .ok_or_else(|| failed(format!("no policy `{}`", policy.id())))?;
    let said = |info: &PolicyInfo| {
        let annotations = [&info.rule, &info.code, &info.message, &info.obligation];
        (info.effect, annotations.map(Clone::clone))
    };
    let mut found = Vec::new();
    for info in bundle.policies() {
        let says_the_same = said(info) == said(known) && info.id != known.id;
        let counts = policy.effect() == Effect::Permit && info.effect == Effect::Forbid;
        if says_the_same || counts {
            found.push(info.policy.clone());
        }
    }
    if policy.effect() == Effect::Forbid {
        let all = PolicySet::from_policies(found.iter().chain([policy]).cloned());
        let all = all.map_err(|error| failed(error.to_string()))?;
        let all = permit_for_all(&all);
        found.push(all.ok_or_else(|| failed("no permit for everything".to_owned()))?);
    }
    Ok(found)
}

fn with(beside: &[Policy], policy: &Policy) -> Result<PolicySet, ProofError> {
    PolicySet::from_policies(beside.iter().chain([policy]).cloned())
        .map_err(|error| ProofError::Failed(error.to_string()))
}

/// True if some policy of a set applies.
fn applies(set: &PolicySet, scenario: &Scenario, bundle: &Bundle) -> bool {
    let response = scenario.response(set, &bundle.schema);
    response.is_some_and(|response| response.diagnostics().reason().next().is_some())
}
