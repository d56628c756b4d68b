//! A schema: its types and actions, by name.

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};

use super::map::Map;
use super::misfit::Misfit;
use super::naming::Names;
use super::referrers::Referrers;
use super::types::{ActionType, EntityType};
use crate::text::did_you_mean;

/// A schema, parsed once and then shared.
#[derive(Debug)]
pub struct Schema {
    pub(super) cedar: cedar_policy::Schema,
    /// The digest of the text.
    pub(super) digest: [u8; 32],
    pub(super) entity_types: Map<EntityTypeName, EntityType>,
    /// The same names as text, for wire forms: one lookup instead of a parse.
    pub(super) names: Map<String, EntityTypeName>,
    /// The same for the types of actions.
    pub(super) action_names: Map<String, EntityTypeName>,
    pub(super) actions: Map<EntityUid, ActionType>,
    /// The types whose entities may refer to those of a type.
    pub(super) referrers: Referrers,
    /// The names of members that the context of some action may have or not.
    pub(crate) optional_members: BTreeSet<Arc<str>>,
    /// The types and actions by the names that callers may use.
    pub(super) types_called: Names<EntityTypeName>,
    pub(super) actions_called: Names<EntityUid>,
}

impl Schema {
    /// Returns true if the other schema has the same text: a value that was read by one fits
    /// the other.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// The schema in the form that `cedar-policy` takes.
    #[must_use]
    pub fn cedar(&self) -> &cedar_policy::Schema {
        &self.cedar
    }

    /// The entity type of that name.
    #[must_use]
    pub fn entity_type(&self, name: &EntityTypeName) -> Option<&EntityType> {
        self.entity_types.get(name)
    }

    /// The entity type of that name, with its namespace.
    #[must_use]
    pub fn entity_type_named(&self, name: &str) -> Option<&EntityType> {
        self.entity_types.get(self.names.get(name)?)
    }

    /// The entity type that a caller calls by a name: with the namespace, without it, or in
    /// any case and with any separators, as `legal_entity`. A name that could mean two types
    /// means none.
    #[must_use]
    pub fn entity_type_called(&self, name: &str) -> Option<&EntityType> {
        self.entity_types.get(self.types_called.get(name)?)
    }

    /// The action that a caller calls by a name: as Cedar writes it, by its id, or by its id
    /// in any case and with any separators, as `send_document`. A name that could mean two
    /// actions means none, and a group is no action.
    #[must_use]
    pub fn action_called(&self, name: &str) -> Option<&ActionType> {
        self.actions.get(self.actions_called.get(name)?)
    }

    /// The type of actions of that name, as `Peppol::Action`.
    pub(super) fn action_type_named(&self, name: &str) -> Option<&EntityTypeName> {
        self.action_names.get(name)
    }

    /// The types whose entities may refer to entities of that type, by an attribute or a tag at any
    /// depth, or as one of their ancestors.
    pub fn referrers(&self, name: &EntityTypeName) -> impl Iterator<Item = &EntityTypeName> {
        self.referrers.get(name).into_iter().flatten()
    }

    /// All entity types, in the order of their names.
    #[must_use]
    pub fn entity_types(&self) -> Vec<&EntityType> {
        let mut types: Vec<_> = self.entity_types.values().collect();
        types.sort_by(|a, b| a.name.cmp(&b.name));
        types
    }

    /// An action that can be asked; `None` for one that the schema does not have, and for a
    /// group.
    #[must_use]
    pub fn action(&self, action: &EntityUid) -> Option<&ActionType> {
        self.actions.get(action)
    }

    /// The end of a message about a type that the schema does not have: the type that was probably
    /// meant, or nothing.
    #[must_use]
    pub fn type_meant(&self, written: &str) -> String {
        did_you_mean(written, self.names.keys().map(String::as_str))
    }

    /// The same of an action, by its id or as Cedar writes it.
    #[must_use]
    pub fn action_meant(&self, written: &str) -> String {
        let is_literal = written.contains("::\"");
        let names = self.actions.keys().map(|uid| match is_literal {
            true => uid.to_string(),
            false => AsRef::<str>::as_ref(uid.id()).to_owned(),
        });
        let names: Vec<String> = names.collect();
        did_you_mean(written, names.iter().map(String::as_str))
    }

    /// All actions that can be asked, in the order of their names.
    #[must_use]
    pub fn actions(&self) -> Vec<&ActionType> {
        let mut actions: Vec<_> = self.actions.values().collect();
        actions.sort_by(|a, b| a.uid.cmp(&b.uid));
        actions
    }

    /// The one spelling under which an entity is stored and asked for.
    ///
    /// # Errors
    /// An id that no entity of its type can have.
    pub fn canonical(&self, uid: EntityUid) -> Result<EntityUid, Misfit> {
        match self.entity_types.get(uid.type_name()) {
            Some(entity_type) => entity_type.identifier.canonical_uid(uid),
            None => Ok(uid),
        }
    }

    /// Checks that a document can make an entity of a canonical id, where ids have several
    /// spellings.
    pub(crate) fn check_stored(&self, uid: &EntityUid) -> Result<(), Misfit> {
        let entity_type = self.entity_types.get(uid.type_name());
        match entity_type.filter(|of| !of.identifier.keeps_all()) {
            Some(of) => of.check_new(uid.id().as_ref()),
            None => Ok(()),
        }
    }
}
