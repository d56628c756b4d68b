//! JSON Schemas of searches: of the native one from the Cedar schema in force, of AuthZEN's
//! only the form.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::EntityTypeName;
use serde_json::{Map, Value as Json, json};

use super::super::limits::Limits;
use super::authzen::{named, open};
use super::later::later;
use super::question;
use super::question::{action_forms, described};
use super::schema::{object, or_null, reference, string};
use super::value::{component, record};
use peppol_authz_engine::schema::{ActionType, Schema};
use peppol_authz_engine::store::Store;

later! {
    /// Whom, on what, or what do the policies allow?
    Search;
    /// By which condition does a service's own database find what is allowed?
    Plan;
    /// AuthZEN: who may?
    SubjectSearch;
    /// AuthZEN: on what?
    ResourceSearch;
    /// AuthZEN: what?
    ActionSearch;
    /// AuthZEN: entities of a page.
    FoundEntities;
    /// AuthZEN: actions of a page.
    FoundActions;
}

fn limit() -> Json {
    or_null(json!({"type": "integer", "minimum": 1, "maximum": i64::MAX}))
}

fn token() -> Json {
    let description = "Of the page before; the empty one is that of the first page.";
    or_null(json!({"type": "string", "description": description}))
}

fn one_of(types: &[EntityTypeName]) -> Json {
    let types: Vec<Json> = types
        .iter()
        .map(|name| reference(&component(name)))
        .collect();
    json!({ "anyOf": types })
}

/// An entity of which the type alone is given.
fn type_of(types: &[EntityTypeName]) -> Json {
    let names: Vec<String> = types.iter().map(ToString::to_string).collect();
    object(&["type"], [("type", json!({ "enum": names }))])
}

pub(super) fn schemas(schema: &Schema, store: &dyn Store, limits: &Limits) -> Map<String, Json> {
    let described = described(schema, store, limits);
    let whole = |members: Vec<(&str, Json)>, required: &[&str]| {
        let common = [
            ("entities", described.clone()),
            ("additional_entities", described.clone()),
            ("atLeast", or_null(reference("TenancyRevision"))),
            ("maxAge", or_null(reference("MaxAge"))),
            ("limit", limit()),
            ("token", token()),
            ("explain", or_null(json!({"type": "boolean"}))),
        ];
        object(required, members.into_iter().chain(common))
    };
    let (mut searches, mut plans) = (Vec::new(), Vec::new());
    for action in schema.actions() {
        let (required, context) = question::context(action, schema);
        let members = [
            ("principal", one_of(&action.principals)),
            ("action", action_forms(action)),
            ("resource", type_of(&action.resources)),
            ("context", context.clone()),
            ("entities", described.clone()),
            ("additional_entities", described.clone()),
            ("atLeast", or_null(reference("TenancyRevision"))),
            ("maxAge", or_null(reference("MaxAge"))),
            (
                "dialect",
                or_null(json!({"enum": ["postgresql", "postgres", "sqlite"]})),
            ),
            ("columns", or_null(json!({"type": "object"}))),
            ("explain", or_null(json!({"type": "boolean"}))),
        ];
        plans.push(object(&required, members));
        for (principal, resource) in [
            (type_of(&action.principals), one_of(&action.resources)),
            (one_of(&action.principals), type_of(&action.resources)),
        ] {
            let members = vec![
                ("principal", principal),
                ("action", action_forms(action)),
                ("resource", resource),
                ("context", context.clone()),
            ];
            searches.push(whole(members, &required));
        }
    }
    let types: Vec<EntityTypeName> = schema
        .entity_types()
        .into_iter()
        .map(|found| found.name.clone())
        .collect();
    let nothing = json!({"type": "object", "maxProperties": 0});
    let for_actions = |principal, resource, context| {
        let members = vec![
            ("principal", one_of(&[principal])),
            ("resource", one_of(&[resource])),
            ("context", or_null(context)),
            ("action", json!({"type": "null"})),
        ];
        whole(members, &["principal", "resource"])
    };
    for ((principal, resource), actions) in pairs(schema) {
        let context = any_context(&actions, schema);
        searches.push(for_actions(principal, resource, context));
    }
    let members = vec![
        ("principal", one_of(&types)),
        ("resource", one_of(&types)),
        ("context", or_null(nothing)),
        ("action", json!({"type": "null"})),
    ];
    searches.push(whole(members, &["principal", "resource"]));
    let mut schemas = authzen();
    schemas.insert("Search".to_owned(), json!({ "anyOf": searches }));
    schemas.insert("Plan".to_owned(), json!({ "anyOf": plans }));
    schemas
}

/// The actions that each pair of types has.
fn pairs(schema: &Schema) -> BTreeMap<(EntityTypeName, EntityTypeName), Vec<&ActionType>> {
    let mut pairs: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for action in schema.actions() {
        for principal in &action.principals {
            for resource in &action.resources {
                let pair = (principal.clone(), resource.clone());
                pairs.entry(pair).or_default().push(action);
            }
        }
    }
    pairs
}

/// The members that some of these actions take. What does not fit one of them rules
/// that one out, and is no fault.
fn any_context(actions: &[&ActionType], schema: &Schema) -> Json {
    let names: BTreeSet<&str> = actions
        .iter()
        .flat_map(|action| action.context.attributes.keys().map(|name| &**name))
        .collect();
    let value = |name: &str| {
        let known = actions.iter().find_map(|action| {
            let members = record(&action.context, schema);
            members.pointer(&format!("/properties/{name}")).cloned()
        });
        json!({"anyOf": [known, {}]})
    };
    object(&[], names.into_iter().map(|name| (name, value(name))))
}

fn authzen() -> Map<String, Json> {
    let kind = || open(&["type"], &[("type", string())]);
    let page = open(&[], &[("limit", limit()), ("token", token())]);
    let more = [
        ("context", or_null(json!({"type": "object"}))),
        ("page", or_null(page)),
    ];
    let all = ["subject", "action", "resource"];
    let for_entities = |subject, resource| {
        let members = [
            ("subject", subject),
            ("action", named("name")),
            ("resource", resource),
        ];
        open(&all, &[&members[..], &more].concat())
    };
    let for_actions = [("subject", named("id")), ("resource", named("id"))];
    let found = |result: Json| {
        let count = json!({"type": "integer", "minimum": 0});
        let page = [("next_token", string()), ("count", count)];
        let members = [
            ("page", open(&["next_token"], &page)),
            ("context", json!({"type": "object"})),
            ("results", json!({"type": "array", "items": result})),
        ];
        open(&["page", "results"], &members)
    };
    let entity = open(&["type", "id"], &[("type", string()), ("id", string())]);
    [
        ("SubjectSearch", for_entities(kind(), named("id"))),
        ("ResourceSearch", for_entities(named("id"), kind())),
        (
            "ActionSearch",
            open(
                &["subject", "resource"],
                &[&for_actions[..], &more].concat(),
            ),
        ),
        ("FoundEntities", found(entity)),
        (
            "FoundActions",
            found(open(&["name"], &[("name", string())])),
        ),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect()
}
