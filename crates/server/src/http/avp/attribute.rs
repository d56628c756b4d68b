//! `AttributeValue`, a value that says its type, into the JSON of a question.
//!
//! The schema knows the type that is wanted; the type that the caller says has to fit the
//! value that comes with it, and no more.

use serde_json::{Map, Value as Json, json};

use super::members::{one, record};
use peppol_authz_engine::schema::{ExtensionType, Misfit};

/// Values by name.
pub(super) fn attributes(json: Json) -> Result<Json, Misfit> {
    let Json::Object(members) = json else {
        return Err(Misfit::new("an object is wanted"));
    };
    let mut values = Map::new();
    for (name, json) in members {
        let value = attribute(json).map_err(|misfit| misfit.within(&name))?;
        values.insert(name, value);
    }
    Ok(Json::Object(values))
}

/// One value.
fn attribute(json: Json) -> Result<Json, Misfit> {
    let (kind, json) = one(
        json,
        "one attribute value, and its type as the member's name",
    )?;
    let value = match (kind.as_str(), json) {
        ("boolean", value @ Json::Bool(_)) | ("string", value @ Json::String(_)) => Ok(value),
        ("long", value) if value.is_i64() => Ok(value),
        ("entityIdentifier", json) => entity(json).map(|uid| json!({ "__entity": uid })),
        ("set", Json::Array(values)) => values
            .into_iter()
            .enumerate()
            .map(|(i, json)| attribute(json).map_err(|misfit| misfit.within(&i.to_string())))
            .collect(),
        ("record", json) => attributes(json),
        (kind, Json::String(text)) => match extension(kind) {
            Some(extension) => Ok(json!({"__extn": {"fn": extension.function(), "arg": text}})),
            None => Err(Misfit::new("another type of value is wanted")),
        },
        _ => Err(Misfit::new("another type of value is wanted")),
    };
    value.map_err(|misfit| misfit.within(&kind))
}

fn extension(kind: &str) -> Option<ExtensionType> {
    Some(match kind {
        "ipaddr" => ExtensionType::IpAddr,
        "decimal" => ExtensionType::Decimal,
        "datetime" => ExtensionType::DateTime,
        "duration" => ExtensionType::Duration,
        _ => return None,
    })
}

/// `EntityIdentifier` into `{"type","id"}`.
pub(super) fn entity(json: Json) -> Result<Json, Misfit> {
    named(json, ["entityType", "entityId"], 612)
}

/// `ActionIdentifier` into `{"type","id"}`.
pub(super) fn action(json: Json) -> Result<Json, Misfit> {
    named(json, ["actionType", "actionId"], 512)
}

/// Two strings, of at most 200 and `longest` characters, as the service's model has it.
fn named(json: Json, [kind, id]: [&str; 2], longest: usize) -> Result<Json, Misfit> {
    let mut members = record(json, &[kind, id])?;
    let mut text = |member: &str, longest: usize| match members.remove(member) {
        Some(Json::String(text)) if (1..=longest).contains(&text.chars().count()) => Ok(text),
        Some(Json::String(_)) => {
            Err(Misfit::new(format!("1 to {longest} characters are wanted")).within(member))
        }
        Some(_) => Err(Misfit::new("a string is wanted").within(member)),
        None => Err(Misfit::new("is missing").within(member)),
    };
    Ok(json!({"type": text(kind, 200)?, "id": text(id, longest)?}))
}
