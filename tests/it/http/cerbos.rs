//! Cerbos's `PlanResources` on the wire: what is answered to what is sent. That its adapters find the
//! rows which are allowed is held with the other clients.

use serde_json::{Value, json};

use super::described::{ENTITIES, with_entities};
use crate::sidecar::{Reply, Sidecar, Start};

/// A request, of which Anna may see some documents.
fn request() -> Value {
    json!({
        "requestId": "r-1",
        "action": "viewDocument",
        "principal": {"id": "Peppol::User::\"anna\"", "roles": ["user"]},
        "resource": {"kind": "Peppol::Document"},
    })
}

/// The same, with other members by their pointers; `null` takes one away.
fn with(changes: &[(&str, Value)]) -> Value {
    let mut request = request();
    for (pointer, value) in changes {
        let (object, name) = pointer.rsplit_once('/').unwrap();
        let object = request.pointer_mut(object).unwrap();
        if value.is_null() {
            object.as_object_mut().unwrap().remove(name);
        } else {
            object[name] = value.clone();
        }
    }
    request
}

fn send(sidecar: &Sidecar, request: &Value) -> Reply {
    sidecar.post("/api/plan/resources", request)
}

#[track_caller]
fn planned(sidecar: &Sidecar, request: &Value) -> Value {
    let reply = send(sidecar, request);
    assert_eq!(reply.status, 200, "{request}: {}", reply.text);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    reply.json()
}

#[track_caller]
fn refused(reply: &Reply, status: u16, code: u8) -> String {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let error = reply.json();
    assert_eq!(error["code"], code, "{error}");
    assert_eq!(error["details"], json!([]));
    error["message"].as_str().unwrap().to_owned()
}

fn over_entities() -> Start {
    with_entities(ENTITIES)
}

fn superadmin() -> Start {
    let mut entities: Value = serde_json::from_str(ENTITIES).unwrap();
    entities[1]["attrs"]["superadmin"] = true.into();
    with_entities(&entities.to_string())
}

#[test]
fn a_condition_has_the_form_of_cerbos() {
    let sidecar = over_entities().start();
    let answer = planned(&sidecar, &with(&[("/includeMeta", true.into())]));
    let condition = json!({"expression": {"operator": "eq", "operands": [
        {"variable": "request.resource.attr.legalEntity"}, {"value": "le"},
    ]}});
    assert_eq!(
        answer,
        json!({
            "requestId": "r-1",
            "action": "viewDocument",
            "resourceKind": "Peppol::Document",
            "policyVersion": "default",
            "filter": {"kind": "KIND_CONDITIONAL", "condition": condition},
            "meta": {"filterDebug": "(eq request.resource.attr.legalEntity \"le\")"},
        })
    );
    let several = with(&[
        ("/action", Value::Null),
        ("/actions", json!(["viewDocument"])),
        ("/principal/policyVersion", "default".into()),
        ("/principal/scope", "".into()),
        ("/principal/attr", json!({})),
        ("/resource/kind", "document".into()),
        ("/auxData", json!({"jwt": null})),
    ]);
    let answer = planned(&sidecar, &several);
    assert_eq!(answer["actions"], json!(["viewDocument"]));
    assert_eq!(answer["resourceKind"], "document");
    assert_eq!(answer["filter"]["condition"], condition);
    assert!(answer.get("action").is_none() && answer.get("meta").is_none());
}

#[test]
fn what_depends_on_no_row_has_no_condition() {
    let sidecar = superadmin().start();
    let organisations = |action: &str| {
        with(&[
            ("/action", action.into()),
            ("/resource/kind", "Organisation".into()),
        ])
    };
    let always = planned(&sidecar, &organisations("getOrganisation"));
    assert_eq!(always["filter"], json!({"kind": "KIND_ALWAYS_ALLOWED"}));
    // Nobody may do what there is no action, no type and no principal for.
    for never in [
        organisations("fly"),
        organisations("viewDocument"),
        with(&[("/resource/kind", "Robot".into())]),
        with(&[("/principal/id", "Peppol::User::\"ghost\"".into())]),
        with(&[("/principal/id", "Robot::\"r2\"".into())]),
    ] {
        let never = planned(&sidecar, &never);
        assert_eq!(never["filter"], json!({"kind": "KIND_ALWAYS_DENIED"}));
    }
    // All of several actions have to be allowed.
    let mut several = organisations("");
    several["actions"] = json!(["getOrganisation", "createParticipant"]);
    let context =
        json!({"environment": "TEST", "participant": "iso6523-actorid-upis::0007:5599990001"});
    several["principal"]["attr"] = json!({ "context": context });
    let both = planned(&sidecar, &several);
    assert_eq!(both["actions"], several["actions"]);
    let text = both["filter"]["condition"].to_string();
    // The one permits it everywhere, and the other for the members of an organisation.
    assert!(
        text.contains("request.resource.id") && text.contains("acme"),
        "{text}"
    );
    several["actions"] = json!(["getOrganisation", "revokeMembership"]);
    several["principal"]["attr"] = json!({});
    let message = refused(&send(&sidecar, &several), 400, 3);
    assert!(message.contains("principal.attr.context.user"), "{message}");
    for (actions, kind) in [
        (
            ["getOrganisation", "updateOrganisation"],
            "KIND_ALWAYS_ALLOWED",
        ),
        (["getOrganisation", "listMembers"], "KIND_ALWAYS_DENIED"),
        // A query could not fulfil the obligation of its permit.
        (["getOrganisation", "listDocuments"], "KIND_ALWAYS_DENIED"),
    ] {
        several["actions"] = json!(actions);
        let both = planned(&sidecar, &several);
        assert_eq!(both["filter"]["kind"], kind, "{both}");
    }
}

/// The store alone says who someone is: what a caller says beside the id gives and takes nothing.
#[test]
fn roles_and_attributes_of_a_known_principal_change_nothing() {
    let sidecar = over_entities().start();
    let expected = planned(&sidecar, &request())["filter"].clone();
    for (pointer, value) in [
        (
            "/principal/roles",
            json!(["superadmin", "Peppol::MemberRole::\"orgadmin\""]),
        ),
        ("/principal/roles", Value::Null),
        (
            "/principal/attr",
            json!({"superadmin": true, "emailVerified": false}),
        ),
        (
            "/resource/attr",
            json!({"legalEntity": "le-2", "direction": "SENT"}),
        ),
    ] {
        let answer = planned(&sidecar, &with(&[(pointer, value.clone())]));
        assert_eq!(answer["filter"], expected, "{pointer}: {value}");
    }
    let bo = with(&[
        ("/principal/id", "Peppol::User::\"bo\"".into()),
        ("/principal/attr", json!({"superadmin": true})),
    ]);
    assert_eq!(
        planned(&sidecar, &bo)["filter"]["kind"],
        "KIND_ALWAYS_DENIED"
    );
}

#[test]
fn bare_ids_have_the_type_of_the_setting() {
    let sidecar = over_entities()
        .variable("PEPPOL_AUTHZ_CERBOS__PRINCIPAL_TYPE", "User")
        .start();
    let anna = planned(&sidecar, &with(&[("/principal/id", "anna".into())]));
    assert_eq!(anna["filter"]["kind"], "KIND_CONDITIONAL");
    // The choice of an id is no choice of a type.
    assert_eq!(
        planned(&sidecar, &request())["filter"]["kind"],
        "KIND_ALWAYS_DENIED"
    );
    let (code, text) = over_entities()
        .variable("PEPPOL_AUTHZ_CERBOS__PRINCIPAL_TYPE", "Robot")
        .fails();
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("cerbos.principal_type"), "{text}");
}

#[test]
fn what_does_not_fit_is_an_error_of_cerbos() {
    let sidecar = over_entities().start();
    for (changes, member) in [
        (vec![("/principal", Value::Null)], "principal"),
        (vec![("/principal/id", Value::Null)], "principal.id"),
        (vec![("/principal/id", "anna".into())], "principal.id"),
        (vec![("/principal/roles", "user".into())], "principal.roles"),
        (vec![("/principal/scope", "acme".into())], "principal.scope"),
        (
            vec![("/principal/policyVersion", "v2".into())],
            "principal.policyVersion",
        ),
        (
            vec![("/principal/attr", json!({"context": 1}))],
            "principal.attr.context",
        ),
        (vec![("/principal/surplus", 1.into())], "principal.surplus"),
        (vec![("/resource/kind", Value::Null)], "resource.kind"),
        (vec![("/resource/attr", json!([]))], "resource.attr"),
        (
            vec![("/resource/attr", json!({"access_point": "ap"}))],
            "resource.attr.access_point",
        ),
        (vec![("/resource/id", "d-1".into())], "resource.id"),
        (
            vec![("/resource/policyVersion", 1.into())],
            "resource.policyVersion",
        ),
        (
            vec![("/auxData", json!({"jwt": {"token": "t"}}))],
            "auxData",
        ),
        (vec![("/includeMeta", "yes".into())], "includeMeta"),
        (vec![("/action", Value::Null)], "actions"),
        (vec![("/actions", json!(["viewDocument"]))], "actions"),
        (
            vec![("/action", Value::Null), ("/actions", json!(["a", "a"]))],
            "actions",
        ),
        (vec![("/surplus", 1.into())], "surplus"),
    ] {
        let reply = send(&sidecar, &with(&changes));
        let message = refused(&reply, 400, 3);
        assert!(
            message.contains(&format!("`{member}`")),
            "{changes:?}: {message}"
        );
    }
    let path = "/api/plan/resources";
    refused(&sidecar.send(path, &[], b"["), 400, 3);
    refused(&sidecar.send(path, &[], b"[]"), 400, 3);
    let headers = [("Tenancy-At-Least", "0123456789abcdef-1")];
    let body = request().to_string();
    let reply = sidecar.send(path, &headers, body.as_bytes());
    assert!(reply.status >= 400, "{}", reply.text);
    assert!(reply.json()["code"].is_u64(), "{}", reply.text);
}

/// A plan that is too wide, or that adapters would not write alike, is an error and never a part.
#[test]
fn what_no_filter_can_say_is_an_error() {
    let mut entities: Value = serde_json::from_str(ENTITIES).unwrap();
    let mut other = entities[3].clone();
    other["uid"]["id"] = "le-2".into();
    other["attrs"]["id"] = "le-2".into();
    entities.as_array_mut().unwrap().push(other);
    let sidecar = with_entities(&entities.to_string())
        .variable("PEPPOL_AUTHZ_LIMITS__PLAN_IDS", "1")
        .start();
    let message = refused(&send(&sidecar, &request()), 400, 9);
    assert!(message.starts_with("PLAN_TOO_WIDE"), "{message}");
}
