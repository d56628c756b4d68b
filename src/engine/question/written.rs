//! A question as it would be asked natively: what another schema reads, and what is shown.

use cedar_policy::EntityUid;
use serde_json::{Value as Json, json};

use super::Question;
use crate::schema::{Record, Row, Value};

impl Question {
    /// In its native form, with the type of each entity. What it demands of the state is left out.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut json = json!({
            "principal": entity(&self.principal),
            "action": entity(&self.action),
            "resource": entity(&self.resource),
            "context": record(&self.context),
        });
        if let (Json::Object(members), false) = (&mut json, self.described.is_empty()) {
            let described = self.described.iter().map(row).collect();
            members.insert("entities".to_owned(), described);
        }
        json
    }
}

fn entity(uid: &EntityUid) -> Json {
    let (kind, id): (_, &str) = (uid.type_name().to_string(), uid.id().as_ref());
    json!({"type": kind, "id": id})
}

fn record(record: &Record) -> Json {
    let members = record.iter();
    members
        .map(|(name, of)| (name.to_string(), value(of)))
        .collect()
}

fn value(of: &Value) -> Json {
    match of {
        // By its id alone it could be of another type elsewhere.
        Value::Entity(uid) => json!({"__entity": entity(uid)}),
        Value::Set(values) => values.iter().map(value).collect(),
        Value::Record(inner) => record(inner),
        Value::Bool(_) | Value::Long(_) | Value::String(_) | Value::Extension(..) => of.to_json(),
    }
}

fn row(row: &Row) -> Json {
    json!({
        "uid": entity(&row.uid),
        "attrs": record(&row.attributes),
        "parents": row.ancestors.iter().map(entity).collect::<Vec<_>>(),
        "tags": record(&row.tags),
    })
}
