//! Entities in Cedar's JSON, by what names them.

use serde_json::{Value as Json, json};

/// Type and id.
pub(super) type TypeAndId = (String, String);

/// The entity that an object names, as `{"type", "id"}` or in `__entity`.
pub(super) fn key(json: &Json) -> Option<TypeAndId> {
    let object = json.as_object()?;
    if let Some(inner) = object.get("__entity") {
        return key(inner);
    }
    match (object.len(), object.get("type"), object.get("id")) {
        (2, Some(Json::String(kind)), Some(Json::String(id))) => Some((kind.clone(), id.clone())),
        _ => None,
    }
}

/// The entity that an entry of an array of entities is about.
pub(super) fn subject(entity: &Json) -> Option<TypeAndId> {
    key(entity.get("uid")?)
}

/// Calls `visit` for each entity that is named in a value.
pub(super) fn each_named(json: &Json, visit: &mut impl FnMut(TypeAndId)) {
    if let Some(named) = key(json) {
        return visit(named);
    }
    match json {
        Json::Array(values) => values.iter().for_each(|value| each_named(value, visit)),
        Json::Object(members) => members.values().for_each(|value| each_named(value, visit)),
        _ => {}
    }
}

/// As a value or a parent names it.
pub(super) fn named((kind, id): &TypeAndId) -> Json {
    json!({"__entity": {"type": kind, "id": id}})
}
