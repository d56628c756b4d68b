//! The entities that a sample of questions is asked about.

use std::collections::BTreeMap;

use cedar_policy::{EntityTypeName, EntityUid, PrincipalConstraint, ResourceConstraint};
use peppol_authz_engine::policy::Bundle;
use serde_json::Value as Json;

use super::entity_json::{TypeAndId, named, subject};

/// The most entities of a type that are asked about.
const OF_A_TYPE: usize = 12;

/// The id of an entity of a type of which nobody has given any.
pub(super) const SAMPLE: &str = "sample";

/// Entities by their types.
pub(super) struct Candidates(BTreeMap<String, Vec<String>>);

impl Candidates {
    /// Some of each type, from all over the list.
    pub(super) fn among(entities: &[Json]) -> Self {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (kind, id) in entities.iter().filter_map(subject) {
            all.entry(kind).or_default().push(id);
        }
        for ids in all.values_mut() {
            let step = ids.len().div_ceil(OF_A_TYPE).max(1);
            let some = std::mem::take(ids).into_iter().step_by(step);
            *ids = some.collect();
        }
        Self(all)
    }

    pub(super) fn of(&self, name: &EntityTypeName) -> Vec<TypeAndId> {
        let kind = name.to_string();
        let ids = self.0.get(&kind).into_iter().flatten();
        ids.map(|id| (kind.clone(), id.clone())).collect()
    }

    /// As a value names one of a type, which need not be there.
    pub(super) fn one(&self, name: &EntityTypeName, bundle: &Bundle) -> Json {
        let choices = bundle.schema.entity_type(name);
        let choices = choices.and_then(|found| found.choices.as_ref());
        let choice = choices.and_then(|choices| choices.first());
        let kind = name.to_string();
        let first = self.0.get(&kind).and_then(|ids| ids.first());
        let id = choice.or(first).map_or(SAMPLE, String::as_str);
        named(&(kind.clone(), id.to_owned()))
    }
}

/// The entities that the scopes of policies name.
pub(super) struct Scoped {
    /// Those that a principal or resource has to be.
    pub(super) themselves: Vec<EntityUid>,
    /// Those that it has to be in.
    pub(super) above: Vec<EntityUid>,
}

impl Scoped {
    pub(super) fn of(bundle: &Bundle) -> Self {
        let mut found = Self {
            themselves: Vec::new(),
            above: Vec::new(),
        };
        for info in bundle.policies() {
            match info.policy.principal_constraint() {
                PrincipalConstraint::Eq(uid) => found.themselves.push(uid),
                PrincipalConstraint::In(uid) | PrincipalConstraint::IsIn(_, uid) => {
                    found.above.push(uid);
                }
                PrincipalConstraint::Any | PrincipalConstraint::Is(_) => {}
            }
            match info.policy.resource_constraint() {
                ResourceConstraint::Eq(uid) => found.themselves.push(uid),
                ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) => {
                    found.above.push(uid);
                }
                ResourceConstraint::Any | ResourceConstraint::Is(_) => {}
            }
        }
        for all in [&mut found.themselves, &mut found.above] {
            all.sort();
            all.dedup();
        }
        found
    }
}
