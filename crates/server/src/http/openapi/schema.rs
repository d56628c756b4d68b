//! Parts of JSON Schemas.

use serde_json::{Map, Value as Json, json};

/// An object that has these members and no others.
pub(super) fn object<N: Into<String>>(
    required: &[&str],
    members: impl IntoIterator<Item = (N, Json)>,
) -> Json {
    let members: Map<String, Json> = members
        .into_iter()
        .map(|(name, schema)| (name.into(), schema))
        .collect();
    json!({"type": "object", "properties": members, "required": required, "additionalProperties": false})
}

pub(super) fn reference(name: &str) -> Json {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

pub(super) fn or_null(schema: Json) -> Json {
    json!({"anyOf": [schema, {"type": "null"}]})
}

pub(super) fn string() -> Json {
    json!({"type": "string"})
}

pub(super) fn matching(pattern: &str) -> Json {
    json!({"type": "string", "pattern": pattern})
}

/// A `Long`.
pub(super) fn long() -> Json {
    json!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX})
}
