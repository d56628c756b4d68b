//! JSON to values, as the schema says: one reading for a question's context, a
//! tenancy document, an entity in Cedar's JSON form and a JSON column.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use serde_json::Value as Json;

use super::literal;
use super::types::{ExtensionType, RecordType, Type};
use super::value::{Record, Value};
use super::{EntityType, Schema};

/// Where the JSON comes from, which decides what is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A question's context: surplus members and `null` are refused.
    Context,
    /// Attributes or tags in Cedar's entities form: as a context.
    Entity,
    /// A tenancy document: surplus members are ignored, `null` is absence, and
    /// an id may not be empty.
    Document,
    /// A column: as a context.
    Column,
    /// What programs send that do not know the schema: surplus members are ignored,
    /// and `null` is absence.
    Loose,
}

/// JSON that does not fit its type: which member, and what was wanted. Never
/// says what was there instead, which may be somebody's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The member, from the outside in; empty for the value itself.
    pub member: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Misfit {
    /// A misfit of the value itself.
    pub fn new(problem: impl Into<String>) -> Self {
        Self {
            member: String::new(),
            problem: problem.into(),
        }
    }

    /// The same, one level further out.
    #[must_use]
    pub fn within(mut self, member: &str) -> Self {
        self.member = match self.member.as_str() {
            "" => member.to_owned(),
            inner => format!("{member}.{inner}"),
        };
        self
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.member.is_empty() {
            f.write_str(&self.problem)
        } else {
            write!(f, "`{}`: {}", self.member, self.problem)
        }
    }
}

impl Schema {
    /// Reads an object as a record.
    ///
    /// # Errors
    /// The first member that is missing, surplus or of another type.
    pub fn record(&self, json: &Json, ty: &RecordType, reading: Reading) -> Result<Record, Misfit> {
        let Json::Object(members) = json else {
            return Err(Misfit::new("an object is wanted"));
        };
        if reading == Reading::Loose {
            return self.picked(ty, |name| ("", members.get(name)));
        }
        if reading != Reading::Document
            && let Some(surplus) = members
                .keys()
                .find(|name| !ty.attributes.contains_key(name.as_str()))
        {
            return Err(Misfit::new("no such member").within(surplus));
        }
        let mut record = Record::new();
        for (name, attribute) in &ty.attributes {
            match members.get(&**name) {
                None if attribute.required => return Err(Misfit::new("is missing").within(name)),
                None if attribute.nullable && reading == Reading::Document => {
                    return Err(Misfit::new("is missing; write `null` for none").within(name));
                }
                None => {}
                Some(Json::Null) if !attribute.required && reading == Reading::Document => {}
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
                Some(json) => self.value(json, &attribute.ty, Reading::Loose),
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
    /// What does not fit.
    pub fn value(&self, json: &Json, ty: &Type, reading: Reading) -> Result<Value, Misfit> {
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

    /// Reads an entity in one of its three forms: a Cedar literal,
    /// `{"type","id"}` or `{"__entity": {"type","id"}}`.
    ///
    /// # Errors
    /// Another form, a type that the schema does not have, or an id outside the
    /// type's vocabulary.
    pub fn entity(&self, json: &Json) -> Result<EntityUid, Misfit> {
        const FORMS: &str = "an entity is wanted: `Type::\"id\"`, {\"type\",\"id\"} or {\"__entity\":{\"type\",\"id\"}}";
        match json {
            Json::String(literal) => {
                let (name, id) = literal::parse(literal).ok_or_else(|| Misfit::new(FORMS))?;
                self.entity_of(name, &id)
            }
            Json::Object(members) => match (members.get("__entity"), members.len()) {
                (Some(inner @ Json::Object(fields)), 1) if !fields.contains_key("__entity") => {
                    self.entity(inner).map_err(|m| m.within("__entity"))
                }
                (None, 2) => match (members.get("type"), members.get("id")) {
                    (Some(Json::String(name)), Some(Json::String(id))) => self.entity_of(name, id),
                    _ => Err(Misfit::new(FORMS)),
                },
                _ => Err(Misfit::new(FORMS)),
            },
            _ => Err(Misfit::new(FORMS)),
        }
    }

    /// The entity under its canonical id, if its type is in the schema and its
    /// id in the type's vocabulary. Actions are known by [`Schema::action`].
    fn entity_of(&self, name: &str, id: &str) -> Result<EntityUid, Misfit> {
        if let Some(entity_type) = self.entity_type_named(name) {
            return entity_type.entity(id, Reading::Context);
        }
        // Those that occur in the schema are not parsed again for each question.
        let action_type = match self.action_type_named(name) {
            Some(name) => Some(name.clone()),
            None => EntityTypeName::from_str(name)
                .ok()
                .filter(|name| name.basename() == "Action"),
        };
        match action_type {
            Some(name) => Ok(EntityUid::from_type_name_and_id(name, EntityId::new(id))),
            None => Err(Misfit::new("no such entity type in the schema")),
        }
    }
}

impl EntityType {
    /// The entity of this type with that id, in any spelling.
    ///
    /// # Errors
    /// An id outside the vocabulary of an `enum` type, or an empty one in a
    /// document.
    pub fn entity(&self, id: &str, reading: Reading) -> Result<EntityUid, Misfit> {
        if let Some(choices) = &self.choices
            && !choices.contains(id)
        {
            let choices: Vec<_> = choices.iter().map(|choice| format!("`{choice}`")).collect();
            return Err(Misfit::new(format!("not one of {}", choices.join(", "))));
        }
        if reading == Reading::Document && id.is_empty() {
            return Err(Misfit::new("an id may not be empty"));
        }
        // Not every database can hold it, and some cut a text there.
        if reading == Reading::Document && id.contains('\0') {
            return Err(Misfit::new("an id may not contain U+0000"));
        }
        let id = self.identifier.canonical(id);
        Ok(EntityUid::from_type_name_and_id(
            self.name.clone(),
            EntityId::new(id),
        ))
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
