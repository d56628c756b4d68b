//! The types of a schema: of values, entities and actions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cedar_policy::{EntityTypeName, EntityUid};

use super::code_list::CodeList;
use super::extension::ExtensionType;
use super::identifier::IdentifierRule;
use super::value::Record;
use crate::text::did_you_mean;

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `Bool`
    Bool,
    /// `Long`
    Long,
    /// `String`
    String,
    /// An entity of this type.
    Entity(EntityTypeName),
    /// `Set<…>`
    Set(Arc<Type>),
    /// `{ … }`
    Record(Arc<RecordType>),
    /// `ipaddr`, `decimal`, `datetime` or `duration`.
    Extension(ExtensionType),
}

/// The attributes of a record, an entity, a context or a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordType {
    /// By name.
    pub attributes: BTreeMap<Arc<str>, Attribute>,
}

impl RecordType {
    /// The end of a message about an attribute that it does not have: the one that was probably
    /// meant, or nothing.
    #[must_use]
    pub fn attribute_meant(&self, written: &str) -> String {
        did_you_mean(written, self.attributes.keys().map(|name| &**name))
    }
}

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its type.
    pub ty: Type,
    /// The list that its value is a code of.
    pub codes: Option<Arc<CodeList>>,
    /// True if every value has it.
    pub required: bool,
    /// True if a document has to write it, if only as `null`.
    pub nullable: bool,
    /// True if its text is to name one thing alone, as an id does.
    pub identifier: bool,
    /// True if an entity is a part of the one that the attribute names, `@within`.
    pub within: bool,
}

/// An entity type.
#[derive(Clone, Debug)]
pub struct EntityType {
    /// Its name, namespace included.
    pub name: EntityTypeName,
    /// Its attributes.
    pub shape: Arc<RecordType>,
    /// The type of its tags, where it has any.
    pub tags: Option<Type>,
    /// The ids of an `enum` type: these exist, and no others.
    pub choices: Option<BTreeSet<String>>,
    /// The types that its entities may be children of, as the schema says.
    pub member_of: Vec<EntityTypeName>,
    /// The types of all that its entities may be in, near and far. Cedar allows any of them as a
    /// parent, and writes all ancestors as parents.
    pub ancestors: BTreeSet<EntityTypeName>,
    /// The rule by which spellings of an id are the same.
    pub identifier: IdentifierRule,
    /// The attributes of an entity that the tenancy store does not hold; without them, such an
    /// entity is unknown.
    pub when_absent: Option<Record>,
    /// True if its ids identify persons, `@personal`.
    pub personal: bool,
    /// True if everything else belongs to one of its entities, `@tenant`.
    pub tenant: bool,
}

/// An action that can be asked.
#[derive(Clone, Debug)]
pub struct ActionType {
    /// The action.
    pub uid: EntityUid,
    /// The types of principals that it applies to.
    pub principals: Vec<EntityTypeName>,
    /// The types of resources that it applies to.
    pub resources: Vec<EntityTypeName>,
    /// Its context.
    pub context: Arc<RecordType>,
    /// While the store cannot be read: the greatest age of a state that the action is still
    /// decided from, `@maxStale`.
    pub max_stale: Option<Duration>,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("true or false"),
            Self::Long => f.write_str("a whole number"),
            Self::String => f.write_str("a string"),
            Self::Entity(name) => write!(f, "a `{name}`"),
            Self::Set(_) => f.write_str("an array"),
            Self::Record(_) => f.write_str("an object"),
            Self::Extension(extension) => write!(f, "a `{}`", extension.function()),
        }
    }
}
