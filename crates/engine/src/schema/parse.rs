//! A schema, from its text.

use std::sync::Arc;

use cedar_policy::SchemaWarning;
use sha2::{Digest, Sha256};

use super::definition::Schema;
use super::error::SchemaError;
use super::fragment::{AbsentAttributes, DocumentType, Fragment};
use super::json;
use super::map::Map;
use super::naming::{NamedItem, Names};
use super::reading::JsonOrigin;
use super::referrers::{Referrers, ancestors, referrers};
use super::value::Record;

/// Levels of JSON in a `@whenAbsent` annotation.
const ABSENT_DEPTH: usize = 16;

impl Schema {
    /// Parses a schema in Cedar's own syntax.
    ///
    /// # Errors
    /// The first fault, with its place where Cedar gives one. Warnings are faults.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let (schema, warnings) = Self::parse_warned(text)?;
        match warnings.into_iter().next() {
            Some(warning) => Err(SchemaError::Warning(Box::new(warning))),
            None => Ok(schema),
        }
    }

    /// Parses a schema in Cedar's own syntax, and returns what Cedar warns of.
    ///
    /// # Errors
    /// The first fault, with its place where Cedar gives one.
    pub fn parse_warned(text: &str) -> Result<(Self, Vec<SchemaWarning>), SchemaError> {
        // It holds the schema to its bounds, so it is before what would take long.
        let fragment = Fragment::parse(text)?;
        let (cedar, warnings) = cedar_policy::Schema::from_cedarschema_str(text)?;
        let warnings: Vec<SchemaWarning> = warnings.collect();
        let types = fragment.entity_types()?;
        let actions = fragment.actions(&cedar)?;
        let names = types
            .iter()
            .map(|it| (it.name.to_string(), it.name.clone()));
        let action_types = actions.keys().map(|uid| uid.type_name());
        let types_called = types.iter().map(|it| NamedItem {
            full: it.name.to_string(),
            short: it.name.basename().to_owned(),
            thing: it.name.clone(),
        });
        let actions_called = actions.keys().map(|uid| NamedItem {
            full: uid.to_string(),
            short: AsRef::<str>::as_ref(uid.id()).to_owned(),
            thing: uid.clone(),
        });
        let members = actions.values().flat_map(|it| &it.context.attributes);
        let optional_members = members
            .filter(|(_, attribute)| !attribute.required)
            .map(|(name, _)| Arc::clone(name));
        let mut schema = Self {
            optional_members: optional_members.collect(),
            cedar,
            digest: Sha256::digest(text).into(),
            names: names.collect(),
            action_names: action_types
                .map(|name| (name.to_string(), name.clone()))
                .collect(),
            types_called: Names::new(types_called.collect()),
            actions_called: Names::new(actions_called.collect()),
            entity_types: Map::default(),
            actions,
            referrers: Referrers::default(),
        };
        let types = types.into_iter().map(|it| (it.name.clone(), it));
        schema.entity_types = types.collect();
        for (name, ancestors) in ancestors(&schema.entity_types) {
            if let Some(entity_type) = schema.entity_types.get_mut(&name) {
                entity_type.ancestors = ancestors;
            }
        }
        schema.referrers = referrers(&schema.entity_types);
        for annotation in fragment.absent_attributes()? {
            let record = schema.when_absent(&annotation)?;
            if let Some(entity_type) = schema.entity_types.get_mut(&annotation.of) {
                entity_type.when_absent = record;
            }
        }
        Ok((schema, warnings))
    }

    /// Reads `@whenAbsent` by the type that carries it.
    fn when_absent(
        &self,
        annotation: &AbsentAttributes<'_>,
    ) -> Result<Option<Record>, SchemaError> {
        let wrong = |problem: String| SchemaError::Annotation {
            annotation: "whenAbsent",
            of: annotation.of.to_string(),
            problem,
        };
        let json = json::parse(annotation.text.as_bytes(), ABSENT_DEPTH)
            .map_err(|error| wrong(error.to_string()))?;
        let Some(entity_type) = self.entity_type(&annotation.of) else {
            return Ok(None);
        };
        self.record(&json, &entity_type.shape, JsonOrigin::Entity)
            .map(Some)
            .map_err(|misfit| wrong(misfit.to_string()))
    }

    /// Parses a schema in Cedar's JSON form.
    ///
    /// # Errors
    /// As [`Schema::parse`]: the text is brought into Cedar's own syntax first.
    pub fn parse_json(text: &str) -> Result<Self, SchemaError> {
        Self::parse(&cedar_text(text)?)
    }
}

/// A schema in Cedar's JSON form, in Cedar's own syntax.
///
/// # Errors
/// A text that is no such schema.
pub fn cedar_text(json: &str) -> Result<String, SchemaError> {
    let unsupported = |error: &dyn std::fmt::Display| SchemaError::Unsupported(error.to_string());
    let fragment =
        cedar_policy::SchemaFragment::from_json_str(json).map_err(|e| unsupported(&e))?;
    fragment.to_cedarschema().map_err(|e| unsupported(&e))
}

/// A schema in Cedar's own syntax, in Cedar's JSON form.
///
/// # Errors
/// A text that is no schema.
pub fn json_text(text: &str) -> Result<String, SchemaError> {
    let (fragment, _) = cedar_policy::SchemaFragment::from_cedarschema_str(text)?;
    let json = fragment.to_json_value();
    let json = json.map_err(|error| SchemaError::Unsupported(error.to_string()))?;
    Ok(format!("{json:#}"))
}

/// The types of the tenancy documents, in the order of their names: the common types of the
/// namespace `Document`.
///
/// `text` is the schema that they refer to, and theirs.
///
/// # Errors
/// As [`Schema::parse`].
pub fn document_types(text: &str) -> Result<Vec<DocumentType>, SchemaError> {
    Fragment::parse(text)?.document_types("Document")
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use cedar_policy::EntityTypeName;

    use crate::schema::Schema;

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
