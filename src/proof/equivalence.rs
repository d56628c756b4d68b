//! Whether one policy can take another's place.

use std::sync::Arc;

use cedar_policy::{Authorizer, Policy, PolicySet};

use super::counterexample::Counterexample;
use super::kind::Kind;
use super::prove::readable;
use super::prover::{ProofError, Prover};
use super::world::World;
use crate::policy::Bundle;

/// Proves that a policy of `bundle` and another apply to the same requests, have one
/// effect, and that the other does not fail where the first does not. With the same
/// annotations each decision is then the same, with the same reasons and codes.
///
/// `Ok(None)` is a proof; `Some` is a request that they differ in, with what is decided
/// of it by `bundle` as it is.
///
/// # Errors
/// See [`ProofError`]: there is no proof then.
pub async fn same_policy(
    prover: &mut Prover,
    bundle: &Arc<Bundle>,
    policy: &Policy,
    other: &Policy,
) -> Result<Option<Counterexample>, ProofError> {
    let schema = bundle.schema.cedar();
    for kind in Kind::all(bundle) {
        let env = &kind.env;
        if policy.effect() == other.effect() {
            let found = prover.match_the_same(schema, env, policy, other).await?;
            let shows =
                |world: &World| applied(policy, world, bundle) != applied(other, world, bundle);
            if let Some(env) = found {
                return told(
                    readable(&env, bundle, &[&one(policy), &one(other)], &shows),
                    bundle,
                )
                .await;
            }
        } else {
            // Then they may be exchanged only where neither ever applies.
            for either in [policy, other] {
                let found = prover.never_matches(schema, env, either).await?;
                let shows = |world: &World| applied(either, world, bundle) == Applied::Yes;
                if let Some(env) = found {
                    return told(readable(&env, bundle, &[&one(either)], &shows), bundle).await;
                }
            }
        }
        if prover.never_fails(schema, env, policy).await?.is_none()
            && let Some(env) = prover.never_fails(schema, env, other).await?
        {
            let shows = |world: &World| applied(other, world, bundle) == Applied::Fails;
            return told(readable(&env, bundle, &[&one(other)], &shows), bundle).await;
        }
    }
    Ok(None)
}

pub(super) async fn told(
    found: Option<World>,
    bundle: &Arc<Bundle>,
) -> Result<Option<Counterexample>, ProofError> {
    match found {
        Some(world) => Ok(Some(Counterexample::decided(&world, bundle).await)),
        None => Err(ProofError::Failed("what was found is not whole".to_owned())),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Applied {
    Yes,
    No,
    Fails,
}

/// What Cedar makes of one policy.
fn applied(policy: &Policy, world: &World, bundle: &Bundle) -> Applied {
    let Some((request, entities)) = world.to_cedar(&bundle.schema) else {
        return Applied::No;
    };
    let response = Authorizer::new().is_authorized(&request, &one(policy), &entities);
    if response.diagnostics().errors().next().is_some() {
        Applied::Fails
    } else if response.diagnostics().reason().next().is_some() {
        Applied::Yes
    } else {
        Applied::No
    }
}

fn one(policy: &Policy) -> PolicySet {
    // INVARIANT: one policy has no other with its id beside it.
    PolicySet::from_policies([policy.clone()]).unwrap_or_default()
}
