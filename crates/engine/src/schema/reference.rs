//! Entities as JSON refers to them.

use std::str::FromStr;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use serde_json::Value as Json;

use super::definition::Schema;
use super::identifier::check_id;
use super::literal;
use super::misfit::Misfit;
use super::reading::JsonOrigin;
use super::types::EntityType;
use crate::text::did_you_mean;

impl Schema {
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
            return entity_type.entity(id, JsonOrigin::Context);
        }
        check_id(name)?;
        check_id(id)?;
        // Those that occur in the schema are not parsed again for each question.
        let action_type = match self.action_type_named(name) {
            Some(name) => Some(name.clone()),
            None => EntityTypeName::from_str(name)
                .ok()
                .filter(|name| name.basename() == "Action"),
        };
        match action_type {
            Some(name) => Ok(EntityUid::from_type_name_and_id(name, EntityId::new(id))),
            None => {
                let near = self.type_meant(name);
                Err(Misfit::new(format!(
                    "no such entity type in the schema{near}"
                )))
            }
        }
    }
}

impl EntityType {
    /// The entity of this type with that id, in any spelling.
    ///
    /// # Errors
    /// An id outside the vocabulary of an `enum` type, one that cannot be read in one way alone
    /// ([`IdentifierRule::canonical`](super::IdentifierRule::canonical)), one that nothing new can
    /// have where it may be new (`check_new`), or an empty one in a document.
    pub fn entity(&self, id: &str, reading: JsonOrigin) -> Result<EntityUid, Misfit> {
        // An id of the store is there; any other has to be short enough to be asked about.
        if reading != JsonOrigin::Column {
            check_id(id)?;
        }
        if let Some(choices) = &self.choices
            && !choices.contains(id)
        {
            let near = did_you_mean(id, choices.iter().map(String::as_str));
            let choices: Vec<_> = choices.iter().map(|choice| format!("`{choice}`")).collect();
            let choices = choices.join(", ");
            return Err(Misfit::new(format!("not one of {choices}{near}")));
        }
        if reading == JsonOrigin::Document && id.is_empty() {
            return Err(Misfit::new("an id may not be empty"));
        }
        // The importer of a document has to find it.
        let refused = |misfit: Misfit| match reading {
            JsonOrigin::Document => Misfit::new(format!("`{}` {misfit}", id.escape_debug())),
            _ => misfit,
        };
        let id = self.identifier.canonical(id).map_err(refused)?;
        // A document makes what it names; an id that has one spelling is taken as it is written. Whoever
        // asks about what is never unknown may be about to make it.
        let may_be_new = match reading {
            JsonOrigin::Document => !self.identifier.keeps_all(),
            JsonOrigin::Column => false,
            JsonOrigin::Context | JsonOrigin::Entity | JsonOrigin::Loose => {
                self.when_absent.is_some()
            }
        };
        if may_be_new {
            self.check_new(&id).map_err(refused)?;
        }
        Ok(EntityUid::from_type_name_and_id(
            self.name.clone(),
            EntityId::new(id),
        ))
    }

    /// Returns true if an id of the store is one that can be asked about: in its one spelling.
    pub(crate) fn is_asked_about(&self, id: &str) -> bool {
        self.identifier.canonical(id).as_deref() == Ok(id)
            && (self.when_absent.is_none() || self.check_new(id).is_ok())
    }

    /// Checks that an entity which is new to the store can have a canonical id.
    ///
    /// # Errors
    /// One that could be taken for the id of an entity that is there.
    pub(crate) fn check_new(&self, canonical: &str) -> Result<(), Misfit> {
        self.identifier.check_new(canonical)
    }
}
