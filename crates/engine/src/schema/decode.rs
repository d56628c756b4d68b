//! JSON to values, as the schema says: one reading for a question's context, a
//! tenancy document, an entity in Cedar's JSON form and a JSON column.

use std::sync::Arc;

use serde_json::Value as Json;

use super::definition::Schema;
use super::extension::ExtensionType;
use super::misfit::Misfit;
use super::object::ObjectReader;
use super::reading::JsonOrigin;
use super::types::{RecordType, Type};
use super::value::{Record, Value};

impl Schema {
    /// Reads an object as a record.
    ///
    /// # Errors
    /// The first member that is missing, surplus or of another type.
    pub fn record(
        &self,
        json: &Json,
        ty: &RecordType,
        reading: JsonOrigin,
    ) -> Result<Record, Misfit> {
        let mut object = ObjectReader::of(json)?;
        if reading == JsonOrigin::Loose {
            return self.picked(ty, |name| ("", object.get(name)));
        }
        if reading != JsonOrigin::Document {
            object = object.only(|name, _| ty.attributes.contains_key(name))?;
        }
        let mut record = Record::new();
        for (name, attribute) in &ty.attributes {
            match object.get(name) {
                None if attribute.required => return Err(Misfit::new("is missing").within(name)),
                None if attribute.nullable && reading == JsonOrigin::Document => {
                    return Err(Misfit::new("is missing; write `null` for none").within(name));
                }
                None => {}
                Some(Json::Null) if !attribute.required && reading == JsonOrigin::Document => {}
                Some(json) => {
                    let value = self
                        .value(json, &attribute.ty, reading)
                        .map_err(|m| m.within(name))?;
                    record.insert(Arc::clone(name), value);
                }
            }
        }
        Ok(record)
    }

    /// Reads a record out of several objects, loosely. `find` gives the name of the
    /// object that a member is or should be in, and the member.
    ///
    /// # Errors
    /// The first member that is missing or of another type.
    pub fn picked<'j>(
        &self,
        ty: &RecordType,
        find: impl Fn(&str) -> (&'static str, Option<&'j Json>),
    ) -> Result<Record, Misfit> {
        let mut record = Record::new();
        for (name, attribute) in &ty.attributes {
            let (place, json) = find(name);
            let value = match json.filter(|json| !json.is_null()) {
                None if attribute.required => Err(Misfit::new("is missing")),
                None => continue,
                Some(json) => self.value(json, &attribute.ty, JsonOrigin::Loose),
            };
            let value = value.map_err(|misfit| match (misfit.within(name), place) {
                (misfit, "") => misfit,
                (misfit, place) => misfit.within(place),
            })?;
            record.insert(Arc::clone(name), value);
        }
        Ok(record)
    }

    /// Reads JSON as a value of a type.
    ///
    /// # Errors
    /// JSON that does not fit the type.
    pub fn value(&self, json: &Json, ty: &Type, reading: JsonOrigin) -> Result<Value, Misfit> {
        let wanted = || Misfit::new(format!("{ty} is wanted"));
        Ok(match (ty, json) {
            (Type::Bool, Json::Bool(value)) => Value::Bool(*value),
            (Type::Long, Json::Number(number)) => Value::Long(number.as_i64().ok_or_else(wanted)?),
            (Type::String, Json::String(text)) => Value::String(Arc::from(text.as_str())),
            (Type::Entity(name), Json::String(id)) => {
                let entity_type = self.entity_type(name).ok_or_else(wanted)?;
                Value::Entity(entity_type.entity(id, reading)?)
            }
            (Type::Entity(name), Json::Object(_)) => {
                let uid = self.entity(json)?;
                if uid.type_name() != name {
                    return Err(wanted());
                }
                Value::Entity(uid)
            }
            (Type::Set(element), Json::Array(values)) => {
                let values: Result<Vec<_>, _> = values
                    .iter()
                    .enumerate()
                    .map(|(i, json)| {
                        self.value(json, element, reading)
                            .map_err(|m| m.within(&i.to_string()))
                    })
                    .collect();
                Value::Set(values?.into())
            }
            (Type::Record(record), Json::Object(_)) => {
                Value::Record(Arc::new(self.record(json, record, reading)?))
            }
            (Type::Extension(extension), json) => Value::Extension(
                *extension,
                extension_text(*extension, json).ok_or_else(wanted)?,
            ),
            _ => return Err(wanted()),
        })
    }
}

/// The text of an extension value: a string, or `{"__extn": {"fn","arg"}}`. It
/// is checked by making the value, since Cedar reports a bad one only later.
fn extension_text(extension: ExtensionType, json: &Json) -> Option<Arc<str>> {
    let text = match json {
        Json::String(text) => text,
        Json::Object(members) => {
            let call = members.get("__extn")?;
            if call.get("fn")?.as_str()? != extension.function() {
                return None;
            }
            match call.get("arg")? {
                Json::String(text) => text,
                _ => return None,
            }
        }
        _ => return None,
    };
    let text: Arc<str> = Arc::from(text.as_str());
    let probe = Value::Extension(extension, Arc::clone(&text)).to_expression();
    cedar_policy::Context::from_pairs([("probe".to_owned(), probe)])
        .ok()
        .map(|_| text)
}
