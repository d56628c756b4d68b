//! Amazon Verified Permissions' wire: what is answered to what is sent. That the decisions
//! are those of the other surfaces is held with the rules; that the service's own client
//! reads them, with the other clients.

use serde_json::{Value, json};

use super::{private, sidecar};
use crate::connection::ALLOWED;
use crate::sidecar::{Reply, Sidecar, Start};

fn send(sidecar: &Sidecar, operation: &str, body: &str) -> Reply {
    let target = format!("VerifiedPermissions.{operation}");
    sidecar.send("/", &[("X-Amz-Target", &target)], body.as_bytes())
}

fn entity(kind: &str, id: &str) -> Value {
    json!({"entityType": kind, "entityId": id})
}

/// A question that is allowed.
fn request() -> Value {
    json!({
        "policyStoreId": "any",
        "principal": entity("Peppol::User", "anna"),
        "action": {"actionType": "Peppol::Action", "actionId": "getOrganisation"},
        "resource": entity("Peppol::Organisation", "acme"),
    })
}

/// The same with other members; `null` takes one away.
fn with(changes: Value) -> Value {
    changed(request(), changes)
}

fn changed(mut request: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            request.as_object_mut().unwrap().remove(name);
        } else {
            request[name] = value.clone();
        }
    }
    request
}

fn item(changes: Value) -> Value {
    changed(with(changes), json!({"policyStoreId": null}))
}

#[track_caller]
fn is_exception(reply: &Reply, status: u16, name: &str) -> Value {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert_eq!(
        reply.header("content-type"),
        Some("application/x-amz-json-1.0")
    );
    assert!(reply.header("x-amzn-requestid").is_some());
    let body = reply.json();
    let (_, kind) = body["__type"].as_str().unwrap().split_once('#').unwrap();
    assert_eq!(kind, name, "{}", reply.text);
    let mut faults = Vec::new();
    private(&body["message"], &mut faults);
    assert!(faults.is_empty(), "{faults:?}");
    body
}

#[test]
fn a_decision_has_the_services_form() {
    let sidecar = sidecar();
    let reply = send(&sidecar, "IsAuthorized", &request().to_string());
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(
        reply.header("content-type"),
        Some("application/x-amz-json-1.0")
    );
    assert!(reply.header("x-amzn-requestid").is_some());
    let policies = json!([{"policyId": "organisation/orgadmin-manages"}]);
    assert_eq!(
        reply.json(),
        json!({"decision": "ALLOW", "determiningPolicies": policies, "errors": []})
    );
    let unknown = with(json!({"principal": entity("Peppol::User", "nobody")}));
    let reply = send(&sidecar, "IsAuthorized", &unknown.to_string());
    let errors = json!([{"errorDescription": "there is no such principal"}]);
    assert_eq!(
        reply.json(),
        json!({"decision": "DENY", "determiningPolicies": [], "errors": errors})
    );
}

#[test]
fn a_batch_gives_its_requests_back_in_order() {
    let sidecar = sidecar();
    let action = |id: &str| json!({"actionType": "Peppol::Action", "actionId": id});
    let requests = [
        item(json!({})),
        item(json!({
            "action": action("requestModeChange"),
            "context": {"contextMap": {"requestedMode": {"string": "SHARED"}}},
        })),
        item(
            json!({"context": {"cedarJson": "{}"}, "resource": entity("Peppol::Organisation", "globex")}),
        ),
    ];
    let body = json!({"policyStoreId": "any", "requests": requests});
    let reply = send(&sidecar, "BatchIsAuthorized", &body.to_string());
    assert_eq!(reply.status, 200, "{}", reply.text);
    let results = reply.json()["results"].clone();
    for ((result, request), decision) in results
        .as_array()
        .unwrap()
        .iter()
        .zip(&requests)
        .zip(["ALLOW", "DENY", "DENY"])
    {
        assert_eq!(&result["request"], request);
        assert_eq!(result["decision"], decision);
    }
    let policy = &results[1]["determiningPolicies"][0]["policyId"];
    assert_eq!(policy, "organisation/mode-change-needs-business-contact");
    // One state for all of them, also one that is too far ahead.
    let target = ("X-Amz-Target", "VerifiedPermissions.BatchIsAuthorized");
    let seen = sidecar.ask(&serde_json::from_str(ALLOWED).unwrap())["tenancyRevision"].clone();
    let (history, _) = seen.as_str().unwrap().split_once('-').unwrap();
    let ahead = format!("{history}-4711.{:016x}", 1);
    let headers = [target, ("Tenancy-At-Least", ahead.as_str())];
    let reply = sidecar.send("/", &headers, body.to_string().as_bytes());
    is_exception(&reply, 503, "InternalServerException");
}

#[test]
fn what_is_no_question_is_a_validation_exception_that_names_the_member() {
    let sidecar = sidecar();
    let entities = |list: Value| with(json!({"entities": {"entityList": list}}));
    let anna = entity("Peppol::User", "anna");
    let context = |value: Value| {
        with(json!({
            "action": {"actionType": "Peppol::Action", "actionId": "requestModeChange"},
            "context": {"contextMap": {"requestedMode": value}},
        }))
    };
    for (request, path) in [
        (with(json!({"policyStoreId": null})), "policyStoreId"),
        (with(json!({"policyStoreId": "a b"})), "policyStoreId"),
        (with(json!({"policyStoreId": 5})), "policyStoreId"),
        (with(json!({"principal": null})), "principal"),
        (with(json!({"action": null})), "action"),
        (with(json!({"resource": null})), "resource"),
        (
            with(json!({"principal": "Peppol::User::\"anna\""})),
            "principal",
        ),
        (
            with(json!({"principal": {"entityType": "Peppol::User"}})),
            "principal.entityId",
        ),
        (
            with(json!({"principal": entity("Peppol::User", "")})),
            "principal.entityId",
        ),
        (
            with(json!({"principal": entity("Peppol::User", &"x".repeat(613))})),
            "principal.entityId",
        ),
        (
            with(json!({"principal": entity("Peppol::Robot", "anna")})),
            "principal",
        ),
        (with(json!({"resource": anna})), "resource"),
        (
            with(json!({"action": {"actionType": "Peppol::Action", "actionId": "fly"}})),
            "action",
        ),
        (with(json!({"identityToken": "x"})), "identityToken"),
        (with(json!({"context": {}})), "context"),
        (
            with(json!({"context": {"contextMap": {}, "cedarJson": "{}"}})),
            "context",
        ),
        (
            with(json!({"context": {"cedarJson": "{"}})),
            "context.cedarJson",
        ),
        (
            with(json!({"context": {"cedarJson": {}}})),
            "context.cedarJson",
        ),
        (with(json!({"context": {"cedarJson": "[]"}})), "context"),
        (
            with(json!({"context": {"contextMap": {"x": {"boolean": true}}}})),
            "context.x",
        ),
        (context(json!("SHARED")), "context.contextMap.requestedMode"),
        (
            context(json!({"long": 1.5})),
            "context.contextMap.requestedMode.long",
        ),
        (
            context(json!({"boolean": "true"})),
            "context.contextMap.requestedMode.boolean",
        ),
        (
            context(json!({"string": "secret"})),
            "context.requestedMode",
        ),
        (entities(json!([{"identifier": anna}])), "entities.0"),
        (
            entities(json!([{"attributes": {}}])),
            "entities.entityList.0.identifier",
        ),
        (with(json!({"entities": {"cedarJson": "{}"}})), "entities"),
        (
            with(
                json!({"entities": {"cedarJson": "[{\"uid\": {\"type\": \"Peppol::User\", \"id\": \"anna\"}, \
                \"attrs\": {\"id\": \"anna\", \"email\": \"a\", \"emailVerified\": true, \"superadmin\": true}}]"}}),
            ),
            "entities.0",
        ),
        (json!([]), ""),
    ] {
        let reply = send(&sidecar, "IsAuthorized", &request.to_string());
        let body = is_exception(&reply, 400, "ValidationException");
        assert_eq!(
            body["fieldList"][0]["path"], path,
            "{request}: {}",
            reply.text
        );
    }
}

#[test]
fn a_batch_has_the_limits_of_the_service() {
    let sidecar = sidecar();
    let body = |requests: Value| json!({"policyStoreId": "any", "requests": requests}).to_string();
    let mia = json!({"principal": entity("Peppol::User", "mia")});
    let globex = json!({"resource": entity("Peppol::Organisation", "globex")});
    let both = json!({"principal": mia["principal"], "resource": globex["resource"]});
    for (requests, path) in [
        (json!([]), "requests"),
        (json!(vec![item(json!({})); 31]), "requests"),
        (json!({}), "requests"),
        (json!([item(json!({})), item(both)]), "requests"),
        (
            json!([item(json!({})), item(json!({"resource": null}))]),
            "requests.1.resource",
        ),
        (
            json!([item(json!({})), with(json!({}))]),
            "requests.1.policyStoreId",
        ),
    ] {
        let reply = send(&sidecar, "BatchIsAuthorized", &body(requests));
        let body = is_exception(&reply, 400, "ValidationException");
        assert_eq!(body["fieldList"][0]["path"], path, "{}", reply.text);
    }
    for requests in [
        json!(vec![item(json!({})); 30]),
        json!([item(json!({})), item(mia)]),
        json!([item(json!({})), item(globex)]),
    ] {
        let reply = send(&sidecar, "BatchIsAuthorized", &body(requests));
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
}

#[test]
fn other_operations_and_other_texts_are_refused() {
    let sidecar = sidecar();
    for operation in ["IsAuthorizedWithToken", "CreatePolicy", "isAuthorized", ""] {
        let reply = send(&sidecar, operation, &request().to_string());
        is_exception(&reply, 400, "UnknownOperationException");
    }
    let reply = sidecar.post("/", &request());
    is_exception(&reply, 400, "UnknownOperationException");
    for body in ["", "{", "secret", "{\"a\": 1, \"a\": 1}"] {
        let reply = send(&sidecar, "IsAuthorized", body);
        is_exception(&reply, 400, "SerializationException");
    }
}

#[test]
fn entities_of_types_that_the_store_does_not_serve_are_described_by_the_caller() {
    let start = Start::new();
    let schema = start.path("schema.cedarschema");
    let policies = start.path("policies");
    let entities = start.path("entities.json");
    std::fs::create_dir(&policies).unwrap();
    std::fs::write(
        &schema,
        "entity User; entity Doc in [Doc] = { owner: User, size: Long, at: datetime } tags Set<String>;\n\
         action read appliesTo { principal: User, resource: Doc, context: { ip: ipaddr, price: decimal, n?: Long } };",
    )
    .unwrap();
    std::fs::write(
        policies.join("read.cedar"),
        "@id(\"read/owner\") permit (principal, action == Action::\"read\", resource) when { \
         resource.owner == principal && resource in Doc::\"top\" && resource.hasTag(\"k\") && \
         resource.getTag(\"k\").contains(\"v\") && context.ip.isLoopback() && \
         context.price.lessThan(decimal(\"2.0\")) && resource.at < datetime(\"2026-01-01\") };",
    )
    .unwrap();
    std::fs::write(
        &entities,
        r#"[{"uid": {"type": "User", "id": "u"}, "attrs": {}, "parents": []}]"#,
    )
    .unwrap();
    let text = |path: &std::path::Path| path.display().to_string();
    let arguments = [
        "--schema",
        &text(&schema),
        "--policies",
        &text(&policies),
        "--tenancy",
        &format!("entities:{}", text(&entities)),
    ];
    let sidecar = start.with(&arguments).start();
    let user = entity("User", "u");
    let doc = |id: &str, parents: Value| {
        json!({
            "identifier": entity("Doc", id),
            "attributes": {
                "owner": {"entityIdentifier": user},
                "size": {"long": 7},
                "at": {"datetime": "2024-10-15T11:35:00Z"},
            },
            "parents": parents,
            "tags": {"k": {"set": [{"string": "v"}]}},
        })
    };
    let request = |tag: &str| {
        let mut list = json!([
            doc("d", json!([entity("Doc", "top")])),
            doc("top", json!([]))
        ]);
        list[0]["tags"]["k"]["set"][0]["string"] = json!(tag);
        json!({
            "policyStoreId": "any",
            "principal": user,
            "action": {"actionType": "Action", "actionId": "read"},
            "resource": entity("Doc", "d"),
            "context": {"contextMap": {"ip": {"ipaddr": "127.0.0.1"}, "price": {"decimal": "1.5"}}},
            "entities": {"entityList": list},
        })
    };
    for (tag, decision) in [("v", "ALLOW"), ("w", "DENY")] {
        let reply = send(&sidecar, "IsAuthorized", &request(tag).to_string());
        assert_eq!(reply.json()["decision"], decision, "{}", reply.text);
    }
    let served = with(json!({"entities": {"entityList": [{"identifier": user}]}}));
    let reply = send(&sidecar, "IsAuthorized", &served.to_string());
    is_exception(&reply, 400, "ValidationException");
}
