//! The answer to an allowed request for a collection carries the plan of its rows to the service.

use std::time::Duration;

use peppol_authz_engine::text::duration;
use serde_json::{Value, json};

use super::ask;
use crate::eventually::eventually;
use crate::sidecar::{Reply, Sidecar, Start};

const SETTINGS: &str = "[[gateway.header]]\nendpoint = \"nginx\"\nfrom = [\"127.0.0.1\"]\n\
                        name = \"X-User\"\ntype = \"User\"\n";

fn start() -> Start {
    let mut documents = Vec::new();
    for (legal_entity, organisation) in
        [("le-a", "acme"), ("le-\u{e9}", "acme"), ("le-g", "globex")]
    {
        documents.push(
            json!({"type": "LEGAL_ENTITY", "id": legal_entity, "organisationId": organisation}),
        );
        documents.push(
            json!({"type": "DOCUMENT", "id": format!("d-{legal_entity}"),
                              "legalEntityId": legal_entity, "direction": "SENT"}),
        );
    }
    super::start(SETTINGS).documents(&documents)
}

fn asked(sidecar: &Sidecar, user: &str, target: &str) -> Reply {
    let headers = [
        ("x-original-method", "GET"),
        ("x-original-uri", target),
        ("x-user", user),
        ("x-authz-plan", "spoofed"),
        ("x-authz-plan-id", "spoofed"),
    ];
    ask(&sidecar.address, "/authz/nginx", &headers)
}

/// Percent-decoded.
fn decoded(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).unwrap());
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}

/// How long a plan may be used, and the rest of it.
fn timeless(plan: &Value) -> (Duration, Value) {
    let mut plan = plan.clone();
    let max_age = plan.as_object_mut().unwrap().remove("maxAge").unwrap();
    (duration::parse(max_age.as_str().unwrap()).unwrap(), plan)
}

const DOCUMENTS: &str = "/orgs/acme/transactions";

/// The same plan as the service would be given.
fn planned(sidecar: &Sidecar, user: &str) -> Value {
    let wanted = json!({
        "principal": format!("Peppol::User::\"{user}\""),
        "action": "Peppol::Action::\"viewDocument\"",
        "resource": {"type": "Peppol::Document"},
    });
    let reply = sidecar.post("/v1/plan", &wanted);
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

#[test]
fn a_service_is_given_the_plan_of_a_collection() {
    let sidecar = start().start();
    let reply = asked(&sidecar, "anna", DOCUMENTS);
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.header("x-authz-plan-id"), Some(""));
    let text = reply.header("x-authz-plan").unwrap();
    assert!(
        text.bytes().all(|byte| (b'!'..=b'~').contains(&byte)),
        "{text}"
    );
    let plan: Value = serde_json::from_slice(&decoded(text)).unwrap();
    assert_eq!(timeless(&plan).1, timeless(&planned(&sidecar, "anna")).1);
    assert_eq!(plan["sql"]["parameters"], json!(["le-a", "le-\u{e9}"]));
    // Nobody else is given one, and a client's own goes nowhere.
    let other = asked(&sidecar, "anna", "/orgs/acme");
    assert_eq!(other.status, 200, "{}", other.text);
    for name in ["x-authz-plan", "x-authz-plan-id"] {
        assert_eq!(other.header(name), Some(""), "{name}");
    }
    let denied = asked(&sidecar, "mia", DOCUMENTS);
    assert_eq!(denied.status, 403);
    assert_eq!(denied.header("x-authz-plan"), None);
}

#[test]
fn a_plan_that_is_too_long_for_a_header_is_fetched() {
    let sidecar = start()
        .variable("PEPPOL_AUTHZ_GATEWAY__PLAN_BYTES", "100")
        .start();
    let reply = asked(&sidecar, "anna", DOCUMENTS);
    assert_eq!(reply.header("x-authz-plan"), Some(""));
    let id = reply.header("x-authz-plan-id").unwrap();
    let kept = sidecar.get(&format!("/v1/plan/{id}"));
    assert_eq!(kept.status, 200, "{}", kept.text);
    assert_eq!(kept.header("cache-control"), Some("no-store"));
    let (first, plan) = timeless(&kept.json());
    assert_eq!(plan, timeless(&planned(&sidecar, "anna")).1);
    // The time that it is kept counts.
    eventually("it may be used less long", || {
        let (later, same) = timeless(&sidecar.get(&format!("/v1/plan/{id}")).json());
        assert_eq!(same, plan);
        match later < first {
            true => Ok(()),
            false => Err(format!("{later:?} after {first:?}")),
        }
    });
    for other in ["0198c0de-0000-7000-8000-000000000000", "x", "%00"] {
        let reply = sidecar.get(&format!("/v1/plan/{other}"));
        assert_eq!(reply.status, 404, "{other}: {}", reply.text);
        assert_eq!(reply.json()["code"], "NOT_FOUND");
    }
}

/// It is kept for as long as it may be used.
#[test]
fn a_plan_that_is_over_is_gone() {
    let sidecar = start()
        .variable("PEPPOL_AUTHZ_GATEWAY__PLAN_BYTES", "0")
        .variable("PEPPOL_AUTHZ_PLAN__MAX_AGE", "1ms")
        .start();
    let reply = asked(&sidecar, "anna", DOCUMENTS);
    let path = format!("/v1/plan/{}", reply.header("x-authz-plan-id").unwrap());
    eventually("nothing of its time is left", || {
        let reply = sidecar.get(&path);
        match reply.status == 404 || reply.json()["maxAge"] == "0s" {
            true => Ok(()),
            false => Err(reply.text),
        }
    });
    eventually("it is gone", || match sidecar.get(&path).status {
        404 => Ok(()),
        status => Err(status),
    });
}

/// An Allow without its plan would be one to all rows.
#[test]
fn without_a_plan_there_is_no_allow() {
    let sidecar = start()
        .variable("PEPPOL_AUTHZ_LIMITS__PLAN_IDS", "1")
        .start();
    let reply = asked(&sidecar, "anna", DOCUMENTS);
    assert_eq!(
        reply.header("x-authz-code"),
        Some("PLAN_TOO_WIDE"),
        "{}",
        reply.text
    );
    assert_eq!(reply.status, 500);
}
