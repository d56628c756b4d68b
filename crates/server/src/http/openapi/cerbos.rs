//! The messages of Cerbos's `PlanResources`.

use serde_json::{Map, Value as Json, json};

use super::authzen::open;
use super::later::later;
use super::schema::{object, or_null, reference, string};

later! {
    /// `PlanResourcesRequest`.
    CerbosPlanRequest;
    /// `PlanResourcesResponse`.
    CerbosPlan;
}

pub(super) fn schemas() -> Map<String, Json> {
    let attributes = || or_null(json!({"type": "object"}));
    let version = || or_null(json!({"enum": ["", "default"]}));
    let scope = || or_null(json!({"const": ""}));
    let roles = or_null(json!({"type": "array", "items": string()}));
    let name = || json!({"type": "string", "minLength": 1});
    let principal = object(
        &["id"],
        [
            ("id", name()),
            ("roles", roles),
            ("attr", attributes()),
            ("policyVersion", version()),
            ("scope", scope()),
        ],
    );
    let resource = object(
        &["kind"],
        [
            ("kind", name()),
            ("attr", attributes()),
            ("policyVersion", version()),
            ("scope", scope()),
        ],
    );
    let actions = json!({"type": "array", "items": name(), "minItems": 1, "maxItems": 20, "uniqueItems": true});
    let request = |member: &str, action: Json| {
        object(
            &[member, "principal", "resource"],
            [
                (member, action),
                ("requestId", or_null(string())),
                ("principal", principal.clone()),
                ("resource", resource.clone()),
                ("auxData", or_null(object::<&str>(&[], []))),
                ("includeMeta", or_null(json!({"type": "boolean"}))),
                ("requestContext", attributes()),
            ],
        )
    };
    let operand = json!({"oneOf": [
        object(&["value"], [("value", json!({}))]),
        object(&["variable"], [("variable", string())]),
        object(&["expression"], [("expression", reference("CerbosExpression"))]),
    ]});
    let operands = json!({"type": "array", "items": reference("CerbosOperand")});
    let expression = object(
        &["operator", "operands"],
        [("operator", string()), ("operands", operands)],
    );
    let kinds = json!({"enum": ["KIND_ALWAYS_ALLOWED", "KIND_ALWAYS_DENIED", "KIND_CONDITIONAL"]});
    let filter = open(
        &["kind"],
        &[("kind", kinds), ("condition", reference("CerbosOperand"))],
    );
    let plan = open(
        &["requestId", "resourceKind", "policyVersion", "filter"],
        &[
            ("requestId", string()),
            ("action", string()),
            ("actions", json!({"type": "array", "items": string()})),
            ("resourceKind", string()),
            ("policyVersion", string()),
            ("filter", filter),
            ("meta", open(&["filterDebug"], &[("filterDebug", string())])),
        ],
    );
    let error = open(
        &["code", "message"],
        &[("code", json!({"type": "integer"})), ("message", string())],
    );
    [
        ("CerbosOperand", operand),
        ("CerbosExpression", expression),
        (
            "CerbosPlanRequest",
            json!({"oneOf": [request("action", name()), request("actions", actions)]}),
        ),
        ("CerbosPlan", plan),
        ("CerbosError", error),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect()
}
