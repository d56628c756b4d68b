//! A change that an explanation names, made to entities and questions as they are
//! written, and not to what the program holds of them.

use cedar_policy::EntityUid;
use peppol_authz_engine::schema::{ExtensionType, Schema, Value};
use peppol_authz_engine::{Change, ChangeKind};
use serde_json::{Map, Value as Json, json};

/// Makes changes; `None` where an entity is not written there.
pub(crate) fn apply(
    changes: &[Change],
    entities: &mut Json,
    question: &mut Json,
    schema: &Schema,
) -> Option<()> {
    for change in changes {
        let (member, name, value) = match &change.what {
            ChangeKind::Attribute(name, value) => ("attrs", name, value),
            ChangeKind::Tag(key, value) => ("tags", key, value),
            ChangeKind::Parent(parent) => {
                let entity = written(entities, question, change.of.as_ref()?, schema)?;
                let parents = entity["parents"].as_array_mut()?;
                parents.push(uid(parent));
                continue;
            }
        };
        let members = match &change.of {
            None => &mut question["context"],
            Some(of) => &mut written(entities, question, of, schema)?[member],
        };
        if members.is_null() {
            *members = json!({});
        }
        let members = members.as_object_mut()?;
        put(members, name, value.as_ref());
    }
    Some(())
}

fn put(members: &mut Map<String, Json>, name: &str, value: Option<&Value>) {
    match value {
        Some(value) => drop(members.insert(name.to_owned(), written_value(value))),
        None => drop(members.remove(name)),
    }
}

/// An entity where it is written: in the file, or in the question.
fn written<'a>(
    entities: &'a mut Json,
    question: &'a mut Json,
    of: &EntityUid,
    schema: &Schema,
) -> Option<&'a mut Json> {
    let stored = entities.as_array_mut().into_iter();
    let described = question["entities"].as_array_mut().into_iter();
    let mut all = stored.chain(described).flatten();
    all.find(|entity| schema.entity(&entity["uid"]).ok().as_ref() == Some(of))
}

fn uid(uid: &EntityUid) -> Json {
    let id: &str = uid.id().as_ref();
    json!({"type": uid.type_name().to_string(), "id": id})
}

fn written_value(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::Long(value) => json!(value),
        Value::String(text) => json!(**text),
        Value::Entity(entity) => json!({"__entity": uid(entity)}),
        Value::Set(values) => values.iter().map(written_value).collect(),
        Value::Record(record) => {
            let mut members = Map::new();
            for (name, value) in record.iter() {
                put(&mut members, name, Some(value));
            }
            Json::Object(members)
        }
        Value::Extension(kind, text) => {
            let function = match kind {
                ExtensionType::IpAddr => "ip",
                ExtensionType::Decimal => "decimal",
                ExtensionType::DateTime => "datetime",
                ExtensionType::Duration => "duration",
            };
            json!({"__extn": {"fn": function, "arg": **text}})
        }
    }
}
