//! The residual of the policies, where only one part of the question is unknown.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use cedar_policy::pst::{self, Clause};
use cedar_policy::{
    Effect, EntityUid, PartialEntities, PartialEntity, PartialEntityUid, PartialRequest, Policy,
    PolicyId, PolicySet,
};

use super::condition::ConditionReader;
use super::known_side::KnownSide;
use super::linked::ancestors;
use super::{Search, SearchPage, Sought};
use crate::decide::{EXPLANATION_STACK_BYTES, Failure, require_stack};
use crate::policy::{Bundle, OneSided, PolicyInfo, Shard};
use crate::schema::{Row, Value};
use crate::store::{Condition, Operand, Store, ValueTest};

/// Tests that the store is asked to make. Databases limit the parts of a statement,
/// and take their time to plan many.
pub(super) const TESTS: usize = 300;

/// The part of the policies that depends on the entity that is looked for.
#[derive(Clone, Debug)]
pub struct Residual {
    /// The policies, with what they still depend on, in Cedar's syntax, in the order
    /// of their ids. One that is certain is not among them.
    pub policies: Vec<ResidualPolicy>,
    /// True if some policy permits without depending on anything.
    pub permitted: bool,
    /// Policies that deny whatever is found: forbids that are certain, and policies
    /// that fail.
    pub denied_by: Vec<Arc<str>>,
    /// The condition that candidates have to fulfil.
    pub condition: Condition,
    /// The statement by which the store looks for them.
    pub statement: Option<String>,
}

/// One policy of a [`Residual`].
#[derive(Clone, Debug)]
pub struct ResidualPolicy {
    /// Its id.
    pub id: Arc<str>,
    /// Its residual, in Cedar's syntax.
    pub text: String,
}

impl Residual {
    /// Nothing can be found.
    pub(crate) fn never() -> Self {
        Self {
            policies: Vec::new(),
            permitted: false,
            denied_by: Vec::new(),
            condition: Condition::Never,
            statement: None,
        }
    }

    /// The rest of the policies, for a reader.
    pub(crate) fn shown(evaluated: &PartialPolicies) -> Self {
        let left = evaluated.left.iter();
        let policies = left.filter_map(|left| {
            Some(ResidualPolicy {
                id: Arc::clone(&left.info.id),
                text: shown(&left.residual)?,
            })
        });
        Self {
            policies: policies.collect(),
            ..Self::brief(evaluated)
        }
    }

    /// The same without texts, which are long in the making.
    fn brief(evaluated: &PartialPolicies) -> Self {
        Self {
            permitted: !evaluated.permits.is_empty(),
            denied_by: evaluated.denied_by.clone(),
            ..Self::never()
        }
    }
}

/// The policies of a search, each evaluated as far as it can be.
pub(crate) struct PartialPolicies {
    /// Permits that are certain.
    pub(crate) permits: Vec<Arc<PolicyInfo>>,
    /// See [`Residual::denied_by`].
    pub(crate) denied_by: Vec<Arc<str>>,
    /// Those that depend on what is looked for, in the order of their ids.
    pub(crate) left: Vec<PartialPolicy>,
}

/// A policy that depends on what is looked for.
pub(crate) struct PartialPolicy {
    pub(crate) info: Arc<PolicyInfo>,
    /// The rest of it.
    pub(crate) policy: pst::Policy,
    /// The same as Cedar has it.
    residual: Policy,
}

/// Evaluates policies as far as they can be, with these entities.
pub(crate) fn evaluate(
    search: &Search,
    sets: &[&PolicySet],
    KnownSide { seen, linked }: &KnownSide,
    bundle: &Bundle,
) -> Result<PartialPolicies, Failure> {
    require_stack(EXPLANATION_STACK_BYTES)?;
    let schema = bundle.schema.cedar();
    let unfit = |error: &dyn std::fmt::Display| Failure::Tenancy(error.to_string());
    let described = search.described.rows().iter();
    let described: HashSet<&EntityUid> = described.map(|row| &row.uid).collect();
    let entities: Result<Vec<_>, Failure> = seen
        .iter()
        .map(|seen| {
            let row = &seen.loaded.row;
            let whole = described.contains(&row.uid);
            partial_entity(row, whole, schema).map_err(|error| unfit(&error))
        })
        .collect();
    let entities =
        PartialEntities::from_partial_entities(entities?, schema).map_err(|e| unfit(&e))?;
    let unknown = PartialEntityUid::new(search.of.clone(), None);
    let other = PartialEntityUid::from_concrete(search.known.clone());
    let (principal, resource) = match search.sought {
        Sought::Principals => (unknown, other),
        Sought::Resources => (other, unknown),
    };
    let request = PartialRequest::new(
        principal,
        search.action.clone(),
        resource,
        Some(search.context.cedar().clone()),
        schema,
    )
    .map_err(|error| unfit(&error))?;
    let mut found = PartialPolicies {
        permits: Vec::new(),
        denied_by: Vec::new(),
        left: Vec::new(),
    };
    for set in sets {
        let response = set
            .tpe(&request, &entities, schema)
            .map_err(|error| unfit(&error))?;
        let info = |id: &PolicyId| {
            let linked = || linked.as_ref().and_then(|linked| linked.policy(id));
            let info = bundle.policy(id).or_else(linked).map(Arc::clone);
            info.ok_or_else(|| unfit(&format_args!("there is no policy {id}")))
        };
        for id in response.true_permits() {
            found.permits.push(info(id)?);
        }
        let certain = response.true_forbids().chain(response.error_forbids());
        for id in certain.chain(response.error_permits()) {
            found.denied_by.push(Arc::clone(&info(id)?.id));
        }
        for policy in response.residual_policies() {
            found.left.push(PartialPolicy {
                info: info(policy.id())?,
                policy: policy.to_pst().map_err(|error| unfit(&error))?,
                residual: policy,
            });
        }
    }
    found.left.sort_by(|a, b| a.info.id.cmp(&b.info.id));
    Ok(found)
}

/// Evaluates the policies of a search as far as they can be.
pub(super) fn residual(
    search: &Search,
    part: &SearchPage,
    shard: &Shard,
    known: &KnownSide,
    bundle: &Bundle,
    store: &dyn Store,
) -> Result<Residual, Failure> {
    let policies = one_sided(search, shard, known);
    let evaluated = evaluate(search, &policies.open, known, bundle)?;
    let reader = ConditionReader::new(search, &known.seen, &bundle.schema, store);
    let linked = known.linked.as_ref();
    let ids = linked.map_or(&[][..], |linked| &linked.named);
    let mut permits = vec![named(&policies, ids)];
    let mut forbids = Vec::new();
    for left in &evaluated.left {
        let clauses = left.policy.body().clauses().iter();
        let parts = clauses.map(|clause| match clause {
            Clause::When(expression) => (expression, true),
            Clause::Unless(expression) => (expression, false),
        });
        match left.info.effect {
            Effect::Permit => {
                let parts = parts.map(|(e, want)| reader.may_be(e, want));
                permits.push(Condition::all(parts));
            }
            // An Allow needs that some part of it does not hold.
            Effect::Forbid => {
                let parts = parts.map(|(e, want)| reader.may_be(e, !want));
                forbids.push(Condition::any(parts));
            }
        }
    }
    let mut found = match part.explain {
        true => Residual::shown(&evaluated),
        false => Residual::brief(&evaluated),
    };
    if found.permitted || linked.is_some_and(|linked| linked.is_cut) {
        permits = vec![Condition::Always];
    }
    if found.denied_by.is_empty() {
        forbids.push(Condition::any(permits));
        found.condition = Condition::all(forbids).bounded(TESTS);
    }
    Ok(found)
}

/// The policies that can match what is known, with those of links.
pub(crate) fn one_sided<'a>(
    search: &Search,
    shard: &'a Shard,
    known: &'a KnownSide,
) -> OneSided<'a> {
    let (uid, ancestors) = (&search.known, ancestors(search, &known.seen));
    let of = |shard: &'a Shard| match search.sought {
        Sought::Principals => shard.for_resource(uid, ancestors),
        Sought::Resources => shard.for_principal(uid, ancestors),
    };
    let mut policies = of(shard);
    if let Some(linked) = &known.linked {
        let linked = of(linked.shard());
        policies.open.extend(linked.open);
        policies.named.extend(linked.named);
    }
    policies
}

/// The entities that single policies are written for, and those that links are for.
fn named(policies: &OneSided<'_>, linked: &[EntityUid]) -> Condition {
    let permits = |set: &PolicySet| set.policies().any(|p| p.effect() == Effect::Permit);
    let named = policies.named.iter().filter(|(_, set)| permits(set));
    let mut ids: Vec<Arc<str>> = named
        .map(|(uid, _)| *uid)
        .chain(linked)
        .map(|uid| Arc::from(AsRef::<str>::as_ref(uid.id())))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        Condition::Never
    } else {
        Condition::Holds(Operand::Id, ValueTest::IsOneOf(ids.into()))
    }
}

/// An entity without its tags, unless all of them are there.
fn partial_entity(
    row: &Row,
    whole: bool,
    schema: &cedar_policy::Schema,
) -> Result<PartialEntity, Box<dyn std::error::Error>> {
    let pairs = |record: &BTreeMap<Arc<str>, Value>| {
        let pairs = record.iter();
        pairs
            .map(|(name, value)| ((&**name).into(), value.to_expression()))
            .collect()
    };
    Ok(PartialEntity::new(
        row.uid.clone(),
        Some(pairs(&row.attributes)),
        Some(row.ancestors.iter().cloned().collect()),
        whole.then(|| pairs(&row.tags)),
        schema,
    )?)
}

/// A policy as it is left, in Cedar's syntax.
fn shown(policy: &Policy) -> Option<String> {
    let text = policy.to_cedar()?;
    // Its annotations are where it is written.
    let from = text.find("permit(").or_else(|| text.find("forbid("))?;
    Some(text.get(from..)?.to_owned())
}
