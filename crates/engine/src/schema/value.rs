//! A value of a Cedar type, as the store, a question or a document gives it.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::{EntityUid, RestrictedExpression};

use super::extension::ExtensionType;
use super::instant;

/// Attributes by name.
pub type Record = BTreeMap<Arc<str>, Value>;

/// A value. Cloning is cheap: what can be large is shared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// `Bool`
    Bool(bool),
    /// `Long`
    Long(i64),
    /// `String`
    String(Arc<str>),
    /// An entity, under the canonical spelling of its id.
    Entity(Arc<EntityUid>),
    /// `Set<…>`
    Set(Arc<[Value]>),
    /// `{ … }`
    Record(Arc<Record>),
    /// An extension value, by the text that its function takes; an instant that has no such text,
    /// by its distance from 1970 (`…ms`).
    Extension(ExtensionType, Arc<str>),
}

impl Value {
    /// As an expression that Cedar takes.
    #[must_use]
    pub fn to_expression(&self) -> RestrictedExpression {
        match self {
            Self::Bool(value) => RestrictedExpression::new_bool(*value),
            Self::Long(value) => RestrictedExpression::new_long(*value),
            Self::String(value) => RestrictedExpression::new_string(value.to_string()),
            Self::Entity(uid) => RestrictedExpression::new_entity_uid(EntityUid::clone(uid)),
            Self::Set(values) => {
                RestrictedExpression::new_set(values.iter().map(Self::to_expression))
            }
            Self::Record(record) => {
                let pairs = record
                    .iter()
                    .map(|(name, value)| (name.to_string(), value.to_expression()));
                // A map has no name twice, the one thing that can go wrong here.
                RestrictedExpression::new_record(pairs)
                    .unwrap_or_else(|_| RestrictedExpression::new_set([]))
            }
            Self::Extension(ExtensionType::IpAddr, text) => RestrictedExpression::new_ip(text),
            Self::Extension(ExtensionType::Decimal, text) => {
                RestrictedExpression::new_decimal(text)
            }
            Self::Extension(ExtensionType::DateTime, text) => instant::expression(text),
            Self::Extension(ExtensionType::Duration, text) => {
                RestrictedExpression::new_duration(text)
            }
        }
    }

    /// Calls `visit` with every entity that the value names.
    pub fn each_entity<'a>(&'a self, visit: &mut impl FnMut(&'a EntityUid)) {
        match self {
            Self::Entity(uid) => visit(uid),
            Self::Set(values) => values.iter().for_each(|value| value.each_entity(visit)),
            Self::Record(record) => record.values().for_each(|value| value.each_entity(visit)),
            Self::Bool(_) | Self::Long(_) | Self::String(_) | Self::Extension(..) => {}
        }
    }
}

impl Value {
    /// As plain JSON, as in a column or a document: an entity is its bare id.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Bool(value) => (*value).into(),
            Self::Long(value) => (*value).into(),
            Self::String(text) | Self::Extension(_, text) => (&**text).into(),
            Self::Entity(uid) => AsRef::<str>::as_ref(uid.id()).into(),
            Self::Set(values) => values.iter().map(Self::to_json).collect(),
            Self::Record(record) => record_to_json(record),
        }
    }
}

/// A record as plain JSON.
#[must_use]
pub fn record_to_json(record: &Record) -> serde_json::Value {
    record
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_json()))
        .collect()
}
