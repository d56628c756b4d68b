//! Callers: how they say who they are, and the answers to those that are not let in.

use serde_json::{Map, Value as Json, json};

use super::super::readiness::PROBES;

/// The answers to a caller that is not let in, by their statuses.
const REFUSED: [(&str, &str); 3] = [
    ("401", "The caller is not known, and has to be"),
    ("403", "The caller may not ask this"),
    (
        "429",
        "The caller asks too often; `Retry-After` says when it may ask again",
    ),
];

/// The means by which callers are known.
pub(super) fn schemes() -> Json {
    json!({
        "certificate": {
            "type": "mutualTLS",
            "description": "A client certificate of an authority of `tls.client_ca`",
        },
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of `callers`, or a token for an audience of `callers.audience`",
        },
        "sidecar": {
            "type": "apiKey",
            "in": "header",
            "name": "Sidecar-Authorization",
            "description": "The same, `Bearer …`, where `Authorization` is that of a gateway's client",
        },
    })
}

/// None of them is needed on this machine, and where `callers.admit` lets anyone in.
pub(super) fn security() -> Json {
    json!([{}, {"certificate": []}, {"bearer": []}, {"sidecar": []}])
}

/// Adds what a caller is answered that is not let in, to each operation of a path.
pub(super) fn let_in(path: &str, item: &mut Json) {
    let operations = item.as_object_mut().into_iter().flat_map(Map::values_mut);
    for operation in operations.filter_map(Json::as_object_mut) {
        if PROBES.contains(&path) {
            operation.insert("security".to_owned(), json!([]));
            continue;
        }
        // All that a gateway is ever answered is there already.
        if path.starts_with("/authz") {
            continue;
        }
        let (content, schema) = match path {
            "/" => ("application/x-amz-json-1.0", "AwsError"),
            "/api/plan/resources" => ("application/json", "CerbosError"),
            _ => ("application/problem+json", "Problem"),
        };
        let Some(responses) = operation.get_mut("responses").and_then(Json::as_object_mut) else {
            continue;
        };
        for (status, description) in REFUSED {
            let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
            let response =
                json!({"description": description, "content": {content: {"schema": schema}}});
            responses.entry(status).or_insert(response);
        }
    }
}
