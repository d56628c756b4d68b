//! Obligations of AuthZEN: a caller that understands none is denied.

use serde_json::{Value, json};

use super::authzen::{EVALUATION, EVALUATIONS, anna, evaluate, grant, revealing};
use crate::sidecar::Start;

/// A permit with an obligation is a denial for a caller that does not understand it, at each level of `reveal`.
#[test]
fn a_permit_is_a_denial_for_who_understands_no_obligation() {
    let ask = |supported: &Value| {
        let mut item = anna("createOrganisation", &json!({}));
        item["resource"] = json!({"type": "platform", "id": "platform"});
        item["context"] = json!({ "supported_obligations": supported });
        item
    };
    for reveal in ["nothing", "user", "admin"] {
        let sidecar = revealing(reveal);
        for (supported, allowed) in [
            (Value::Null, true),
            (json!(["custom"]), true),
            (json!(["step-up", "custom"]), true),
            (json!([]), false),
            (json!(["step-up", "notification"]), false),
            (json!(["CUSTOM", "GRANT_ORGADMIN"]), false),
        ] {
            let found = evaluate(&sidecar, &ask(&supported));
            assert_eq!(found["decision"], allowed, "{reveal} {supported} {found}");
            let told = &found["context"]["obligations"];
            match allowed {
                true => assert_eq!(*told, json!([grant()]), "{reveal}"),
                false => assert_eq!(*told, Value::Null, "{reveal}"),
            }
        }
        for supported in [json!("custom"), json!(["custom", 7])] {
            let reply = sidecar.post(EVALUATION, &ask(&supported));
            assert_eq!(reply.status, 400, "{}", reply.text);
        }
        let code = &evaluate(&sidecar, &ask(&json!([])))["context"]["codes"];
        match reveal {
            "nothing" => assert_eq!(*code, Value::Null),
            _ => assert_eq!(*code, json!(["OBLIGATION_NOT_UNDERSTOOD"])),
        }
        // Without an obligation there is nothing to understand.
        let mut other = anna("getOrganisation", &json!({}));
        other["context"] = json!({"supported_obligations": []});
        assert_eq!(evaluate(&sidecar, &other)["decision"], true);
        // It is no permit for the end of a batch either.
        let batch = json!({
            "options": {"evaluations_semantic": "permit_on_first_permit"},
            "evaluations": [ask(&json!([])), ask(&json!(["custom"])), other],
        });
        let found = sidecar.post(EVALUATIONS, &batch).json();
        let found = found["evaluations"].as_array().unwrap();
        let found: Vec<_> = found.iter().map(|item| &item["decision"]).collect();
        assert_eq!(found, [false, true]);
    }
}

/// A result is permitted, and a permit obliges: it is told, or nothing is found.
#[test]
fn a_search_tells_obligations_or_does_not_find() {
    let sidecar = Start::quickstart().start();
    let wanted = json!({
        "principal": "Peppol::User::\"anna\"",
        "resource": "Peppol::Platform::\"platform\"",
    });
    let found = sidecar.post("/v1/search", &wanted).json();
    let creates = json!({
        "type": "Peppol::Action", "id": "createOrganisation", "obligations": ["GRANT_ORGADMIN"],
    });
    assert_eq!(found["results"], json!([creates]));
    let who = json!({
        "principal": {"type": "Peppol::User"},
        "action": "Peppol::Action::\"createOrganisation\"",
        "resource": "Peppol::Platform::\"platform\"",
        "limit": 1,
    });
    let found = sidecar.post("/v1/search", &who).json();
    assert_eq!(
        found["results"][0]["obligations"],
        json!(["GRANT_ORGADMIN"])
    );
    // Where there is none, nothing is said of it.
    let mut other = wanted.clone();
    other["resource"] = json!("Peppol::Organisation::\"acme\"");
    let found = sidecar.post("/v1/search", &other).json();
    let results = found["results"].as_array().unwrap();
    let gets = json!({"type": "Peppol::Action", "id": "getOrganisation"});
    assert!(results.contains(&gets), "{found}");
    let ask = |path: &str, supported: &Value| {
        let mut search = json!({
            "subject": {"type": "user", "id": "anna"},
            "resource": {"type": "platform", "id": "platform"},
            "context": {"supported_obligations": supported},
        });
        if path.ends_with("subject") {
            search["subject"] = json!({"type": "user"});
            search["action"] = json!({"name": "create_organisation"});
        }
        sidecar.post(path, &search)
    };
    let (action, subject) = ("/access/v1/search/action", "/access/v1/search/subject");
    for supported in [Value::Null, json!(["custom"])] {
        let found = ask(action, &supported).json();
        let told = json!({"name": "createOrganisation", "context": {"obligations": [grant()]}});
        assert_eq!(found["results"], json!([told]));
        let found = ask(subject, &supported).json();
        assert_eq!(
            found["results"][0]["context"]["obligations"],
            json!([grant()])
        );
    }
    for path in [action, subject] {
        let found = ask(path, &json!([])).json();
        assert_eq!(found["results"], json!([]), "{path}");
        assert_eq!(ask(path, &json!("custom")).status, 400, "{path}");
    }
}

/// The decision log has what was answered, and replays the rest.
#[test]
fn a_permit_that_was_a_denial_is_one_in_the_decision_log() {
    let start = Start::quickstart();
    let log = start.path("decisions.log");
    let mut sidecar = start
        .with(&["--decision-log", &format!("file:{}", log.display())])
        .start();
    let mut item = anna("createOrganisation", &json!({}));
    item["resource"] = json!({"type": "platform", "id": "platform"});
    item["context"] = json!({"supported_obligations": []});
    assert_eq!(evaluate(&sidecar, &item)["decision"], false);
    sidecar.stop();
    let lines = std::fs::read_to_string(log).unwrap();
    let line: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(line["decision"], "Deny");
    assert_eq!(line["codes"], json!(["OBLIGATION_NOT_UNDERSTOOD"]));
    assert_eq!(line["said"]["action"]["name"], "createOrganisation");
}
