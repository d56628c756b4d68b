//! The setting that allows explanations.

use serde_json::{Value, json};

use crate::sidecar::{Reply, Sidecar, Start};

const KEY: &str = "0123456789abcdef-0123456789ABCDEF";

/// A question for a mode that the organisation may not have, with an explanation wanted.
fn question(explain: Value) -> Value {
    json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"requestModeChange\"",
        "resource": "Peppol::Organisation::\"acme\"",
        "context": {"requestedMode": "SHARED"},
        "explain": explain,
    })
}

fn allowing(who: &str) -> Start {
    Start::quickstart().variable("PEPPOL_AUTHZ_EXPLAIN__ALLOW", who)
}

fn with_key(key: &str) -> Start {
    let start = allowing("key");
    let path = start.path("explain.key");
    std::fs::write(&path, key).unwrap();
    start.variable("PEPPOL_AUTHZ_EXPLAIN__KEY_FILE", path.to_str().unwrap())
}

fn ask(sidecar: &Sidecar, header: Option<&str>, body: &Value) -> Reply {
    let headers = header.map(|header| ("authorization", header));
    let headers: Vec<(&str, &str)> = headers.into_iter().collect();
    sidecar.send("/v1/is_authorized", &headers, body.to_string().as_bytes())
}

fn assert_explained(reply: &Reply) {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let answer = reply.json();
    assert_eq!(answer["decision"], "Deny", "{answer}");
    let policy = &answer["explanation"]["policies"][0];
    assert_eq!(
        policy["policy"],
        "organisation/mode-change-needs-business-contact"
    );
    assert_eq!(policy["code"], "AT-1120");
    assert_eq!(policy["file"], "policies/organisation.cedar");
    assert!(
        policy["source"].as_str().unwrap().contains("\"AT-1120\""),
        "{policy}"
    );
    assert_eq!(
        policy["values"],
        json!([{"expression": "resource.contactTypes", "value": "[\"TECHNICAL\"]"}])
    );
    assert_eq!(
        answer["explanation"]["permits"],
        json!(["organisation/orgadmin-requests-mode-change"])
    );
}

fn assert_refused(reply: &Reply) {
    assert_eq!(reply.status, 403, "{}", reply.text);
    assert_eq!(
        reply.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(reply.json()["code"], "EXPLAIN_NOT_ALLOWED");
    assert!(
        !reply.text.contains("Deny") && !reply.text.contains("AT-1120"),
        "{}",
        reply.text
    );
}

#[test]
fn nobody_is_told_unless_it_is_set() {
    let sidecar = Start::quickstart().start();
    assert_refused(&ask(&sidecar, None, &question(json!(true))));
    assert_refused(&ask(
        &sidecar,
        Some(&format!("Bearer {KEY}")),
        &question(json!(true)),
    ));
    for not in [json!(false), json!(null)] {
        let reply = ask(&sidecar, None, &question(not));
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert!(reply.json().get("explanation").is_none(), "{}", reply.text);
    }
}

#[test]
fn all_may_be_told() {
    let sidecar = allowing("all").start();
    assert_explained(&ask(&sidecar, None, &question(json!(true))));
    assert_explained(&ask(
        &sidecar,
        Some("Bearer something"),
        &question(json!(true)),
    ));
}

#[test]
fn who_has_the_key_is_told_and_nobody_else() {
    // A line break behind it is not part of it.
    let sidecar = with_key(&format!("{KEY}\n")).start();
    assert_explained(&ask(
        &sidecar,
        Some(&format!("Bearer {KEY}")),
        &question(json!(true)),
    ));
    let other = format!("Bearer {}", KEY.to_lowercase());
    for header in [None, Some("Bearer"), Some(KEY), Some(other.as_str())] {
        assert_refused(&ask(&sidecar, header, &question(json!(true))));
        // They may ask all the same.
        let reply = ask(&sidecar, header, &question(json!(false)));
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
}

#[test]
fn in_a_batch_each_question_is_explained_or_refused_for_itself() {
    let batch = json!({"requests": [question(json!(true)), question(json!(false)), question(json!("yes"))]});
    let sidecar = allowing("all").start();
    let reply = sidecar.post("/v1/batch_is_authorized", &batch).json();
    assert!(reply["results"][0].get("explanation").is_some(), "{reply}");
    assert_eq!(reply["results"][1]["decision"], "Deny", "{reply}");
    assert!(reply["results"][1].get("explanation").is_none(), "{reply}");
    assert_eq!(
        reply["results"][2]["error"]["code"], "MALFORMED_QUESTION",
        "{reply}"
    );

    let sidecar = Start::quickstart().start();
    let reply = sidecar.post("/v1/batch_is_authorized", &batch).json();
    assert_eq!(
        reply["results"][0]["error"]["code"], "EXPLAIN_NOT_ALLOWED",
        "{reply}"
    );
    assert_eq!(reply["results"][0]["error"]["status"], 403, "{reply}");
    assert_eq!(reply["results"][1]["decision"], "Deny", "{reply}");
}

#[test]
fn what_is_neither_true_nor_false_is_malformed() {
    let sidecar = allowing("all").start();
    for other in [json!("true"), json!(1), json!([]), json!({})] {
        let reply = ask(&sidecar, None, &question(other));
        assert_eq!(reply.status, 400, "{}", reply.text);
        let problem = reply.json();
        assert_eq!(problem["code"], "MALFORMED_QUESTION");
        assert_eq!(problem["detail"], "`explain`: true or false is wanted");
    }
}

#[test]
fn other_surfaces_explain_nothing() {
    let sidecar = allowing("all").start();
    let evaluation = json!({
        "subject": {"type": "user", "id": "anna"},
        "action": {"name": "request_mode_change", "properties": {"requestedMode": "SHARED"}},
        "resource": {"type": "organisation", "id": "acme"},
        "explain": true,
    });
    let reply = sidecar.post("/access/v1/evaluation", &evaluation);
    assert!(
        !reply.text.contains("explanation") && !reply.text.contains("TECHNICAL"),
        "{}",
        reply.text
    );
    let question = json!({
        "policyStoreId": "any",
        "principal": {"entityType": "Peppol::User", "entityId": "anna"},
        "action": {"actionType": "Peppol::Action", "actionId": "getOrganisation"},
        "resource": {"entityType": "Peppol::Organisation", "entityId": "acme"},
        "explain": true,
    });
    let target = [("x-amz-target", "VerifiedPermissions.IsAuthorized")];
    let reply = sidecar.send("/", &target, question.to_string().as_bytes());
    assert!(
        !reply.text.contains("explanation") && !reply.text.contains("superadmin"),
        "{}",
        reply.text
    );
}

#[test]
fn a_key_that_is_none_is_refused_at_the_start() {
    let (code, log) = allowing("key").fails();
    assert_eq!(code, 64, "{log}");
    assert!(log.contains("explain.key_file"), "{log}");
    let (code, log) = allowing("key")
        .variable("PEPPOL_AUTHZ_EXPLAIN__KEY_FILE", "nowhere.key")
        .fails();
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("nowhere.key"), "{log}");
    for key in [
        "",
        "short",
        &format!("{KEY} {KEY}"),
        &format!("{KEY}\n\n"),
        "0123456789abcdef-0123456789ABCD",
    ] {
        let (code, log) = with_key(key).fails();
        assert_eq!(code, 1, "{key:?} {log}");
        assert!(
            log.contains("explain.key_file") && !log.contains("0123456789"),
            "{log}"
        );
    }
    let (code, log) = allowing("some").fails();
    assert_eq!(code, 64, "{log}");
}
