//! The types of entities that actions are asked for.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

use crate::query::Parameters;
use peppol_authz_engine::schema::Schema;

/// The types that are principals, or resources, of actions: the one that all others belong to first, then those of most
/// actions.
pub(crate) fn asked_types(schema: &Schema, member: &str) -> Vec<EntityTypeName> {
    let mut actions: BTreeMap<EntityTypeName, usize> = BTreeMap::new();
    for action in schema.actions() {
        let types = match member {
            "principal" => &action.principals,
            _ => &action.resources,
        };
        for of in types {
            *actions.entry(of.clone()).or_default() += 1;
        }
    }
    let is_tenant = |of: &EntityTypeName| schema.entity_type(of).is_some_and(|of| of.tenant);
    let mut types: Vec<_> = actions.into_iter().collect();
    types.sort_by_key(|(of, actions)| (!is_tenant(of), Reverse(*actions)));
    types.into_iter().map(|(of, _)| of).collect()
}

/// The entity that parameters name by `member` and `member-type`; `None` where they name none.
pub(crate) fn named_by(
    parameters: &Parameters,
    schema: &Schema,
    member: &str,
) -> Option<Result<EntityUid, String>> {
    let id = parameters.get(member)?;
    let kind = format!("{member}-type");
    let name = parameters.get(&kind).unwrap_or_default();
    let Some(of) = schema.entity_type_called(name) else {
        let meant = schema.type_meant(name);
        return Some(Err(format!("`{kind}`: no such type{meant}")));
    };
    let uid = EntityUid::from_type_name_and_id(of.name.clone(), EntityId::new(id));
    let canonical = schema.canonical(uid);
    Some(canonical.map_err(|misfit| format!("`{member}`: {misfit}")))
}
