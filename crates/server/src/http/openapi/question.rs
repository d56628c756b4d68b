//! JSON Schemas of questions, from the Cedar schema in force: one object for
//! each action, with the types and the context that it takes.

use serde_json::{Map, Value as Json, json};

use super::super::limits::Limits;
use super::later::later;
use super::schema::{matching, object, or_null, reference};
use super::value::{component, entity, forms, record, value};
use peppol_authz_engine::schema::{ActionType, EntityType, Schema};
use peppol_authz_engine::store::{Revision, Store};

later! {
    /// May this principal do this action on this resource?
    Question;
    /// Questions that are answered from one state.
    Batch;
    /// The name of a state of the store.
    TenancyRevision;
    /// How long ago a state may have been the newest.
    MaxAge;
}

pub(super) fn schemas(schema: &Schema, store: &dyn Store, limits: &Limits) -> Map<String, Json> {
    let mut schemas = Map::new();
    for entity_type in schema.entity_types() {
        schemas.insert(component(&entity_type.name), entity(entity_type));
    }
    let described = described(schema, store, limits);
    let questions: Vec<Json> = schema
        .actions()
        .into_iter()
        .map(|action| question(action, schema, &described))
        .collect();
    let anything =
        json!({"description": "Anything else, which is answered with an error in its place."});
    let named = [
        ("Question", json!({"anyOf": questions})),
        (
            "Batch",
            object(
                &["requests"],
                [
                    (
                        "requests",
                        json!({
                            "type": "array",
                            "maxItems": limits.batch,
                            "items": {"anyOf": [reference("Question"), anything]},
                        }),
                    ),
                    ("atLeast", or_null(reference("TenancyRevision"))),
                    ("maxAge", or_null(reference("MaxAge"))),
                ],
            ),
        ),
        ("TenancyRevision", matching(revision(store))),
        ("MaxAge", matching("^[0-9]{1,9}(ms|s|m|h)$")),
    ];
    schemas.extend(named.map(|(name, schema)| (name.to_owned(), schema)));
    schemas
}

/// The names that the store gives its states.
fn revision(store: &dyn Store) -> &'static str {
    let names = |text| Revision::parse(text).is_some_and(|revision| store.names(&revision));
    if names("00000000-1.0000000000000000") {
        "^[0-9a-f]{8,32}-[0-9]{1,18}[.][0-9a-f]{16}$"
    } else if names("00000000-1") {
        "^[0-9a-f]{8,32}-[0-9]{1,18}(:[0-9]{1,18}:([0-9]{1,18}(,[0-9]{1,18})*)?)?$"
    } else if names("1:1:") {
        "^[0-9]{1,18}(:[0-9]{1,18}:([0-9]{1,18}(,[0-9]{1,18})*)?)?$"
    } else if names("1") {
        "^[0-9]{1,18}$"
    } else {
        "^[0-9a-f]{1,64}$"
    }
}

/// The members that have to be there, and the context, maybe one of them.
pub(super) fn context(action: &ActionType, schema: &Schema) -> (Vec<&'static str>, Json) {
    let context = record(&action.context, schema);
    let mut required = vec!["principal", "action", "resource"];
    let mut attributes = action.context.attributes.values();
    if attributes.any(|attribute| attribute.required) {
        required.push("context");
        (required, context)
    } else {
        (required, or_null(context))
    }
}

/// The forms of one action.
pub(super) fn action_forms(action: &ActionType) -> Json {
    let id: &str = action.uid.id().as_ref();
    let literal = json!({"const": action.uid.to_string()});
    forms(
        &action.uid.type_name().to_string(),
        &json!({"const": id}),
        &literal,
    )
}

fn question(action: &ActionType, schema: &Schema, described: &Json) -> Json {
    let one_of = |types: &[cedar_policy::EntityTypeName]| {
        let types: Vec<Json> = types
            .iter()
            .map(|name| reference(&component(name)))
            .collect();
        json!({ "anyOf": types })
    };
    let id: &str = action.uid.id().as_ref();
    let (required, context) = context(action, schema);
    let mut question = object(
        &required,
        [
            ("principal", one_of(&action.principals)),
            ("action", action_forms(action)),
            ("resource", one_of(&action.resources)),
            ("context", context),
            ("entities", described.clone()),
            ("additional_entities", described.clone()),
            (
                "policies",
                json!({"type": "null", "description": "What a client of cedar-agent writes; policies are never taken from a question."}),
            ),
            ("atLeast", or_null(reference("TenancyRevision"))),
            ("maxAge", or_null(reference("MaxAge"))),
            (
                "explain",
                json!({"type": ["boolean", "null"], "description": "Whether the answer says why, to callers who may know; others are refused."}),
            ),
        ],
    );
    if let Json::Object(question) = &mut question {
        question.insert("title".to_owned(), id.into());
    }
    question
}

/// Entities that a caller may describe: of types that the store does not speak of.
pub(super) fn described(schema: &Schema, store: &dyn Store, limits: &Limits) -> Json {
    let items: Vec<Json> = schema
        .entity_types()
        .into_iter()
        .filter(|of| of.choices.is_none() && !store.speaks_of(&of.name, schema))
        .map(|entity_type| description(entity_type, schema))
        .collect();
    let array = if items.is_empty() {
        json!({"type": "array", "maxItems": 0})
    } else {
        json!({"type": "array", "maxItems": limits.entities, "items": {"anyOf": items}})
    };
    or_null(array)
}

fn description(entity_type: &EntityType, schema: &Schema) -> Json {
    let mut members = vec![
        ("uid", reference(&component(&entity_type.name))),
        ("attrs", record(&entity_type.shape, schema)),
    ];
    let parents: Vec<Json> = entity_type
        .ancestors
        .iter()
        .map(|name| reference(&component(name)))
        .collect();
    members.push((
        "parents",
        match parents.is_empty() {
            true => json!({"type": "array", "maxItems": 0}),
            false => json!({"type": "array", "items": {"anyOf": parents}}),
        },
    ));
    members.push((
        "tags",
        match &entity_type.tags {
            Some(tags) => json!({"type": "object", "additionalProperties": value(tags, schema)}),
            None => json!({"type": "object", "maxProperties": 0}),
        },
    ));
    let obligatory = entity_type
        .shape
        .attributes
        .values()
        .any(|attribute| attribute.required);
    let required = if obligatory {
        &["uid", "attrs"][..]
    } else {
        &["uid"]
    };
    object(required, members)
}
