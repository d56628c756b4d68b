//! Values and entities in Cedar's JSON form.

use std::borrow::Cow;

use cedar_policy::EntityUid;
use serde_json::{Value as Json, json};

use super::extension::ExtensionType;
use super::instant;
use super::value::{Record, Value};

/// Writes Cedar's JSON form. Implementations decide how ids and texts are written, so that
/// some of them can be hidden.
pub trait CedarJson {
    /// The id of an entity, as it is written.
    fn id<'a>(&'a self, uid: &'a EntityUid) -> Cow<'a, str>;

    /// The text of a string, as it is written.
    fn string<'a>(&'a self, text: &'a str) -> Cow<'a, str>;

    /// An entity: `{"type", "id"}`.
    fn uid(&self, uid: &EntityUid) -> Json {
        json!({"type": uid.type_name().to_string(), "id": self.id(uid)})
    }

    /// A value; an entity as `{"__entity": …}`, an extension value as `{"__extn": …}`.
    fn value(&self, value: &Value) -> Json {
        match value {
            Value::Bool(value) => (*value).into(),
            Value::Long(value) => (*value).into(),
            Value::String(text) => self.string(text).into(),
            Value::Entity(uid) => json!({"__entity": self.uid(uid)}),
            Value::Set(values) => values.iter().map(|value| self.value(value)).collect(),
            Value::Record(record) => self.record(record),
            Value::Extension(ExtensionType::DateTime, text) => instant::json(text),
            Value::Extension(extension, text) => extension.json(text),
        }
    }

    /// A record.
    fn record(&self, record: &Record) -> Json {
        let members = record.iter();
        members
            .map(|(name, value)| (name.to_string(), self.value(value)))
            .collect()
    }
}

/// Ids and strings are written as they are.
#[derive(Clone, Copy, Debug)]
pub struct AsStored;

impl CedarJson for AsStored {
    fn id<'a>(&'a self, uid: &'a EntityUid) -> Cow<'a, str> {
        AsRef::<str>::as_ref(uid.id()).into()
    }

    fn string<'a>(&'a self, text: &'a str) -> Cow<'a, str> {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{JsonOrigin, Schema};

    #[test]
    fn a_record_that_is_written_is_read_as_the_same() {
        let schema = Schema::parse(
            "entity User; action see appliesTo { principal: User, resource: User, context: {
                bool: Bool, long: Long, text: String, who: User, set: Set<User>, at: datetime,
                inner: { of: Set<{ ip: ipaddr }> } } };",
        )
        .unwrap();
        let context = &schema.actions()[0].context;
        let json = json!({
            "bool": true, "long": -1, "text": "u", "who": {"__entity": {"type": "User", "id": "u"}},
            "set": [{"__entity": {"type": "User", "id": "a"}}],
            "at": {"__extn": {"fn": "datetime", "arg": "2024-01-01"}},
            "inner": {"of": [{"ip": {"__extn": {"fn": "ip", "arg": "::1"}}}]},
        });
        let record = schema.record(&json, context, JsonOrigin::Context).unwrap();
        assert_eq!(AsStored.record(&record), json);
    }
}
