//! The messages of AuthZEN's Authorization API 1.0.
//!
//! Members that are not named are ignored, and `null` is absence, but for those of a context. Names that the schema does not
//! have are denied, so that only the form is described.

use serde_json::{Map, Value as Json, json};

use super::super::limits::Limits;
use super::later::later;
use super::schema::{or_null, string};

later! {
    /// A request for one evaluation.
    Evaluation;
    /// A request for several.
    Evaluations;
    /// The answer to one.
    Decision;
    /// The answers to several, or to one.
    Decisions;
    /// The endpoints that there are.
    Metadata;
}

/// An object that has these members, and maybe others.
pub(super) fn open(required: &[&str], members: &[(&str, Json)]) -> Json {
    let members: Map<String, Json> = members
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
        .collect();
    json!({"type": "object", "properties": members, "required": required})
}

/// A subject or a resource, by `id`, or an action, by `name`.
pub(super) fn named(member: &str) -> Json {
    let properties = or_null(json!({"type": "object"}));
    let mut members = vec![("properties", properties), (member, string())];
    let mut required = vec![member];
    if member == "id" {
        members.push(("type", string()));
        required.push("type");
    }
    open(&required, &members)
}

pub(super) fn schemas(limits: &Limits) -> Map<String, Json> {
    let question = [
        ("subject", named("id")),
        ("action", named("name")),
        ("resource", named("id")),
    ];
    let context = [("context", or_null(json!({"type": "object"})))];
    let all = ["subject", "action", "resource"];
    let one = open(&all, &[&question[..], &context].concat());
    let semantics = [
        "execute_all",
        "deny_on_first_deny",
        "permit_on_first_permit",
    ];
    let semantic = [(
        "evaluations_semantic",
        or_null(json!({ "enum": semantics })),
    )];
    let options = [("options", or_null(open(&[], &semantic)))];
    let none = [(
        "evaluations",
        or_null(json!({"type": "array", "maxItems": 0})),
    )];
    // One evaluation has no options: what stands there is ignored.
    let alone = open(&all, &[&question[..], &context, &none].concat());
    // The top level gives the members that an item omits.
    let object = json!({"type": "object"});
    let defaults = question.map(|(name, _)| (name, or_null(object.clone())));
    let items = [(
        "evaluations",
        json!({
            "type": "array",
            "minItems": 1,
            "maxItems": limits.batch,
            "description": "Each with the members of one evaluation; what is none is denied in its place.",
        }),
    )];
    let several = [&defaults[..], &context, &options, &items].concat();
    let several = open(&["evaluations"], &several);
    let decision = open(
        &["decision"],
        &[
            ("decision", json!({"type": "boolean"})),
            ("context", json!({"type": "object"})),
        ],
    );
    let decisions = open(
        &["evaluations"],
        &[("evaluations", json!({"type": "array", "items": decision}))],
    );
    let endpoints = [
        "policy_decision_point",
        "access_evaluation_endpoint",
        "access_evaluations_endpoint",
        "search_subject_endpoint",
        "search_resource_endpoint",
        "search_action_endpoint",
    ];
    let kinds = json!({"type": "array", "items": string()});
    let obligations = [("supported_obligations", kinds)];
    let of_endpoints = endpoints.map(|name| (name, string()));
    let metadata = open(&endpoints, &[&of_endpoints[..], &obligations].concat());
    [
        ("Evaluation", one),
        ("Evaluations", json!({"anyOf": [several, alone]})),
        ("Decisions", json!({"anyOf": [decisions, decision]})),
        ("Decision", decision),
        ("Metadata", metadata),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect()
}
