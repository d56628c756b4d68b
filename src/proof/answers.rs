//! Whether any answer changes where one policy takes another's place.

use std::sync::Arc;

use cedar_policy::{Authorizer, Decision, Effect, Policy, PolicySet};

use super::counterexample::Counterexample;
use super::equivalence::{same_policy, told};
use super::kind::Kind;
use super::prove::readable;
use super::prover::{ProofError, Prover};
use super::world::World;
use crate::policy::Bundle;

/// Proves that no answer changes, with its reasons and codes, where `other` stands in the
/// place of a policy of `bundle`, with the same annotations.
///
/// A permit that applies where some policy forbids has no say there, so of two permits
/// only what is forbidden by nothing counts. Of all others see [`same_policy`]. What may
/// fail is not compared: that is a denial, of which the formulas know nothing.
///
/// `Ok(None)` is a proof; `Some` is a request that is answered otherwise, with what is
/// decided of it by `bundle` as it is.
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
    let kinds = Kind::all(bundle);
    for kind in &kinds {
        for either in [policy, other] {
            let fails = prover.never_fails(schema, &kind.env, either).await?;
            if fails.is_some() {
                return Err(ProofError::MayFail);
            }
        }
    }
    if policy.effect() == Effect::Forbid || other.effect() == Effect::Forbid {
        return same_policy(prover, bundle, policy, other).await;
    }
    let some = beside_forbids(bundle, policy)?;
    let others = beside_forbids(bundle, other)?;
    for kind in &kinds {
        for (one, two) in [(&some, &others), (&others, &some)] {
            let found = prover.implies(schema, &kind.env, one, two).await?;
            if let Some(env) = found {
                let shows = |world: &World| {
                    allows(one, world, bundle) == Some(true)
                        && allows(two, world, bundle) == Some(false)
                };
                return told(readable(&env, bundle, &[one, two], &shows), bundle).await;
            }
        }
    }
    Ok(None)
}

/// A permit, and all that forbids.
fn beside_forbids(bundle: &Bundle, permit: &Policy) -> Result<PolicySet, ProofError> {
    let forbids = bundle.policies().into_iter();
    let forbids = forbids.filter(|info| info.effect == Effect::Forbid);
    let policies = forbids.map(|info| info.policy.clone());
    PolicySet::from_policies(policies.chain([permit.clone()]))
        .map_err(|error| ProofError::Failed(error.to_string()))
}

fn allows(set: &PolicySet, world: &World, bundle: &Bundle) -> Option<bool> {
    let (request, entities) = world.to_cedar(&bundle.schema)?;
    let response = Authorizer::new().is_authorized(&request, set, &entities);
    Some(response.decision() == Decision::Allow)
}
