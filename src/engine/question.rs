//! A question, checked against the schema before anything is looked up.

use cedar_policy::{Context, EntityUid, Request};
use serde_json::Value as Json;

use crate::policy::Bundle;
use crate::schema::{Misfit, Reading, Record, Row, Value};
use crate::store::Store;

/// May this principal do this action on this resource?
#[derive(Clone, Debug)]
pub struct Question {
    /// Who asks.
    pub principal: EntityUid,
    /// What is asked.
    pub action: EntityUid,
    /// On what.
    pub resource: EntityUid,
    /// With what.
    pub context: Record,
    /// Entities that the caller describes.
    pub described: Vec<Row>,
    /// The same for Cedar.
    pub(super) request: Request,
}

/// A question that is none. Says which member is at fault, and nothing of what
/// it held.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{misfit}")]
pub struct Malformed {
    /// Names the kind of fault, for programs. Never changes its meaning.
    pub code: &'static str,
    /// The member, and what is wrong with it.
    pub misfit: Misfit,
}

impl Malformed {
    fn new(code: &'static str, member: &str, misfit: Misfit) -> Self {
        Self {
            code,
            misfit: misfit.within(member),
        }
    }

    /// A fault of the text as a whole.
    pub fn json(problem: impl Into<String>) -> Self {
        Self {
            code: "MALFORMED_JSON",
            misfit: Misfit::new(problem),
        }
    }
}

const MEMBERS: [&str; 6] = [
    "principal",
    "action",
    "resource",
    "context",
    "entities",
    "additional_entities",
];

impl Question {
    /// Reads a question in its native form. `most_entities` is how many a caller
    /// may describe.
    ///
    /// # Errors
    /// The first member that does not fit the schema.
    pub fn read(
        json: &Json,
        bundle: &Bundle,
        store: &dyn Store,
        most_entities: usize,
    ) -> Result<Self, Malformed> {
        let malformed = |member: &str, misfit| Malformed::new("MALFORMED_QUESTION", member, misfit);
        let Json::Object(members) = json else {
            return Err(Malformed {
                code: "MALFORMED_QUESTION",
                misfit: Misfit::new("an object is wanted"),
            });
        };
        if let Some(surplus) = members
            .keys()
            .find(|name| !MEMBERS.contains(&name.as_str()))
        {
            return Err(malformed(surplus, Misfit::new("no such member")));
        }
        let schema = &bundle.schema;
        let entity = |member: &str| {
            let json = members
                .get(member)
                .ok_or_else(|| malformed(member, Misfit::new("is missing")))?;
            schema
                .entity(json)
                .map_err(|misfit| malformed(member, misfit))
        };
        let (principal, action, resource) =
            (entity("principal")?, entity("action")?, entity("resource")?);
        let action_type = schema.action(&action).ok_or_else(|| {
            Malformed::new(
                "UNKNOWN_ACTION",
                "action",
                Misfit::new("no such action in the schema"),
            )
        })?;
        for (member, uid, types) in [
            ("principal", &principal, &action_type.principals),
            ("resource", &resource, &action_type.resources),
        ] {
            if !types.contains(uid.type_name()) {
                let types: Vec<_> = types.iter().map(|name| format!("`{name}`")).collect();
                let text = format!("this action takes {}", types.join(" or "));
                return Err(malformed(member, Misfit::new(text)));
            }
        }
        let context = match members.get("context") {
            None | Some(Json::Null) => &Json::Object(serde_json::Map::new()),
            Some(context) => context,
        };
        let context = schema
            .record(context, &action_type.context, Reading::Context)
            .map_err(|misfit| malformed("context", misfit))?;
        let mut described = Vec::new();
        for member in ["entities", "additional_entities"] {
            match members.get(member) {
                None | Some(Json::Null) => {}
                Some(json) => {
                    let rows =
                        described_entities(json, bundle, store).map_err(|error| match error {
                            Ok(misfit) => malformed(member, misfit),
                            Err(misfit) => Malformed::new("ENTITY_OF_SERVED_TYPE", member, misfit),
                        })?;
                    described.extend(rows);
                }
            }
        }
        if described.len() > most_entities {
            let text = format!("more than {most_entities} entities");
            return Err(malformed("entities", Misfit::new(text)));
        }
        Self::new(principal, action, resource, context, described, bundle).map_err(|misfit| {
            Malformed {
                code: "MALFORMED_QUESTION",
                misfit,
            }
        })
    }

    fn new(
        principal: EntityUid,
        action: EntityUid,
        resource: EntityUid,
        context: Record,
        described: Vec<Row>,
        bundle: &Bundle,
    ) -> Result<Self, Misfit> {
        let unfit = |error: &dyn std::error::Error| Misfit::new(error.to_string());
        let cedar_context = if context.is_empty() {
            Context::empty()
        } else {
            let pairs = context
                .iter()
                .map(|(name, value): (_, &Value)| (name.to_string(), value.to_expression()));
            Context::from_pairs(pairs).map_err(|error| unfit(&error))?
        };
        let request = Request::new(
            principal.clone(),
            action.clone(),
            resource.clone(),
            cedar_context,
            Some(bundle.schema.cedar()),
        )
        .map_err(|error| unfit(&error))?;
        Ok(Self {
            principal,
            action,
            resource,
            context,
            described,
            request,
        })
    }
}

/// The inner error is `Err` for an entity that is not the caller's to describe.
fn described_entities(
    json: &Json,
    bundle: &Bundle,
    store: &dyn Store,
) -> Result<Vec<Row>, Result<Misfit, Misfit>> {
    let mut rows = bundle.schema.entities(json).map_err(Ok)?;
    for (i, row) in rows.iter().enumerate() {
        if store.serves(row.uid.type_name()) {
            let text = "the tenancy store alone says what an entity of this type is";
            return Err(Err(Misfit::new(text).within(&i.to_string())));
        }
    }
    let parents: Vec<_> = rows
        .iter()
        .map(|row| (row.uid.clone(), row.ancestors.clone()))
        .collect();
    for row in &mut rows {
        let of = |uid: &EntityUid| {
            parents
                .iter()
                .find(|(child, _)| child == uid)
                .map(|(_, parents)| parents.clone())
                .unwrap_or_default()
        };
        row.ancestors =
            crate::schema::transitive_ancestors(&row.ancestors, &row.uid, of).map_err(Ok)?;
    }
    Ok(rows)
}
