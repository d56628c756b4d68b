//! The messages of Amazon Verified Permissions, as its model has them.
//!
//! They say which form a request has, and not which entities, actions and contexts fit
//! together; `Question` does.

use serde_json::{Map, Value as Json, json};

use super::later::later;
use super::schema::{long, matching, object, reference, string};
use super::value;

later! {
    /// `IsAuthorizedInput` or `BatchIsAuthorizedInput`.
    AwsRequest;
    /// `IsAuthorizedOutput` or `BatchIsAuthorizedOutput`.
    AwsAnswer;
}

/// An object of these members, of which the first `required` are obligatory.
fn structure(required: usize, members: &[(&str, Json)]) -> Json {
    let names: Vec<&str> = members
        .iter()
        .take(required)
        .map(|(name, _)| *name)
        .collect();
    object(&names, members.iter().cloned())
}

/// One of several members, as the service's unions are.
fn union(members: &[(&str, Json)]) -> Json {
    let one = |(name, schema): &(&str, Json)| structure(1, &[(*name, schema.clone())]);
    json!({"oneOf": members.iter().map(one).collect::<Vec<_>>()})
}

fn text(longest: usize) -> Json {
    json!({"type": "string", "minLength": 1, "maxLength": longest})
}

fn map(value: &Json) -> Json {
    json!({"type": "object", "additionalProperties": value})
}

fn array(items: &Json) -> Json {
    json!({"type": "array", "items": items})
}

pub(super) fn schemas() -> Map<String, Json> {
    let entity = reference("AwsEntityIdentifier");
    let attribute = reference("AwsAttributeValue");
    let action = structure(2, &[("actionType", text(200)), ("actionId", text(512))]);
    let cedar = json!({"type": "string", "contentMediaType": "application/json"});
    let item = [
        ("identifier", entity.clone()),
        ("attributes", map(&attribute)),
        ("parents", array(&entity)),
        ("tags", map(&attribute)),
    ];
    let entities = union(&[
        ("entityList", array(&structure(1, &item))),
        ("cedarJson", cedar.clone()),
    ]);
    let asked = [
        ("principal", entity.clone()),
        ("action", action),
        ("resource", entity.clone()),
        (
            "context",
            union(&[("contextMap", map(&attribute)), ("cedarJson", cedar)]),
        ),
    ];
    let store =
        json!({"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[a-zA-Z0-9/_-]+$"});
    let mut alone = vec![("policyStoreId", store.clone())];
    alone.extend(asked.clone());
    alone.push(("entities", entities.clone()));
    let requests =
        json!({"type": "array", "items": structure(3, &asked), "minItems": 1, "maxItems": 30});
    let batch = [
        ("policyStoreId", store),
        ("requests", requests),
        ("entities", entities),
    ];
    let policies = array(&structure(1, &[("policyId", string())]));
    let errors = array(&structure(1, &[("errorDescription", string())]));
    let mut answer = vec![
        ("decision", json!({"enum": ["ALLOW", "DENY"]})),
        ("determiningPolicies", policies),
        ("errors", errors),
    ];
    let authorized = structure(3, &answer);
    answer.push(("request", structure(3, &asked)));
    let results = structure(1, &[("results", array(&structure(4, &answer)))]);
    let field = structure(2, &[("path", string()), ("message", string())]);
    let error = [
        ("__type", string()),
        ("message", string()),
        ("fieldList", array(&field)),
    ];
    let attribute_value = union(&[
        ("boolean", json!({"type": "boolean"})),
        ("entityIdentifier", entity),
        ("long", long()),
        ("string", string()),
        ("set", array(&attribute)),
        ("record", map(&attribute)),
        ("ipaddr", matching(value::IP)),
        ("decimal", matching(value::DECIMAL)),
        ("datetime", matching(value::DATETIME)),
        ("duration", matching(value::DURATION)),
    ]);
    [
        (
            "AwsEntityIdentifier",
            structure(2, &[("entityType", text(200)), ("entityId", text(612))]),
        ),
        ("AwsAttributeValue", attribute_value),
        (
            "AwsRequest",
            json!({"oneOf": [structure(4, &alone), structure(2, &batch)]}),
        ),
        ("AwsAnswer", json!({"oneOf": [authorized, results]})),
        ("AwsError", structure(2, &error)),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect()
}
