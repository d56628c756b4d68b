//! A schema in the form that can be walked: its types, actions and documents.
//!
//! It is read from the JSON form that `cedar-policy` makes of a schema, with every type
//! resolved to an entity, a common or a primitive type.

mod json;
mod resolve;
mod size;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

use super::characters::check_characters;
use super::error::SchemaError;
use super::identifier::IdentifierRule;
use super::map::Map;
use super::misfit::Misfit;
use super::types::{ActionType, EntityType, RecordType};
use crate::text::duration;
use json::{ActionJson, EntityTypeJson, NamespaceJson};
use resolve::{Namespaces, entity_type_name, entity_type_names};

/// A schema that can be walked.
pub(super) struct Fragment(Namespaces);

/// The text of a `@whenAbsent` annotation.
pub(super) struct AbsentAttributes<'a> {
    /// The entity type that carries it.
    pub(super) of: EntityTypeName,
    pub(super) text: &'a str,
}

/// The type of a tenancy document.
#[derive(Clone, Debug)]
pub struct DocumentType {
    /// Its name, without the namespace.
    pub name: String,
    /// The members that are its key; none of a type without `@key`.
    pub key: Vec<String>,
    /// All its members.
    pub members: RecordType,
}

impl Fragment {
    /// Reads a schema in Cedar's own syntax.
    pub(super) fn parse(text: &str) -> Result<Self, SchemaError> {
        let (json, _) = cedar_policy::schema_str_to_json_with_resolved_types(text)?;
        let namespaces = serde_json::from_value(json)
            .map_err(|error| SchemaError::Unsupported(format!("schema: {error}")))?;
        let namespaces = Namespaces(namespaces);
        namespaces.check_size()?;
        Ok(Self(namespaces))
    }

    /// All entity types. [`EntityType::when_absent`] is not read yet: it needs the finished
    /// types.
    pub(super) fn entity_types(&self) -> Result<Vec<EntityType>, SchemaError> {
        let all = self.0.0.iter().flat_map(|(namespace, contents)| {
            let types = contents.entity_types.iter();
            types.map(move |(name, json)| self.entity_type(namespace, name, json))
        });
        all.collect()
    }

    fn entity_type(
        &self,
        namespace: &str,
        name: &str,
        json: &EntityTypeJson,
    ) -> Result<EntityType, SchemaError> {
        let name = &*qualified(namespace, name);
        let codes = |list: &str| self.0.code_list(&qualified(namespace, list));
        for choice in json.choices.iter().flatten() {
            check_characters(choice).map_err(|misfit| unreadable(name, &misfit))?;
        }
        let shape = json.shape.as_ref().map(|shape| self.0.record(shape));
        let tags = json.tags.as_ref().map(|tags| self.0.value_type(tags));
        Ok(EntityType {
            name: entity_type_name(name)?,
            shape: Arc::new(shape.transpose()?.unwrap_or_default()),
            tags: tags.transpose()?,
            choices: json.choices.clone(),
            member_of: entity_type_names(&json.member_of_types)?,
            ancestors: BTreeSet::new(),
            identifier: IdentifierRule::from_annotations(name, &json.annotations, codes)?,
            when_absent: None,
            personal: is_personal(name, json)?,
            tenant: json.annotations.contains_key("tenant"),
        })
    }

    /// The values of `@whenAbsent`.
    pub(super) fn absent_attributes(&self) -> Result<Vec<AbsentAttributes<'_>>, SchemaError> {
        let mut all = Vec::new();
        for (namespace, contents) in &self.0.0 {
            for (name, json) in &contents.entity_types {
                if let Some(text) = json.annotations.get("whenAbsent") {
                    let of = entity_type_name(&qualified(namespace, name))?;
                    all.push(AbsentAttributes { of, text });
                }
            }
        }
        Ok(all)
    }

    /// All actions that can be asked.
    pub(super) fn actions(
        &self,
        cedar: &cedar_policy::Schema,
    ) -> Result<Map<EntityUid, ActionType>, SchemaError> {
        let mut actions = Map::default();
        let known: HashSet<&EntityUid> = cedar.actions().collect();
        for (namespace, contents) in &self.0.0 {
            for (name, json) in &contents.actions {
                check_characters(name).map_err(|misfit| unreadable(name, &misfit))?;
                let type_name = entity_type_name(&qualified(namespace, "Action"))?;
                let uid = EntityUid::from_type_name_and_id(type_name, EntityId::new(name));
                let Some(action) = self.action(uid, json)? else {
                    continue;
                };
                let uid = action.uid.clone();
                if !known.contains(&uid) {
                    let text = format!("action `{uid}` is not known");
                    return Err(SchemaError::Unsupported(text));
                }
                actions.insert(uid, action);
            }
        }
        Ok(actions)
    }

    /// An action; `None` for a group, which applies to nothing.
    fn action(&self, uid: EntityUid, json: &ActionJson) -> Result<Option<ActionType>, SchemaError> {
        let Some(applies_to) = json.applies_to.as_ref().filter(|applies_to| {
            !applies_to.principal_types.is_empty() && !applies_to.resource_types.is_empty()
        }) else {
            return Ok(None);
        };
        let context = applies_to.context.as_ref();
        let context = context.map(|context| self.0.record(context)).transpose()?;
        Ok(Some(ActionType {
            principals: entity_type_names(&applies_to.principal_types)?,
            resources: entity_type_names(&applies_to.resource_types)?,
            context: Arc::new(context.unwrap_or_default()),
            max_stale: max_stale(&uid, json)?,
            uid,
        }))
    }

    /// The types of documents: the common types of a namespace.
    pub(super) fn document_types(&self, namespace: &str) -> Result<Vec<DocumentType>, SchemaError> {
        let contents = self.0.0.get(namespace).into_iter();
        let types = contents.flat_map(|found: &NamespaceJson| &found.common_types);
        let documents = types.map(|(name, json)| {
            let key = json.annotations.get("key").map(|key| key.split(','));
            let key = key.into_iter().flatten();
            let key: Vec<_> = key.map(|it| it.trim().to_owned()).collect();
            let members = self.0.record(json)?;
            let missing = key
                .iter()
                .find(|member| !members.attributes.contains_key(member.as_str()));
            match missing {
                Some(missing) => Err(SchemaError::Annotation {
                    annotation: "key",
                    of: qualified(namespace, name),
                    problem: format!("no member `{missing}`"),
                }),
                None => Ok(DocumentType {
                    name: name.clone(),
                    key,
                    members,
                }),
            }
        });
        documents.collect()
    }
}

/// Reads `@maxStale`.
fn max_stale(uid: &EntityUid, json: &ActionJson) -> Result<Option<Duration>, SchemaError> {
    let Some(text) = json.annotations.get("maxStale") else {
        return Ok(None);
    };
    match duration::parse(text) {
        Some(found) => Ok(Some(found)),
        None => Err(SchemaError::Annotation {
            annotation: "maxStale",
            of: uid.to_string(),
            problem: format!("`{text}` is no duration as `5s` or `2m`"),
        }),
    }
}

/// Reads `@personal`.
fn is_personal(name: &str, json: &EntityTypeJson) -> Result<bool, SchemaError> {
    let wrong = |problem: &str| SchemaError::Annotation {
        annotation: "personal",
        of: name.to_owned(),
        problem: problem.to_owned(),
    };
    match json.annotations.get("personal") {
        None => Ok(false),
        Some(text) if !text.is_empty() => Err(wrong("it has no value")),
        Some(_) if json.choices.is_some() => Err(wrong("the ids of an `enum` are known to all")),
        Some(_) => Ok(true),
    }
}

fn unreadable(of: &str, misfit: &Misfit) -> SchemaError {
    SchemaError::Unsupported(format!("an id of `{}` {misfit}", of.escape_debug()))
}

fn qualified(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}::{name}")
    }
}
