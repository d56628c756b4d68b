//! Entities that the caller describes, in the service's form or in Cedar's.

use serde_json::{Map, Value as Json};

use super::super::limits::Limits;
use super::attribute::{attributes, entity};
use super::members::{ReadMember, either, record};
use peppol_authz_engine::schema::Misfit;

/// The entities that the caller describes, in Cedar's form.
pub(super) fn described(
    members: &mut Map<String, Json>,
    limits: &Limits,
) -> Result<Option<Json>, Misfit> {
    let Some(json) = members.remove("entities") else {
        return Ok(None);
    };
    let entities = either(json, "entityList", entity_list, limits);
    let entities = entities.and_then(|entities| match entities.as_array() {
        // Here already, as each question of a batch gets a copy.
        Some(all) if all.len() > limits.entities => Err(Misfit::new(format!(
            "more than {} entities",
            limits.entities
        ))),
        Some(_) => Ok(entities),
        None => Err(Misfit::new("an array of entities is wanted")),
    });
    entities
        .map(Some)
        .map_err(|misfit| misfit.within("entities"))
}

fn entity_list(json: Json) -> Result<Json, Misfit> {
    let Json::Array(items) = json else {
        return Err(Misfit::new("an array is wanted"));
    };
    let read = |(i, item): (usize, Json)| {
        entity_item(item).map_err(|misfit| misfit.within(&i.to_string()))
    };
    items.into_iter().enumerate().map(read).collect()
}

fn entity_item(json: Json) -> Result<Json, Misfit> {
    let mut members = record(json, &["identifier", "attributes", "parents", "tags"])?;
    let mut item = Map::new();
    let readings: [(&str, &str, ReadMember); 4] = [
        ("identifier", "uid", entity),
        ("attributes", "attrs", attributes),
        ("parents", "parents", parents),
        ("tags", "tags", attributes),
    ];
    for (member, name, read) in readings {
        let json = match members.remove(member) {
            Some(json) => read(json),
            None if member == "identifier" => Err(Misfit::new("is missing")),
            None => continue,
        };
        item.insert(
            name.to_owned(),
            json.map_err(|misfit| misfit.within(member))?,
        );
    }
    Ok(Json::Object(item))
}

fn parents(json: Json) -> Result<Json, Misfit> {
    match json {
        Json::Array(parents) => parents.into_iter().map(entity).collect(),
        _ => Err(Misfit::new("an array is wanted")),
    }
}
