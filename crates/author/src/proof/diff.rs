//! The requests that another set of policies allows more or less.

mod compared;
mod difference;
mod groups;
mod schemas;

use std::sync::Arc;

use cedar_policy::{Decision, PolicySet};

use super::counterexample::Counterexample;
use super::error::ProofError;
use super::kind::RequestKind;
use super::prover::Prover;
use super::readable::readable;
use super::scenario::Scenario;
use groups::regrouped;
use peppol_authz_engine::policy::Bundle;

pub use compared::ComparedSets;
pub use difference::{DifferenceSide, DifferingRequest, KindDifference};

/// Compares two sets of policies, by kind of request.
///
/// # Errors
/// [`ProofError::NoSolver`]; all else is part of the answer.
pub async fn diff(
    prover: &mut Prover,
    compared: &ComparedSets,
) -> Result<Vec<KindDifference>, ProofError> {
    let (old, new) = (&compared.old_under_new, &compared.new);
    let mut differences = Vec::new();
    for kind in RequestKind::all(new) {
        // An action that could not be asked was allowed to nobody.
        let before = if kind.is_known_to(&compared.old) {
            kind.of(old)
        } else {
            PolicySet::new()
        };
        let (more, less) = sides(prover, compared, &kind, &before).await?;
        differences.push(KindDifference { kind, more, less });
    }
    for kind in RequestKind::all(&compared.old) {
        if kind.is_known_to(new) {
            continue;
        }
        let (old, none) = (&compared.old, PolicySet::new());
        let before = kind.policies.clone();
        let less = side(prover, [old, new], &kind, [&before, &none], old, None).await?;
        let more = DifferenceSide::Nothing;
        differences.push(KindDifference { kind, more, less });
    }
    differences.sort_by_cached_key(|difference| difference.kind.to_string());
    Ok(differences)
}

/// Compares a kind of request that the new schema knows. Returns both directions: allowed
/// more, allowed less.
async fn sides(
    prover: &mut Prover,
    compared: &ComparedSets,
    kind: &RequestKind,
    before: &PolicySet,
) -> Result<(DifferenceSide, DifferenceSide), ProofError> {
    let (old, new) = (&compared.old_under_new, &compared.new);
    let after = &kind.policies;
    let other = schemas::difference(kind, compared).or_else(|| {
        let text = "the schema puts the action into other groups, which policies name";
        regrouped(kind, compared).then(|| text.to_owned())
    });
    if let Some(text) = other {
        return Ok((
            DifferenceSide::NotProved(text.clone()),
            DifferenceSide::NotProved(text),
        ));
    }
    if same_texts(before, after) {
        return Ok((DifferenceSide::Nothing, DifferenceSide::Nothing));
    }
    let unsure = may_fail(prover, new, kind, [before, after]).await?;
    let (both, unsure) = ([old, new], unsure.as_deref());
    let more = side(prover, both, kind, [after, before], new, unsure).await?;
    let less = side(prover, both, kind, [before, after], old, unsure).await?;
    Ok((more, less))
}

/// True if two sets are equal, so that nothing has to be proved.
fn same_texts(a: &PolicySet, b: &PolicySet) -> bool {
    let texts = |set: &PolicySet| {
        let mut texts: Vec<String> = set.policies().map(ToString::to_string).collect();
        texts.sort();
        texts
    };
    texts(a) == texts(b)
}

/// A policy that can fail: the engine denies then, and the solver passes over it.
async fn may_fail(
    prover: &mut Prover,
    bundle: &Bundle,
    kind: &RequestKind,
    sets: [&PolicySet; 2],
) -> Result<Option<String>, ProofError> {
    for policy in sets.into_iter().flat_map(PolicySet::policies) {
        let schema = bundle.schema.cedar();
        match prover.never_fails(schema, &kind.env, policy).await {
            Ok(None) => {}
            Ok(Some(_)) => return Ok(Some(format!("`{}` can fail", policy.id()))),
            Err(error) => return Ok(Some(error.into_finding()?.to_string())),
        }
    }
    Ok(None)
}

/// A request that the first set, the one of the Bundle `first`, allows and the other does
/// not. `unsure` says why nothing is proved where the solver finds no such request.
async fn side(
    prover: &mut Prover,
    [old, new]: [&Arc<Bundle>; 2],
    kind: &RequestKind,
    [some, other]: [&PolicySet; 2],
    first: &Arc<Bundle>,
    unsure: Option<&str>,
) -> Result<DifferenceSide, ProofError> {
    let schema = &first.schema;
    let env = match prover.implies(schema.cedar(), &kind.env, some, other).await {
        Ok(Some(env)) => env,
        Ok(None) => {
            let unsure = unsure.map(|text| DifferenceSide::NotProved(text.to_owned()));
            return Ok(unsure.unwrap_or(DifferenceSide::Nothing));
        }
        Err(error) => return Ok(DifferenceSide::NotProved(error.into_finding()?.to_string())),
    };
    let shows = |scenario: &Scenario| {
        scenario.decisions([some, other], schema) == Some([Decision::Allow, Decision::Deny])
    };
    let Some(scenario) = readable(&env, first, &[some, other], &shows) else {
        return Ok(DifferenceSide::NotProved(
            "the finding of the solver is not whole".to_owned(),
        ));
    };
    let before = Counterexample::decided(&scenario, old).await;
    let after = Counterexample::decided(&scenario, new).await;
    let (by_first, by_other) = if Arc::ptr_eq(first, new) {
        (&after, &before)
    } else {
        (&before, &after)
    };
    let confirmed = by_first.is_allowed() && !by_other.is_allowed();
    Ok(DifferenceSide::Found(Box::new(DifferingRequest {
        old: before,
        new: after,
        confirmed,
    })))
}
