//! The readable half of a schema: entity types, attributes, actions.
//!
//! Read from the JSON form that `cedar-policy` makes of a schema, with every
//! type resolved to an entity, a common or a primitive type.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use serde::Deserialize;

use super::decode::Reading;
use super::identifier::IdentifierRule;
use super::value::Record;
use super::{Map, Schema, SchemaError};
use crate::text::duration;

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

/// Cedar's extension types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtensionType {
    /// An IPv4 or IPv6 address or range.
    IpAddr,
    /// A number with four digits after the point.
    Decimal,
    /// An instant, in milliseconds.
    DateTime,
    /// A length of time, in milliseconds.
    Duration,
}

/// The attributes of a record, an entity, a context or a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordType {
    /// By name.
    pub attributes: BTreeMap<Arc<str>, Attribute>,
}

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its type.
    pub ty: Type,
    /// Whether every value has it.
    pub required: bool,
    /// Whether a document has to write it, if only as `null`.
    pub nullable: bool,
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
    /// The types that its entities may be children of.
    pub member_of: Vec<EntityTypeName>,
    /// Which spellings of an id are the same.
    pub identifier: IdentifierRule,
    /// The attributes of an id that the tenancy store does not hold; without
    /// them such an id is unknown.
    pub when_absent: Option<Record>,
    /// Whether its ids say who somebody is, `@personal`.
    pub personal: bool,
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
    /// How long ago the state of the store may have been the newest that it is
    /// answered from while the store cannot be read, `@maxStale`.
    pub max_stale: Option<Duration>,
}

// === JSON form of a schema ===

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawType {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    element: Option<Box<RawType>>,
    #[serde(default)]
    attributes: BTreeMap<String, RawType>,
    #[serde(default)]
    additional_attributes: bool,
    #[serde(default = "yes")]
    required: bool,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEntityType {
    shape: Option<RawType>,
    tags: Option<RawType>,
    #[serde(rename = "enum")]
    choices: Option<BTreeSet<String>>,
    #[serde(default)]
    member_of_types: Vec<String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawAction {
    applies_to: Option<RawAppliesTo>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawAppliesTo {
    #[serde(default)]
    principal_types: Vec<String>,
    #[serde(default)]
    resource_types: Vec<String>,
    context: Option<RawType>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawNamespace {
    #[serde(default)]
    common_types: BTreeMap<String, RawType>,
    #[serde(default)]
    entity_types: BTreeMap<String, RawEntityType>,
    #[serde(default)]
    actions: BTreeMap<String, RawAction>,
}

/// A schema text in the form that can be walked.
pub(super) struct Fragment {
    namespaces: BTreeMap<String, RawNamespace>,
}

impl Fragment {
    pub(super) fn parse(text: &str) -> Result<Self, SchemaError> {
        let (json, _) = cedar_policy::schema_str_to_json_with_resolved_types(text)?;
        let namespaces = serde_json::from_value(json)
            .map_err(|error| SchemaError::Unsupported(format!("schema: {error}")))?;
        Ok(Self { namespaces })
    }

    pub(super) fn entity_types(&self) -> Result<Vec<EntityType>, SchemaError> {
        let mut types = Vec::new();
        for (namespace, contents) in &self.namespaces {
            for (name, raw) in &contents.entity_types {
                let full = qualified(namespace, name);
                let shape = match &raw.shape {
                    Some(shape) => self.record(shape)?,
                    None => RecordType::default(),
                };
                types.push(EntityType {
                    name: entity_type_name(&full)?,
                    shape: Arc::new(shape),
                    tags: raw.tags.as_ref().map(|tags| self.ty(tags)).transpose()?,
                    choices: raw.choices.clone(),
                    member_of: names(&raw.member_of_types)?,
                    identifier: IdentifierRule::from_annotations(&full, &raw.annotations)?,
                    when_absent: None,
                    personal: personal(&full, raw)?,
                });
            }
        }
        Ok(types)
    }

    /// The values of `@whenAbsent`, which need the finished types to be read.
    pub(super) fn absent_attributes(
        &self,
        schema: &Schema,
    ) -> Result<Vec<(EntityTypeName, Record)>, SchemaError> {
        let mut found = Vec::new();
        for (namespace, contents) in &self.namespaces {
            for (name, raw) in &contents.entity_types {
                let Some(text) = raw.annotations.get("whenAbsent") else {
                    continue;
                };
                let full = qualified(namespace, name);
                let wrong = |problem: String| SchemaError::Annotation {
                    annotation: "whenAbsent",
                    of: full.clone(),
                    problem,
                };
                let json =
                    super::json::parse(text.as_bytes(), 16).map_err(|e| wrong(e.to_string()))?;
                let name = entity_type_name(&full)?;
                if let Some(entity_type) = schema.entity_type(&name) {
                    let record = schema
                        .record(&json, &entity_type.shape, Reading::Entity)
                        .map_err(|misfit| wrong(misfit.to_string()))?;
                    found.push((name, record));
                }
            }
        }
        Ok(found)
    }

    pub(super) fn actions(
        &self,
        cedar: &cedar_policy::Schema,
    ) -> Result<Map<EntityUid, ActionType>, SchemaError> {
        let mut actions = Map::default();
        for (namespace, contents) in &self.namespaces {
            for (name, raw) in &contents.actions {
                // One that applies to nothing is a group.
                let Some(applies_to) = raw.applies_to.as_ref().filter(|applies_to| {
                    !applies_to.principal_types.is_empty() && !applies_to.resource_types.is_empty()
                }) else {
                    continue;
                };
                let type_name = entity_type_name(&qualified(namespace, "Action"))?;
                let uid = EntityUid::from_type_name_and_id(type_name, EntityId::new(name));
                if !cedar.actions().any(|action| action == &uid) {
                    return Err(SchemaError::Unsupported(format!(
                        "action `{uid}` is not known"
                    )));
                }
                let context = match &applies_to.context {
                    Some(context) => self.record(context)?,
                    None => RecordType::default(),
                };
                let max_stale = match raw.annotations.get("maxStale") {
                    None => None,
                    Some(text) => {
                        Some(
                            duration::parse(text).ok_or_else(|| SchemaError::Annotation {
                                annotation: "maxStale",
                                of: uid.to_string(),
                                problem: format!("`{text}` is no duration as `5s` or `2m`"),
                            })?,
                        )
                    }
                };
                actions.insert(
                    uid.clone(),
                    ActionType {
                        max_stale,
                        uid,
                        principals: names(&applies_to.principal_types)?,
                        resources: names(&applies_to.resource_types)?,
                        context: Arc::new(context),
                    },
                );
            }
        }
        Ok(actions)
    }

    pub(super) fn document_types(
        &self,
        namespace: &str,
    ) -> Result<Vec<(String, Vec<String>, RecordType)>, SchemaError> {
        let mut documents = Vec::new();
        let contents = self.namespaces.get(namespace);
        for (name, raw) in contents.iter().flat_map(|found| &found.common_types) {
            let key = raw.annotations.get("key").map_or("", String::as_str);
            let key: Vec<_> = key
                .split(',')
                .map(|member| member.trim().to_owned())
                .collect();
            let record = self.record(raw)?;
            if let Some(missing) = key
                .iter()
                .find(|k| !record.attributes.contains_key(k.as_str()))
            {
                return Err(SchemaError::Annotation {
                    annotation: "key",
                    of: qualified(namespace, name),
                    problem: format!("no member `{missing}`"),
                });
            }
            documents.push((name.clone(), key, record));
        }
        Ok(documents)
    }

    fn record(&self, raw: &RawType) -> Result<RecordType, SchemaError> {
        match self.ty(raw)? {
            Type::Record(record) => Ok(Arc::unwrap_or_clone(record)),
            other => Err(SchemaError::Unsupported(format!(
                "a record is wanted, not {other}"
            ))),
        }
    }

    fn ty(&self, raw: &RawType) -> Result<Type, SchemaError> {
        let missing =
            |what: &str| SchemaError::Unsupported(format!("`{}` without {what}", raw.kind));
        Ok(match raw.kind.as_str() {
            "Boolean" | "Bool" => Type::Bool,
            "Long" => Type::Long,
            "String" => Type::String,
            "Entity" => Type::Entity(entity_type_name(
                raw.name.as_deref().ok_or_else(|| missing("a name"))?,
            )?),
            "Set" => {
                let element = raw
                    .element
                    .as_deref()
                    .ok_or_else(|| missing("an element type"))?;
                Type::Set(Arc::new(self.ty(element)?))
            }
            "Record" => {
                if raw.additional_attributes {
                    return Err(SchemaError::Unsupported(
                        "open records are not supported".to_owned(),
                    ));
                }
                let mut record = RecordType::default();
                for (name, raw) in &raw.attributes {
                    let attribute = Attribute {
                        ty: self.ty(raw)?,
                        required: raw.required,
                        nullable: raw.annotations.contains_key("nullable"),
                    };
                    record
                        .attributes
                        .insert(Arc::from(name.as_str()), attribute);
                }
                Type::Record(Arc::new(record))
            }
            "Extension" => extension(raw.name.as_deref().unwrap_or_default())?,
            common => match self.common_type(common) {
                Some(raw) => self.ty(raw)?,
                None => extension(common)?,
            },
        })
    }

    fn common_type(&self, name: &str) -> Option<&RawType> {
        let (namespace, base) = name.rsplit_once("::").unwrap_or(("", name));
        self.namespaces.get(namespace)?.common_types.get(base)
    }
}

/// Whether it carries `@personal`.
fn personal(name: &str, raw: &RawEntityType) -> Result<bool, SchemaError> {
    let wrong = |problem: &str| SchemaError::Annotation {
        annotation: "personal",
        of: name.to_owned(),
        problem: problem.to_owned(),
    };
    match raw.annotations.get("personal") {
        None => Ok(false),
        Some(text) if !text.is_empty() => Err(wrong("it has no value")),
        Some(_) if raw.choices.is_some() => Err(wrong("the ids of an `enum` are known to all")),
        Some(_) => Ok(true),
    }
}

fn extension(name: &str) -> Result<Type, SchemaError> {
    let name = name.rsplit("::").next().unwrap_or(name);
    Ok(Type::Extension(match name {
        "ipaddr" => ExtensionType::IpAddr,
        "decimal" => ExtensionType::Decimal,
        "datetime" => ExtensionType::DateTime,
        "duration" => ExtensionType::Duration,
        "Bool" | "Boolean" => return Ok(Type::Bool),
        "Long" => return Ok(Type::Long),
        "String" => return Ok(Type::String),
        _ => return Err(SchemaError::Unsupported(format!("unknown type `{name}`"))),
    }))
}

fn qualified(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}::{name}")
    }
}

fn entity_type_name(name: &str) -> Result<EntityTypeName, SchemaError> {
    EntityTypeName::from_str(name)
        .map_err(|error| SchemaError::Unsupported(format!("type name `{name}`: {error}")))
}

fn names(names: &[String]) -> Result<Vec<EntityTypeName>, SchemaError> {
    names.iter().map(|name| entity_type_name(name)).collect()
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

impl ExtensionType {
    /// The Cedar function that makes a value of this type.
    #[must_use]
    pub fn function(self) -> &'static str {
        match self {
            Self::IpAddr => "ip",
            Self::Decimal => "decimal",
            Self::DateTime => "datetime",
            Self::Duration => "duration",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(entity: &str) -> Result<bool, String> {
        let schema = Schema::parse(entity).map_err(|error| error.to_string())?;
        let name = EntityTypeName::from_str("Who").unwrap();
        Ok(schema.entity_type(&name).unwrap().personal)
    }

    /// A slip must not put anybody's address into a log.
    #[test]
    fn personal_is_said_without_a_value_of_ids_that_are_not_a_vocabulary() {
        assert_eq!(parse("@personal entity Who;"), Ok(true));
        assert_eq!(parse("@doc(\"x\") entity Who;"), Ok(false));
        let refused = parse("@personal(\"no\") entity Who;").unwrap_err();
        assert!(refused.contains("`@personal` of `Who`"), "{refused}");
        let refused = parse("@personal entity Who enum [\"a\"];").unwrap_err();
        assert!(refused.contains("`@personal` of `Who`"), "{refused}");
    }
}
