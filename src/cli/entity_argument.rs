//! Arguments that name an entity.

use std::collections::BTreeSet;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use serde_json::Value as Json;

use peppol_authz_engine::schema::{ActionType, Schema};

/// The place of an entity in a question.
#[derive(Clone, Copy, Debug)]
pub(super) enum EntityPlace {
    Principal,
    Resource,
}

/// Reads an argument of that name. Where the action is known, the entity is one that it can be asked of.
///
/// # Errors
/// What is no entity. If it is an id alone, the error says which entities could be meant.
pub(super) fn entity_argument(
    name: &str,
    text: &str,
    schema: &Schema,
    action: Option<&ActionType>,
    place: EntityPlace,
) -> Result<EntityUid, String> {
    let read = schema.entity(&Json::from(text));
    read.map_err(|misfit| {
        let near = match text.contains(['"', '{']) || text.trim().is_empty() {
            true => String::new(),
            false => meant(text, &types(schema, action, place)),
        };
        format!("`{name}`: {misfit}{near}")
    })
}

/// The types of entities that can be there.
fn types<'s>(
    schema: &'s Schema,
    action: Option<&'s ActionType>,
    place: EntityPlace,
) -> BTreeSet<&'s EntityTypeName> {
    let actions = action.map_or_else(|| schema.actions(), |action| vec![action]);
    let types = actions.into_iter().flat_map(|action| match place {
        EntityPlace::Principal => &action.principals,
        EntityPlace::Resource => &action.resources,
    });
    types.collect()
}

fn meant(id: &str, types: &BTreeSet<&EntityTypeName>) -> String {
    let named = |of: &EntityTypeName| {
        EntityUid::from_type_name_and_id(of.clone(), EntityId::new(id)).to_string()
    };
    let all: Vec<String> = types.iter().map(|of| named(of)).collect();
    match all.is_empty() {
        true => String::new(),
        false => format!("; did you mean {}?", all.join(" or ")),
    }
}
