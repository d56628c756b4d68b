//! The last use of rights, from decision logs.

use std::path::Path;

use serde_json::{Value, json};

use super::{Done, review_of, rights};
use crate::decision_log::lines;
use crate::sidecar::{Sidecar, Start, program};

/// A sidecar over the quickstart, with a log.
fn logging(start: Start) -> Sidecar {
    let log = format!("file:{}", start.path("d.log").display());
    start.with(&["--decision-log", &log]).start()
}

fn question(principal: &str, action: &str, context: &Value) -> Value {
    json!({
        "principal": {"type": "Peppol::User", "id": principal},
        "action": {"type": "Peppol::Action", "id": action},
        "resource": {"type": "Peppol::Organisation", "id": "acme"},
        "context": context,
    })
}

fn review(sidecar: &Sidecar, arguments: &[&str]) -> Done {
    let tenancy = format!("sqlite:{}", sidecar.path("tenancy.db").display());
    review_of(&tenancy, &[&["--organisation", "acme"], arguments].concat())
}

fn reviewed(sidecar: &Sidecar, logs: &[&Path]) -> (Value, String) {
    let mut arguments = vec!["--format", "json", "--decision-log"];
    arguments.extend(logs.iter().map(|path| path.to_str().unwrap()));
    let done = review(sidecar, &arguments);
    assert_eq!(done.code, Some(0), "{done:?}");
    (serde_json::from_str(&done.stdout).unwrap(), done.stderr)
}

/// The last use of Anna's right to an action.
fn used(review: &Value, action: &str) -> Value {
    let action = format!("Peppol::Action::\"{action}\"");
    let mut rights = review["rights"].as_array().unwrap().iter();
    let right =
        rights.find(|it| it["action"] == action && it["principal"] == "Peppol::User::\"anna\"");
    let right = right.unwrap_or_else(|| panic!("{action}: {review}"));
    right.get("lastUsed").unwrap().clone()
}

#[test]
fn each_right_says_when_it_was_last_used() {
    let mut sidecar = logging(Start::quickstart());
    let get = question("anna", "getOrganisation", &json!({}));
    let first = sidecar.ask(&get);
    let last = sidecar.ask(&get);
    // A member of the context that is open: it is the same right.
    let put = question(
        "anna",
        "putUser",
        &json!({"user": {"type": "Peppol::User", "id": "anna"}}),
    );
    sidecar.ask(&put);
    // Refused: no use. Of somebody who has no right: none of these.
    sidecar.ask(&question("mia", "getOrganisation", &json!({})));
    sidecar.stop();
    let log = sidecar.path("d.log");
    let (whole, said) = reviewed(&sidecar, &[&log]);
    let found = used(&whole, "getOrganisation");
    assert_eq!(found["decisionId"], last["decisionId"]);
    assert_ne!(found["decisionId"], first["decisionId"]);
    let line = lines(&log);
    let time = line[1]["time"].as_str().unwrap();
    assert_eq!(found["time"].as_str().unwrap().get(..19), time.get(..19));
    assert_eq!(used(&whole, "updateOrganisation"), Value::Null);
    let logs = &whole["decisionLogs"];
    assert_eq!((&logs["lines"], &logs["unread"]), (&json!(4), &json!(0)));
    assert!(said.contains("of 4 decisions"), "{said}");

    let table = review(&sidecar, &["--decision-log", log.to_str().unwrap()]);
    let line = |action: &str| {
        let mut lines = table.stdout.lines();
        let found = lines.find(|line| line.contains(action) && line.starts_with("right,"));
        found.unwrap().trim().to_owned()
    };
    let id = last["decisionId"].as_str().unwrap();
    let used = format!("Z,{id}");
    assert!(line("getOrganisation").ends_with(&used), "{table:?}");
    assert!(line("updateOrganisation").ends_with(",never,"), "{table:?}");
    let page = review(
        &sidecar,
        &["--format", "html", "--decision-log", log.to_str().unwrap()],
    );
    assert!(page.stdout.contains("<th scope=\"col\">Last used</th>"));
    assert!(page.stdout.contains("<code>never</code>"), "{page:?}");
    let used = format!("Z</code><code>{id}</code></td>");
    assert!(page.stdout.contains(&used), "{page:?}");
}

#[test]
fn a_use_is_no_part_of_a_right() {
    let mut sidecar = logging(Start::quickstart());
    sidecar.ask(&question("anna", "getOrganisation", &json!({})));
    sidecar.stop();
    let (log, before) = (sidecar.path("d.log"), sidecar.path("before.json"));
    let (with, _) = reviewed(&sidecar, &[&log]);
    std::fs::write(
        &before,
        review(
            &sidecar,
            &["--format", "json", "--decision-log", log.to_str().unwrap()],
        )
        .stdout,
    )
    .unwrap();
    let since = ["--format", "json", "--since", before.to_str().unwrap()];
    let done = review(&sidecar, &since);
    assert_eq!(done.code, Some(0), "{done:?}");
    let without: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(with["digest"], without["digest"]);
    assert_eq!(rights(&with, "rights"), rights(&without, "rights"));
    assert_eq!(
        (&without["wider"], &without["narrower"]),
        (&json!([]), &json!([]))
    );
}

#[test]
fn what_cannot_be_read_is_counted_and_said() {
    let mut sidecar = logging(Start::quickstart());
    sidecar.ask(&question("anna", "getOrganisation", &json!({})));
    sidecar.stop();
    let log = sidecar.path("d.log");
    let line = std::fs::read_to_string(&log).unwrap();
    let console = line.replace("\"surface\":\"native\"", "\"surface\":\"console\"");
    assert_ne!(line, console);
    let (torn, _) = line.split_at(line.len() / 2);
    let other = sidecar.path("other.log");
    std::fs::write(&other, format!("{torn}\n{{}}\n\n{console}")).unwrap();
    let (tried, said) = reviewed(&sidecar, &[&other]);
    // A question that is tried in the console uses no right.
    assert_eq!(used(&tried, "getOrganisation"), Value::Null);
    let logs = &tried["decisionLogs"];
    assert_eq!((&logs["lines"], &logs["unread"]), (&json!(3), &json!(2)));
    assert!(said.contains("other.log:1: "), "{said}");
    assert!(said.contains("2 lines of the log cannot be read"), "{said}");
    let (both, _) = reviewed(&sidecar, &[&other, &log]);
    assert!(used(&both, "getOrganisation").is_object(), "{both}");
    let gone = sidecar.path("gone.log");
    let done = review(&sidecar, &["--decision-log", gone.to_str().unwrap()]);
    assert_eq!((done.code, &*done.stdout), (Some(1), ""), "{done:?}");
    assert!(done.stderr.contains("gone.log"), "{done:?}");
}

#[test]
fn a_hash_in_a_log_is_an_id_by_its_key_alone() {
    let schema = "@personal entity Person; entity Desk;
        action sit appliesTo { principal: Person, resource: Desk };";
    let policies =
        "@id(\"all\") permit (principal, action, resource) when { principal == principal };";
    let entity =
        |of: &str, id: &str| json!({"uid": {"type": of, "id": id}, "attrs": {}, "parents": []});
    let entities = json!([
        entity("Person", "ann"),
        entity("Person", "eve"),
        entity("Desk", "red")
    ]);
    let start = Start::new().policies(schema, policies).entities(&entities);
    let (key, other) = (start.path("key"), start.path("other"));
    std::fs::write(&key, [7; 32]).unwrap();
    std::fs::write(&other, [8; 32]).unwrap();
    let key = key.display().to_string();
    let start = start.variable("PEPPOL_AUTHZ_DECISION_LOG__KEY_FILE", &key);
    let mut sidecar = logging(start);
    sidecar.ask(&json!({
        "principal": "Person::\"ann\"",
        "action": "Action::\"sit\"",
        "resource": "Desk::\"red\"",
    }));
    sidecar.stop();
    let log = sidecar.path("d.log");
    assert!(!std::fs::read_to_string(&log).unwrap().contains("ann"));
    let uses = |arguments: &[&str]| {
        let path = |name: &str| sidecar.path(name).display().to_string();
        let tenancy = format!("entities:{}", path("entities.json"));
        let output = program()
            .args(["review", "--format", "json", "--tenancy", &tenancy])
            .args([
                "--schema",
                &path("test.cedarschema"),
                "--policies",
                &path("policies"),
            ])
            .args(["--decision-log", &path("d.log")])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let review: Value = serde_json::from_slice(&output.stdout).unwrap();
        let rights = review["rights"].as_array().unwrap().iter();
        let used = rights.filter(|it| it["lastUsed"].is_object());
        let used: Vec<String> = used
            .map(|it| it["principal"].as_str().unwrap().to_owned())
            .collect();
        (used, review["decisionLogs"]["hidden"].as_u64().unwrap())
    };
    assert_eq!(
        uses(&["--key-file", &key]),
        (vec!["Person::\"ann\"".to_owned()], 0)
    );
    assert_eq!(uses(&[]), (Vec::new(), 1));
    let other = other.display().to_string();
    assert_eq!(uses(&["--key-file", &other]), (Vec::new(), 1));
}
