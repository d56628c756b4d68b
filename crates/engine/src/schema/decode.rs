//! JSON to values, as the schema says: one reading for a question's context, a
//! tenancy document, an entity in Cedar's JSON form and a JSON column.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy::EvalResult;
use serde_json::{Map, Value as Json};

use super::characters::check_characters;
use super::common_form::common_form;
use super::definition::Schema;
use super::extension::ExtensionType;
use super::extension_call::ExtensionCall;
use super::instant::is_distance;
use super::member_name::{could_mean, means};
use super::misfit::Misfit;
use super::object::ObjectReader;
use super::reading::JsonOrigin;
use super::types::{Attribute, RecordType, Type};
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
            return self.picked(ty, &[("", object.members())], Surplus::none_ignored());
        }
        if reading == JsonOrigin::Document {
            for written in object.members().keys() {
                passed_over(written, ty)?;
            }
        } else {
            let names = ty.attributes.keys().map(|name| &**name);
            object = object.only(|name, _| ty.attributes.contains_key(name), names)?;
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
                        .attribute(json, attribute, reading)
                        .map_err(|m| m.within(name))?;
                    record.insert(Arc::clone(name), value);
                }
            }
        }
        Ok(record)
    }

    /// Reads a record out of several objects, loosely: a member of an earlier one wins, and names may
    /// be written in other case and with other separators. Each object has the name that faults are
    /// placed within; where none has a member, it is the last one's.
    ///
    /// # Errors
    /// The first member that is missing, of another type, not to be told from another one, or
    /// refused ([`Surplus`]).
    pub(crate) fn picked(
        &self,
        ty: &RecordType,
        objects: &[(&'static str, &Map<String, Json>)],
        surplus: Surplus<'_>,
    ) -> Result<Record, Misfit> {
        let within = |misfit: Misfit, place: &str| match place {
            "" => misfit,
            place => misfit.within(place),
        };
        let mut meant: BTreeMap<&str, (&str, &str, &Json)> = BTreeMap::new();
        let mut unknown = None;
        for (place, members) in objects {
            let mut here: BTreeMap<&str, &str> = BTreeMap::new();
            for (written, json) in *members {
                let name = match meaning(written, ty) {
                    Ok(Some(name)) => name,
                    _ if surplus.ignores(written) => continue,
                    Ok(None) => {
                        unknown = unknown.or(Some((*place, written)));
                        continue;
                    }
                    Err(misfit) => return Err(within(misfit, place)),
                };
                if json.is_null() {
                    if matches!(surplus, Surplus::Dropped) {
                        continue;
                    }
                    let misfit = Misfit::new("`null` is no value of it: leave it out for none");
                    return Err(within(misfit.within(written), place));
                }
                if let Some(other) = here.insert(name, written) {
                    let misfit = Misfit::new(format!("is written as `{other}` too"));
                    return Err(within(misfit.within(written), place));
                }
                meant.entry(name).or_insert((*place, written, json));
            }
        }
        let last = objects.last().map_or("", |(place, _)| place);
        let mut record = Record::new();
        for (name, attribute) in &ty.attributes {
            let (place, written, value) = match meant.get(&**name) {
                None if attribute.required => (last, &**name, Err(Misfit::new("is missing"))),
                None => continue,
                Some((place, written, json)) => {
                    let value = self.attribute(json, attribute, JsonOrigin::Loose);
                    (*place, *written, value)
                }
            };
            let value = value.map_err(|misfit| within(misfit.within(written), place))?;
            record.insert(Arc::clone(name), value);
        }
        match unknown {
            Some((place, written)) if matches!(surplus, Surplus::Refused { .. }) => {
                surplus_fault(ty, &record).map_or(Ok(record), |misfit| {
                    Err(within(misfit.within(written), place))
                })
            }
            _ => Ok(record),
        }
    }

    /// Reads JSON as the value of an attribute: one that is a code, under its one name, and one that
    /// is an identifier, as ids are read.
    fn attribute(
        &self,
        json: &Json,
        attribute: &Attribute,
        reading: JsonOrigin,
    ) -> Result<Value, Misfit> {
        match (self.value(json, &attribute.ty, reading)?, &attribute.codes) {
            (Value::String(code), Some(list)) => {
                check_characters(&code)?;
                Ok(Value::String(list.name_of(&code).into()))
            }
            (Value::String(text), None) if attribute.identifier => {
                check_characters(&text)?;
                Ok(Value::String(text))
            }
            (value, _) => Ok(value),
        }
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
                Value::Entity(entity_type.entity(id, reading)?.into())
            }
            (Type::Entity(name), Json::Object(_)) => {
                let uid = self.entity(json)?;
                if uid.type_name() != name {
                    return Err(wanted());
                }
                Value::Entity(uid.into())
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
            // Cedar takes these too: `{"__extn": {"fn": "toHours", "arg": …}}` is a number.
            (Type::Bool | Type::Long, Json::Object(members)) if members.contains_key("__extn") => {
                match (ty, ExtensionCall::of(members).and_then(|call| call.plain())) {
                    (Type::Bool, Some(EvalResult::Bool(value))) => Value::Bool(value),
                    (Type::Long, Some(EvalResult::Long(value))) => Value::Long(value),
                    _ => return Err(wanted()),
                }
            }
            (Type::Extension(extension), json) => {
                let text = extension_text(*extension, json, reading);
                let example = extension.example();
                let wanted = || Misfit::new(format!("{ty} is wanted, as `{example}`"));
                Value::Extension(*extension, text.ok_or_else(wanted)?)
            }
            _ => return Err(wanted()),
        })
    }
}

/// Names of members that are ignored where the schema does not have them.
pub type IgnoredMembers = BTreeSet<String>;

/// The fate of members that a type does not have, and could not be meant for one by their name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Surplus<'a> {
    /// They are dropped, and `null` is absence.
    Dropped,
    /// They are refused where an optional member is absent, which could be meant, but for ignored
    /// ones; and so is `null`.
    Refused { ignored: &'a IgnoredMembers },
}

impl Surplus<'_> {
    fn none_ignored() -> Self {
        const NONE: &IgnoredMembers = &IgnoredMembers::new();
        Self::Refused { ignored: NONE }
    }

    fn ignores(self, written: &str) -> bool {
        match self {
            Self::Dropped => false,
            Self::Refused { ignored } => ignored.contains(written),
        }
    }
}

/// The fault of a member that the type does not have; `None` where nothing is left that it could be
/// meant for.
fn surplus_fault(ty: &RecordType, record: &Record) -> Option<Misfit> {
    let absent = absent_attributes(ty, record);
    let names: Vec<_> = absent.iter().map(|name| format!("`{name}`")).collect();
    let names = names.join(" or ");
    let text = format!("is not known here: write {names}, if that is meant");
    (!absent.is_empty()).then(|| Misfit::new(text))
}

/// The optional attributes of a type that a record does not have.
pub(crate) fn absent_attributes<'t>(ty: &'t RecordType, record: &Record) -> Vec<&'t str> {
    let absent = ty
        .attributes
        .iter()
        .filter(|(name, attribute)| !attribute.required && !record.contains_key(&***name));
    absent.map(|(name, _)| &**name).collect()
}

/// The attribute that a member is meant for; `None` where it is none of them.
pub(crate) fn meaning<'t>(written: &str, ty: &'t RecordType) -> Result<Option<&'t str>, Misfit> {
    if let Some((name, _)) = ty.attributes.get_key_value(written) {
        return Ok(Some(name));
    }
    let mut named = ty.attributes.keys().filter(|name| means(written, name));
    match (named.next(), named.next()) {
        (Some(name), None) => Ok(Some(name)),
        _ => passed_over(written, ty).map(|()| None),
    }
}

/// That a member which the type does not have could not be meant for one that it has.
fn passed_over(written: &str, ty: &RecordType) -> Result<(), Misfit> {
    let mut names = ty.attributes.keys();
    match names.find(|name| could_mean(written, name)) {
        Some(name) if !ty.attributes.contains_key(written) => {
            Err(Misfit::new(format!("write `{name}`, if that is meant")).within(written))
        }
        _ => Ok(()),
    }
}

/// A JSON number with four digits behind the point is exact below this.
const EXACT: f64 = 1e11;

/// The text of an extension value: a string, or a call. It is checked by making the value, since
/// Cedar reports a bad one only later.
fn extension_text(extension: ExtensionType, json: &Json, reading: JsonOrigin) -> Option<Arc<str>> {
    let number;
    let text: &str = match json {
        Json::String(text) => text,
        // A greater one with a fraction may have been rounded by its reader.
        Json::Number(written)
            if extension == ExtensionType::Decimal
                && (!written.is_f64() || written.as_f64()?.abs() < EXACT) =>
        {
            number = written.to_string();
            &number
        }
        Json::Object(members) => {
            let call = ExtensionCall::of(members)?;
            match call.text(extension) {
                Some(text) => text,
                None => return computed_text(extension, &call, reading),
            }
        }
        _ => return None,
    };
    let text: Arc<str> = match reading {
        // It stays in the store as it is written, where searches compare it.
        JsonOrigin::Document | JsonOrigin::Column => Arc::from(text),
        JsonOrigin::Context | JsonOrigin::Entity | JsonOrigin::Loose => {
            common_form(extension, text).into()
        }
    };
    // A distance of an instant is nothing that is written.
    let is_text = extension != ExtensionType::DateTime || !is_distance(&text);
    let probe = Value::Extension(extension, Arc::clone(&text)).to_expression();
    let made = cedar_policy::Context::from_pairs([("probe".to_owned(), probe)]);
    (is_text && made.is_ok()).then_some(text)
}

/// The text of a value that is computed. What a store keeps has to have a text of its type.
fn computed_text(
    extension: ExtensionType,
    call: &ExtensionCall<'_>,
    reading: JsonOrigin,
) -> Option<Arc<str>> {
    let text = call.computed(extension)?;
    let is_kept = matches!(reading, JsonOrigin::Document | JsonOrigin::Column);
    let has_none = extension == ExtensionType::DateTime && is_distance(&text);
    (!is_kept || !has_none).then(|| text.into())
}
