//! A question as the parameters of a page have it.

use cedar_policy::EntityTypeName;
use serde_json::{Value as Json, json};

use super::context::context;
use crate::query::Parameters;
use peppol_authz_engine::schema::{ActionType, Schema};

/// The parameter that says that the question is complete.
pub(super) const COMPLETE: &str = "ask";

/// Before the names of members of the context.
pub(super) const CONTEXT: &str = "context.";

/// A question that is being made.
pub(crate) struct Asking<'a> {
    pub(super) query: &'a Parameters,
    pub(super) schema: &'a Schema,
    /// The action, where one is chosen.
    pub(super) action: Option<&'a ActionType>,
    /// True if changes of the store may be supposed.
    pub(super) supposes: bool,
}

impl<'a> Asking<'a> {
    pub(crate) fn of(query: &'a Parameters, schema: &'a Schema) -> Self {
        let action = query.get("action");
        Self {
            query,
            schema,
            action: action.and_then(|name| schema.action_called(name)),
            supposes: false,
        }
    }

    /// The same for somebody who may suppose changes of the store, or not.
    pub(super) fn supposing(self, supposes: bool) -> Self {
        Self { supposes, ..self }
    }

    /// The types that a principal or a resource may be of.
    pub(super) fn types(&self, member: &str) -> Vec<EntityTypeName> {
        let of = |action: &ActionType| match member {
            "principal" => action.principals.clone(),
            _ => action.resources.clone(),
        };
        let mut types = match self.action {
            Some(action) => of(action),
            None => self.schema.actions().into_iter().flat_map(of).collect(),
        };
        types.sort();
        types.dedup();
        types
    }

    /// The type that is chosen, or the only one.
    pub(super) fn type_of(&self, member: &str) -> Option<EntityTypeName> {
        let types = self.types(member);
        let written = self.query.get(&format!("{member}-type"));
        let chosen = written.and_then(|name| self.schema.entity_type_called(name));
        let chosen = chosen.map(|of| of.name.clone());
        chosen
            .filter(|of| types.contains(of))
            .or_else(|| types.first().cloned())
    }

    /// The question in its native form.
    ///
    /// # Errors
    /// A member that is missing, or that has not the form of its type.
    pub(super) fn question(&self) -> Result<Json, String> {
        let written = self.query.get("action").unwrap_or_default();
        let action = self.action.ok_or_else(|| match written {
            "" => "`action`: is missing".to_owned(),
            name => format!(
                "`action`: none is called `{name}`{}",
                self.schema.action_meant(name)
            ),
        })?;
        let id: &str = action.uid.id().as_ref();
        Ok(json!({
            "principal": self.entity("principal")?,
            "action": {"type": action.uid.type_name().to_string(), "id": id},
            "resource": self.entity("resource")?,
            "context": context(self.query, &action.context, CONTEXT)?,
        }))
    }

    fn entity(&self, member: &str) -> Result<Json, String> {
        let missing = || format!("`{member}`: is missing");
        let id = self.query.get(member).ok_or_else(missing)?;
        // As Cedar writes it, an entity says its type.
        if id.ends_with('"') && id.contains("::\"") {
            return Ok(id.into());
        }
        let of = self.type_of(member).ok_or_else(missing)?;
        Ok(json!({"type": of.to_string(), "id": id}))
    }
}
