//! A search in its native form, checked against the schema before anything is looked
//! up: a question of which one part is left open.

use cedar_policy::{EntityTypeName, EntityUid};
use serde_json::{Map, Value as Json, json};

use super::actions::{ActionSearch, actions};
use super::{Search, Sought};
use crate::decide::{Fields, Malformed, QuestionContext, Session, demand, described_entities};
use crate::policy::Bundle;
use crate::schema::{Misfit, Row, record_to_json};
use crate::slice::Demand;
use crate::store::Store;

/// A search, by what it looks for.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// Principals or resources.
    Entities(Search),
    /// Actions.
    Actions(ActionSearch),
}

impl Wanted {
    /// Reads a search, and what it demands of the state that it is answered from. The principal
    /// or the resource is given by its type alone, as `{"type": "…"}`, or the action is left out:
    /// that is what is looked for. `most_entities` is how many a caller may describe.
    ///
    /// # Errors
    /// The first member that does not fit the schema.
    pub fn read(
        session: &Session,
        json: &Json,
        most_entities: usize,
    ) -> Result<(Self, Demand), Malformed> {
        read(json, &session.state.bundle, session.store(), most_entities)
    }

    /// The action, if it is known, and the resource or else its type.
    pub fn action_and_resource(&self) -> (Option<&EntityUid>, Result<&EntityUid, &EntityTypeName>) {
        match self {
            Self::Entities(search) => {
                let resource = match search.sought {
                    Sought::Principals => Ok(&search.known),
                    Sought::Resources => Err(&search.of),
                };
                (Some(&search.action), resource)
            }
            Self::Actions(search) => (None, Ok(&search.resource)),
        }
    }

    /// A description that is the same for the same search, and for no other: a token for a page of
    /// one search must not open a page of another.
    #[must_use]
    pub fn description(&self) -> String {
        match self {
            Self::Entities(search) => json!([
                match search.sought {
                    Sought::Principals => "principals",
                    Sought::Resources => "resources",
                },
                search.of.to_string(),
                search.known.to_string(),
                search.action.to_string(),
                record_to_json(search.context.record()),
                described_to_json(search.described.rows()),
            ])
            .to_string(),
            Self::Actions(search) => {
                let questions = search.questions.iter().map(|question| {
                    json!([
                        question.action.to_string(),
                        record_to_json(&question.context)
                    ])
                });
                let described = search
                    .questions
                    .first()
                    .map(|question| question.described.rows());
                json!([
                    "actions",
                    search.principal.to_string(),
                    search.resource.to_string(),
                    questions.collect::<Vec<_>>(),
                    described_to_json(described.unwrap_or_default()),
                ])
                .to_string()
            }
        }
    }
}

fn described_to_json(rows: &[Row]) -> Json {
    let rows = rows.iter().map(|row| {
        let ancestors: Vec<_> = row.ancestors.iter().map(ToString::to_string).collect();
        json!([
            row.uid.to_string(),
            record_to_json(&row.attributes),
            record_to_json(&row.tags),
            ancestors,
        ])
    });
    rows.collect()
}

const CODE: &str = "MALFORMED_SEARCH";

/// An entity, or only its type.
pub(crate) enum EntityOrType {
    Entity(EntityUid),
    Type(EntityTypeName),
}

fn read(
    json: &Json,
    bundle: &Bundle,
    store: &dyn Store,
    most_entities: usize,
) -> Result<(Wanted, Demand), Malformed> {
    let fields = Fields::of(json, &bundle.schema, CODE, |_, _| false)?;
    let members = fields.members;
    let described = described_entities(members, bundle, store, most_entities)?;
    let demand = demand::read(members, store)?;
    let principal = named(&fields, "principal", bundle)?;
    let resource = named(&fields, "resource", bundle)?;
    let action = match members.get("action") {
        None | Some(Json::Null) => None,
        Some(_) => Some(fields.action()?),
    };
    let (sought, of, known, action) = match (principal, action, resource) {
        (EntityOrType::Type(of), Some(action), EntityOrType::Entity(known)) => {
            (Sought::Principals, of, known, action)
        }
        (EntityOrType::Entity(known), Some(action), EntityOrType::Type(of)) => {
            (Sought::Resources, of, known, action)
        }
        (EntityOrType::Entity(principal), None, EntityOrType::Entity(resource)) => {
            let none = Map::new();
            let context = match members.get("context") {
                None | Some(Json::Null) => &none,
                Some(Json::Object(context)) => context,
                Some(_) => {
                    let misfit = Misfit::new("an object is wanted");
                    return Err(fields.malformed("context", misfit));
                }
            };
            let all = actions(&principal, &resource, bundle);
            if let Some(surplus) = ActionSearch::surplus(&all, context) {
                let misfit = Misfit::new("no action of these two takes it").within(surplus);
                return Err(fields.malformed("context", misfit));
            }
            let questions =
                ActionSearch::questions(&principal, &resource, context, &described, &all, bundle);
            let search = ActionSearch {
                principal,
                resource,
                questions,
            };
            return Ok((Wanted::Actions(search), demand));
        }
        _ => {
            return Err(Malformed {
                code: CODE,
                misfit: Misfit::new(
                    "one of `principal`, `action` and `resource` is to be looked for: an entity \
                     by its type alone, as {\"type\": \"…\"}, or the action left out",
                ),
            });
        }
    };
    let (principal, resource) = match sought {
        Sought::Principals => (&of, known.type_name()),
        Sought::Resources => (known.type_name(), &of),
    };
    fields.takes(action, principal, resource)?;
    let context = QuestionContext::new(fields.context(action)?);
    let context = context.map_err(|misfit| fields.malformed("context", misfit))?;
    let search = Search {
        sought,
        of,
        known,
        action: action.uid.clone(),
        context,
        described,
    };
    Ok((Wanted::Entities(search), demand))
}

/// Reads an entity, or `{"type": "…"}` alone.
pub(crate) fn named(
    fields: &Fields<'_>,
    member: &str,
    bundle: &Bundle,
) -> Result<EntityOrType, Malformed> {
    let Json::Object(kind) = fields.required(member)? else {
        return fields.entity(member).map(EntityOrType::Entity);
    };
    let (Some(Json::String(name)), 1) = (kind.get("type"), kind.len()) else {
        return fields.entity(member).map(EntityOrType::Entity);
    };
    let found = bundle.schema.entity_type_named(name);
    found
        .map(|found| EntityOrType::Type(found.name.clone()))
        .ok_or_else(|| {
            let near = bundle.schema.type_meant(name);
            let misfit = Misfit::new(format!("no such entity type in the schema{near}"));
            fields.malformed(member, misfit.within("type"))
        })
}
