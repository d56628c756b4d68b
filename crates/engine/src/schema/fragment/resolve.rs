//! Types out of their JSON form, with common types put in place.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::EntityTypeName;

use super::json::{NamespaceJson, TypeJson};
use crate::schema::code_list::CodeList;
use crate::schema::error::SchemaError;
use crate::schema::extension::ExtensionType;
use crate::schema::types::{Attribute, RecordType, Type};

/// The namespaces of a schema, by name.
pub(super) struct Namespaces(pub(super) BTreeMap<String, NamespaceJson>);

impl Namespaces {
    pub(super) fn record(&self, json: &TypeJson) -> Result<RecordType, SchemaError> {
        match self.value_type(json)? {
            Type::Record(record) => Ok(Arc::unwrap_or_clone(record)),
            other => Err(SchemaError::Unsupported(format!(
                "a record is wanted, not {other}"
            ))),
        }
    }

    pub(super) fn value_type(&self, json: &TypeJson) -> Result<Type, SchemaError> {
        let missing =
            |what: &str| SchemaError::Unsupported(format!("`{}` without {what}", json.kind));
        Ok(match json.kind.as_str() {
            "Boolean" | "Bool" => Type::Bool,
            "Long" => Type::Long,
            "String" => Type::String,
            "Entity" => {
                let name = json.name.as_deref();
                Type::Entity(entity_type_name(name.ok_or_else(|| missing("a name"))?)?)
            }
            "Set" => {
                let element = json.element.as_deref();
                let element = element.ok_or_else(|| missing("an element type"))?;
                Type::Set(Arc::new(self.value_type(element)?))
            }
            "Record" => Type::Record(Arc::new(self.attributes(json)?)),
            "Extension" => extension(json.name.as_deref().unwrap_or_default())?,
            common => match self.common_type(common) {
                Some(json) => self.value_type(json)?,
                None => extension(common)?,
            },
        })
    }

    fn attributes(&self, json: &TypeJson) -> Result<RecordType, SchemaError> {
        if json.additional_attributes {
            let text = "open records are not supported";
            return Err(SchemaError::Unsupported(text.to_owned()));
        }
        let mut record = RecordType::default();
        for (name, json) in &json.attributes {
            let attribute = Attribute {
                ty: self.value_type(json)?,
                codes: self.code_list(&json.kind)?,
                required: json.required,
                nullable: json.annotations.contains_key("nullable"),
                identifier: json.annotations.contains_key("identifier"),
                within: json.annotations.contains_key("within"),
            };
            let name = Arc::from(name.as_str());
            record.attributes.insert(name, attribute);
        }
        Ok(record)
    }

    /// The codes of a common type, `@codes`.
    pub(super) fn code_list(&self, name: &str) -> Result<Option<Arc<CodeList>>, SchemaError> {
        let Some(json) = self.common_type(name) else {
            return Ok(None);
        };
        let Some(text) = json.annotations.get("codes") else {
            return Ok(None);
        };
        let wrong = |problem| SchemaError::Annotation {
            annotation: "codes",
            of: name.to_owned(),
            problem,
        };
        if self.value_type(json)? != Type::String {
            return Err(wrong("is for a `String`".to_owned()));
        }
        CodeList::parse(name, text)
            .map(Arc::new)
            .map(Some)
            .map_err(wrong)
    }

    pub(super) fn common_type(&self, name: &str) -> Option<&TypeJson> {
        let (namespace, base) = name.rsplit_once("::").unwrap_or(("", name));
        self.0.get(namespace)?.common_types.get(base)
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

pub(super) fn entity_type_name(name: &str) -> Result<EntityTypeName, SchemaError> {
    EntityTypeName::from_str(name)
        .map_err(|error| SchemaError::Unsupported(format!("type name `{name}`: {error}")))
}

pub(super) fn entity_type_names(names: &[String]) -> Result<Vec<EntityTypeName>, SchemaError> {
    names.iter().map(|name| entity_type_name(name)).collect()
}
