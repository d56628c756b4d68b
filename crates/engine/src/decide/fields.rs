//! The members that a question and a search have in common, read by the schema.

use cedar_policy::{EntityTypeName, EntityUid};
use serde_json::{Map, Value as Json};

use super::malformed::Malformed;
use crate::schema::{ActionType, JsonOrigin, Misfit, ObjectReader, Record, Schema};

const MEMBERS: [&str; 8] = [
    "principal",
    "action",
    "resource",
    "context",
    "entities",
    "additional_entities",
    "atLeast",
    "maxAge",
];

/// The members of a request, and what their faults are called.
pub(crate) struct Fields<'a> {
    pub(crate) members: &'a Map<String, Json>,
    schema: &'a Schema,
    code: &'static str,
}

impl<'a> Fields<'a> {
    /// Of a request that has no others, but for those that `ignored` lets through.
    pub(crate) fn of(
        json: &'a Json,
        schema: &'a Schema,
        code: &'static str,
        ignored: impl Fn(&str, &Json) -> bool,
    ) -> Result<Self, Malformed> {
        let known = |name: &str, json: &Json| MEMBERS.contains(&name) || ignored(name, json);
        let object = ObjectReader::of(json).and_then(|object| object.only(known, MEMBERS));
        let object = object.map_err(|misfit| Malformed { code, misfit })?;
        Ok(Self {
            members: object.members(),
            schema,
            code,
        })
    }

    /// Of a request that says nothing but what is known of it already.
    pub(crate) fn of_members(
        members: &'a Map<String, Json>,
        schema: &'a Schema,
        code: &'static str,
    ) -> Self {
        Self {
            members,
            schema,
            code,
        }
    }

    pub(crate) fn malformed(&self, member: &str, misfit: Misfit) -> Malformed {
        Malformed::new(self.code, member, misfit)
    }

    /// A member that has to be there.
    pub(crate) fn required(&self, member: &str) -> Result<&'a Json, Malformed> {
        let found = self.members.get(member);
        found.ok_or_else(|| self.malformed(member, Misfit::new("is missing")))
    }

    /// An entity.
    pub(crate) fn entity(&self, member: &str) -> Result<EntityUid, Malformed> {
        let uid = self.schema.entity(self.required(member)?);
        uid.map_err(|misfit| self.malformed(member, misfit))
    }

    /// An action of the schema.
    pub(crate) fn action(&self) -> Result<&'a ActionType, Malformed> {
        self.known_action(&self.entity("action")?)
    }

    /// An action of the schema.
    pub(crate) fn known_action(&self, uid: &EntityUid) -> Result<&'a ActionType, Malformed> {
        self.schema.action(uid).ok_or_else(|| {
            let near = self.schema.action_meant(&uid.to_string());
            let misfit = Misfit::new(format!("no such action in the schema{near}"));
            Malformed::new("UNKNOWN_ACTION", "action", misfit)
        })
    }

    /// That an action is for these types.
    pub(crate) fn takes(
        &self,
        action: &ActionType,
        principal: &EntityTypeName,
        resource: &EntityTypeName,
    ) -> Result<(), Malformed> {
        for (member, name, types) in [
            ("principal", principal, &action.principals),
            ("resource", resource, &action.resources),
        ] {
            if !types.contains(name) {
                let types: Vec<_> = types.iter().map(|name| format!("`{name}`")).collect();
                let text = format!("this action takes {}", types.join(" or "));
                return Err(self.malformed(member, Misfit::new(text)));
            }
        }
        Ok(())
    }

    /// The context of an action.
    pub(crate) fn context(&self, action: &ActionType) -> Result<Record, Malformed> {
        let context = match self.members.get("context") {
            None | Some(Json::Null) => &Json::Object(Map::new()),
            Some(context) => context,
        };
        self.schema
            .record(context, &action.context, JsonOrigin::Context)
            .map_err(|misfit| self.malformed("context", misfit))
    }
}
