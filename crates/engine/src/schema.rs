//! A Cedar schema that can also be read: its types, actions and annotations.
//!
//! `cedar-policy` validates with a schema but does not tell what is in it. The
//! program needs to know, because the schema says how a JSON member, a SQL
//! column or a bare id becomes a Cedar value, which spellings of an id are the
//! same, and which context an action takes. This module holds both readings of
//! one text: [`Schema::cedar`] for the engine, [`Schema::entity_type`] and
//! [`Schema::action`] for everybody else.

mod decode;
mod designation;
mod entities;
mod identifier;
mod json;
mod literal;
mod naming;
mod shared;
mod types;
mod value;

use cedar_policy::{EntityTypeName, EntityUid};
use sha2::{Digest, Sha256};

use naming::{Named, Names};

pub use decode::{Misfit, Reading};
pub use designation::Designation;
pub use entities::{Row, transitive_ancestors};
pub use identifier::IdentifierRule;
pub use json::{JsonError, parse as parse_json};
pub use shared::SharedEntity;
pub(crate) use shared::together;
pub use types::{ActionType, Attribute, EntityType, ExtensionType, RecordType, Type};

pub use value::{Record, Value, record_to_json};

/// What is looked up in every question: seeded, and faster than the default.
pub(crate) type Map<K, V> = std::collections::HashMap<K, V, foldhash::quality::RandomState>;

/// A schema, parsed once and then shared.
#[derive(Debug)]
pub struct Schema {
    cedar: cedar_policy::Schema,
    /// Of the text.
    digest: [u8; 32],
    entity_types: Map<EntityTypeName, EntityType>,
    /// The same names as text, for wire forms: one lookup instead of a parse.
    names: Map<String, EntityTypeName>,
    /// The same of actions.
    action_names: Map<String, EntityTypeName>,
    actions: Map<EntityUid, ActionType>,
    /// What callers may call them.
    types_called: Names<EntityTypeName>,
    actions_called: Names<EntityUid>,
}

/// Why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Cedar refuses it.
    #[error(transparent)]
    Cedar(Box<cedar_policy::CedarSchemaError>),
    /// Cedar warns about it: a shadowed name is a policy that means another type.
    #[error("{0}")]
    Warning(Box<cedar_policy::SchemaWarning>),
    /// An annotation that this program reads has a value that it does not know.
    #[error("annotation `@{annotation}` of `{of}`: {problem}")]
    Annotation {
        /// The annotation's name.
        annotation: &'static str,
        /// The type that carries it.
        of: String,
        /// What is wrong.
        problem: String,
    },
    /// A form of schema that Cedar takes and this program does not.
    #[error("{0}")]
    Unsupported(String),
}

impl From<cedar_policy::CedarSchemaError> for SchemaError {
    fn from(error: cedar_policy::CedarSchemaError) -> Self {
        Self::Cedar(Box::new(error))
    }
}

impl Schema {
    /// Parses a schema in Cedar's own syntax.
    ///
    /// # Errors
    /// The first fault, with its place where Cedar gives one. Warnings are faults.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let (cedar, mut warnings) = cedar_policy::Schema::from_cedarschema_str(text)?;
        if let Some(warning) = warnings.next() {
            return Err(SchemaError::Warning(Box::new(warning)));
        }
        let fragment = types::Fragment::parse(text)?;
        let mut schema = Self {
            cedar,
            digest: Sha256::digest(text).into(),
            entity_types: Map::default(),
            names: Map::default(),
            action_names: Map::default(),
            actions: Map::default(),
            types_called: Names::new(Vec::new()),
            actions_called: Names::new(Vec::new()),
        };
        for entity_type in fragment.entity_types()? {
            let name = entity_type.name.clone();
            schema.names.insert(name.to_string(), name.clone());
            schema.entity_types.insert(name, entity_type);
        }
        schema.actions = fragment.actions(&schema.cedar)?;
        for action in schema.actions.keys() {
            let name = action.type_name();
            schema.action_names.insert(name.to_string(), name.clone());
        }
        let types = schema.entity_types.keys().map(|name| Named {
            full: name.to_string(),
            short: name.basename().to_owned(),
            thing: name.clone(),
        });
        schema.types_called = Names::new(types.collect());
        let actions = schema.actions.keys().map(|uid| Named {
            full: uid.to_string(),
            short: AsRef::<str>::as_ref(uid.id()).to_owned(),
            thing: uid.clone(),
        });
        schema.actions_called = Names::new(actions.collect());
        let defaults = fragment.absent_attributes(&schema)?;
        for (name, record) in defaults {
            if let Some(entity_type) = schema.entity_types.get_mut(&name) {
                entity_type.when_absent = Some(record);
            }
        }
        Ok(schema)
    }

    /// Parses a schema in Cedar's JSON form.
    ///
    /// # Errors
    /// As [`Schema::parse`], of which it is a detour.
    pub fn parse_json(text: &str) -> Result<Self, SchemaError> {
        let unsupported =
            |error: &dyn std::fmt::Display| SchemaError::Unsupported(error.to_string());
        let fragment =
            cedar_policy::SchemaFragment::from_json_str(text).map_err(|e| unsupported(&e))?;
        Self::parse(&fragment.to_cedarschema().map_err(|e| unsupported(&e))?)
    }

    /// Whether the other is of the same text, so that what was read by one fits the other.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// The schema as `cedar-policy` wants it.
    #[must_use]
    pub fn cedar(&self) -> &cedar_policy::Schema {
        &self.cedar
    }

    /// The entity type of that name.
    #[must_use]
    pub fn entity_type(&self, name: &EntityTypeName) -> Option<&EntityType> {
        self.entity_types.get(name)
    }

    /// The entity type that is written so, namespace included.
    #[must_use]
    pub fn entity_type_named(&self, name: &str) -> Option<&EntityType> {
        self.entity_types.get(self.names.get(name)?)
    }

    /// The entity type that a caller calls so: with its namespace, without it, or
    /// in any case and with any separators, as `legal_entity`. A name that could mean
    /// two types means none.
    #[must_use]
    pub fn entity_type_called(&self, name: &str) -> Option<&EntityType> {
        self.entity_types.get(self.types_called.get(name)?)
    }

    /// The action that a caller calls so: as Cedar writes it, by its id, or by its id
    /// in any case and with any separators, as `send_document`. A name that could
    /// mean two actions means none, and a group is none.
    #[must_use]
    pub fn action_called(&self, name: &str) -> Option<&ActionType> {
        self.actions.get(self.actions_called.get(name)?)
    }

    /// The type of actions that is written so, as `Peppol::Action`.
    fn action_type_named(&self, name: &str) -> Option<&EntityTypeName> {
        self.action_names.get(name)
    }

    /// All entity types, in the order of their names.
    #[must_use]
    pub fn entity_types(&self) -> Vec<&EntityType> {
        let mut types: Vec<_> = self.entity_types.values().collect();
        types.sort_by(|a, b| a.name.cmp(&b.name));
        types
    }

    /// What an action takes; `None` for an action that the schema does not have
    /// and for a group, which cannot be asked.
    #[must_use]
    pub fn action(&self, action: &EntityUid) -> Option<&ActionType> {
        self.actions.get(action)
    }

    /// All actions that can be asked, in the order of their names.
    #[must_use]
    pub fn actions(&self) -> Vec<&ActionType> {
        let mut actions: Vec<_> = self.actions.values().collect();
        actions.sort_by(|a, b| a.uid.cmp(&b.uid));
        actions
    }

    /// The one spelling under which an entity is stored and asked for.
    #[must_use]
    pub fn canonical(&self, uid: EntityUid) -> EntityUid {
        match self.entity_types.get(uid.type_name()) {
            Some(entity_type) => entity_type.identifier.canonical_uid(uid),
            None => uid,
        }
    }
}

/// The types of the tenancy documents: common types of the namespace `Document`,
/// in the order of their names, each with the members that are its key.
///
/// `text` is the schema that they refer to with theirs behind it.
///
/// # Errors
/// As [`Schema::parse`].
pub fn document_types(text: &str) -> Result<Vec<(String, Vec<String>, RecordType)>, SchemaError> {
    types::Fragment::parse(text)?.document_types("Document")
}
