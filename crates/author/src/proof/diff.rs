//! What another set of policies allows more or less.

mod schemas;

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::{Authorizer, Decision, EntityUid, Policy, PolicySet};

use super::counterexample::Counterexample;
use super::kind::Kind;
use super::prove::readable;
use super::prover::{ProofError, Prover};
use super::world::World;
use peppol_authz_engine::policy::Bundle;

/// Two sets of policies, and the schema that both are compared under.
#[derive(Clone, Debug)]
pub struct Compared {
    /// As it is.
    pub old: Arc<Bundle>,
    /// The old policies under the new schema; `old` itself where the schemas are one.
    pub old_under_new: Arc<Bundle>,
    /// As it is to be.
    pub new: Arc<Bundle>,
}

/// What has become of one kind of request.
#[derive(Debug)]
pub struct Difference {
    /// The kind.
    pub kind: Kind,
    /// What is newly allowed, if anything is.
    pub more: Side,
    /// What is no longer allowed.
    pub less: Side,
}

/// One direction of a difference.
#[derive(Debug)]
pub enum Side {
    /// Nothing, proved.
    Nothing,
    /// For one, this.
    Found(Box<Found>),
    /// That is not known.
    NotProved(String),
}

/// A request that one set allows and the other does not.
#[derive(Debug)]
pub struct Found {
    /// With what the old policies decide of it.
    pub old: Counterexample,
    /// With what the new ones decide of it.
    pub new: Counterexample,
    /// Whether the engine decides of it as the solver has it.
    pub confirmed: bool,
}

impl Compared {
    fn has_two_schemas(&self) -> bool {
        !Arc::ptr_eq(&self.old, &self.old_under_new)
    }
}

impl Difference {
    /// Whether something may be allowed that was not: that nothing is has to be proved.
    #[must_use]
    pub fn may_be_wider(&self) -> bool {
        !matches!(self.more, Side::Nothing)
    }

    /// Whether both directions are settled.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let settled = |side: &Side| match side {
            Side::Nothing => true,
            Side::Found(found) => found.confirmed,
            Side::NotProved(_) => false,
        };
        settled(&self.more) && settled(&self.less)
    }

    /// `more`, `less`, `both` or `same`; `unknown` where neither is found and one is not
    /// proved to be nothing.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match (&self.more, &self.less) {
            (Side::Found(_), Side::Found(_)) => "both",
            (Side::Found(_), Side::Nothing) => "more",
            (Side::Nothing, Side::Found(_)) => "less",
            (Side::Nothing, Side::Nothing) => "same",
            (Side::Found(_) | Side::NotProved(_), Side::NotProved(_))
            | (Side::NotProved(_), _)
            | (Side::Nothing, Side::NotProved(_)) => "unknown",
        }
    }
}

/// Compares two sets of policies, by kind of request.
///
/// # Errors
/// [`ProofError::NoSolver`]; all else is part of the answer.
pub async fn diff(prover: &mut Prover, compared: &Compared) -> Result<Vec<Difference>, ProofError> {
    let (old, new) = (&compared.old_under_new, &compared.new);
    let mut differences = Vec::new();
    for kind in Kind::all(new) {
        // An action that could not be asked was allowed to nobody.
        let before = if is_asked(&kind, &compared.old) {
            kind.of(old)
        } else {
            PolicySet::new()
        };
        let after = kind.policies.clone();
        let other = schemas::difference(&kind, compared).or_else(|| {
            let text = "the schema puts the action into other groups, which policies name";
            regrouped(&kind, compared).then(|| text.to_owned())
        });
        let (more, less) = if let Some(text) = other {
            (Side::NotProved(text.clone()), Side::NotProved(text))
        } else if same_texts(&before, &after) {
            (Side::Nothing, Side::Nothing)
        } else {
            let unsure = may_fail(prover, new, &kind, [&before, &after]).await?;
            (
                side(
                    prover,
                    [old, new],
                    &kind,
                    [&after, &before],
                    new,
                    unsure.as_deref(),
                )
                .await?,
                side(
                    prover,
                    [old, new],
                    &kind,
                    [&before, &after],
                    old,
                    unsure.as_deref(),
                )
                .await?,
            )
        };
        differences.push(Difference { kind, more, less });
    }
    for kind in Kind::all(&compared.old) {
        if is_asked(&kind, new) {
            continue;
        }
        let (old, none) = (&compared.old, PolicySet::new());
        let before = kind.policies.clone();
        let less = side(prover, [old, new], &kind, [&before, &none], old, None).await?;
        let more = Side::Nothing;
        differences.push(Difference { kind, more, less });
    }
    differences.sort_by_cached_key(|difference| difference.kind.to_string());
    Ok(differences)
}

/// Whether the schema knows this kind of request.
fn is_asked(kind: &Kind, bundle: &Bundle) -> bool {
    let env = &kind.env;
    let shard = bundle.shard(env.action(), env.principal(), env.resource());
    shard.is_some()
}

/// Whether a policy that names a group of actions means another set of them under the new
/// schema: the old policies cannot be compared under it then.
fn regrouped(kind: &Kind, compared: &Compared) -> bool {
    let groups = |bundle: &Bundle| {
        let entities = bundle.schema.cedar().action_entities().unwrap_or_default();
        let groups = entities.ancestors(kind.env.action());
        let groups: BTreeSet<EntityUid> = groups.into_iter().flatten().cloned().collect();
        groups
    };
    if !compared.has_two_schemas() || !is_asked(kind, &compared.old) {
        return false;
    }
    let (before, after) = (groups(&compared.old), groups(&compared.new));
    let moved: BTreeSet<&EntityUid> = before.symmetric_difference(&after).collect();
    let bundles = [&compared.old, &compared.old_under_new, &compared.new];
    let sets = bundles.map(|bundle| kind.of(bundle));
    let mut named = sets
        .iter()
        .flat_map(PolicySet::policies)
        .flat_map(Policy::entity_literals);
    named.any(|uid| moved.contains(&uid))
}

/// Whether nothing has to be proved.
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
    kind: &Kind,
    sets: [&PolicySet; 2],
) -> Result<Option<String>, ProofError> {
    for policy in sets.into_iter().flat_map(PolicySet::policies) {
        let schema = bundle.schema.cedar();
        match prover.never_fails(schema, &kind.env, policy).await {
            Ok(None) => {}
            Ok(Some(_)) => return Ok(Some(format!("`{}` can fail", policy.id()))),
            Err(error @ ProofError::NoSolver { .. }) => return Err(error),
            Err(error) => return Ok(Some(error.to_string())),
        }
    }
    Ok(None)
}

/// Whether the first of `sets`, that of `first`, allows what the other does not.
async fn side(
    prover: &mut Prover,
    [old, new]: [&Arc<Bundle>; 2],
    kind: &Kind,
    [some, other]: [&PolicySet; 2],
    first: &Arc<Bundle>,
    unsure: Option<&str>,
) -> Result<Side, ProofError> {
    let schema = &first.schema;
    let env = match prover.implies(schema.cedar(), &kind.env, some, other).await {
        Ok(Some(env)) => env,
        Ok(None) => {
            let unsure = unsure.map(|text| Side::NotProved(text.to_owned()));
            return Ok(unsure.unwrap_or(Side::Nothing));
        }
        Err(error @ ProofError::NoSolver { .. }) => return Err(error),
        Err(error) => return Ok(Side::NotProved(error.to_string())),
    };
    let shows = |world: &World| {
        world.to_cedar(schema).is_some_and(|(request, entities)| {
            let says = |set| {
                Authorizer::new()
                    .is_authorized(&request, set, &entities)
                    .decision()
            };
            says(some) == Decision::Allow && says(other) == Decision::Deny
        })
    };
    let Some(world) = readable(&env, first, &[some, other], &shows) else {
        return Ok(Side::NotProved("what was found is not whole".to_owned()));
    };
    let before = Counterexample::decided(&world, old).await;
    let after = Counterexample::decided(&world, new).await;
    let (by_first, by_other) = if Arc::ptr_eq(first, new) {
        (&after, &before)
    } else {
        (&before, &after)
    };
    let confirmed = by_first.is_allowed() && !by_other.is_allowed();
    Ok(Side::Found(Box::new(Found {
        old: before,
        new: after,
        confirmed,
    })))
}
