//! `authorize`: one question, answered for a person or a program.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use super::{Author, Ended, FIXTURE, assert_says, tester};
use crate::author::{POLICIES, SCHEMA};
use crate::sidecar::{Start, program, project};

fn asked(author: &Author, principal: &str, action: &str, resource: &str, more: &[&str]) -> Ended {
    let tenancy = format!("entities:{FIXTURE}");
    let question = [
        "--principal",
        principal,
        "--action",
        action,
        "--resource",
        resource,
    ];
    author.run(&[&["authorize", "--tenancy", &tenancy][..], &question, more].concat())
}

const ANN: &str = "User::\"ann\"";
const RED: &str = "Desk::\"red\"";

#[test]
fn an_answer_that_a_person_reads() {
    let author = tester();
    let ended = asked(&author, ANN, "open", RED, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("Allow\n"), "{ended:?}");
    assert_says(
        &ended,
        &[
            "desk/owner-opens",
            "DSK-1",
            "LOCK_AGAIN",
            "policyRevision ",
            "tenancyRevision ",
        ],
    );
    let ended = asked(&author, ANN, "open", "Desk::\"blue\"", &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stdout.starts_with("Deny\n"), "{ended:?}");
    assert_says(
        &ended,
        &[
            "BARRED",
            "DSK-3",
            "desk/not-barred",
            "the user is barred from this desk",
        ],
    );
    assert!(
        !ended.stdout.contains("LOCK_AGAIN") && !ended.stdout.contains("owner-opens"),
        "{ended:?}"
    );
    let ended = asked(&author, "User::\"nobody\"", "open", RED, &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_says(&ended, &["UNKNOWN_PRINCIPAL", "GEN-1"]);
}

#[test]
fn an_answer_that_a_program_reads_is_that_of_the_sidecar() {
    let author = tester();
    let path = |name: &str| author.path(name).display().to_string();
    let tenancy = format!("entities:{}", path(FIXTURE));
    let flags = [
        "--tenancy",
        &tenancy,
        "--policies",
        &path("policies"),
        "--schema",
        &path(SCHEMA),
    ];
    let sidecar = Start::new().with(&flags).start();
    for (principal, code) in [(ANN, 0), ("User::\"eve\"", 2), ("User::\"bob\"", 2)] {
        let ended = asked(&author, principal, "open", RED, &["--json"]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        let mut said: Value = serde_json::from_str(&ended.stdout).unwrap();
        let question =
            json!({"principal": principal, "action": "Action::\"open\"", "resource": RED});
        let mut answer = sidecar.ask(&question);
        assert_ne!(said["decisionId"], answer["decisionId"]);
        said["decisionId"] = Value::Null;
        answer["decisionId"] = Value::Null;
        assert_eq!(said, answer);
    }
}

#[test]
fn a_question_is_named_by_flags_a_file_or_standard_input() {
    let author = tester();
    let question =
        json!({"principal": ANN, "action": {"type": "Action", "id": "open"}, "resource": RED});
    author.write("question.json", &question.to_string());
    let tenancy = format!("entities:{FIXTURE}");
    let ended = author.run(&["authorize", "--tenancy", &tenancy, "question.json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mut child = program()
        .current_dir(author.path("."))
        .args(["authorize", "--tenancy", &tenancy, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(question.to_string().as_bytes()).unwrap();
    drop(input);
    let piped = Ended::from(child.wait_with_output().unwrap());
    assert_eq!((piped.code, piped.stdout), (ended.code, ended.stdout));
    // An action by its bare id or as a literal.
    for action in ["open", "Action::\"open\""] {
        let ended = asked(
            &author,
            ANN,
            action,
            RED,
            &["--context", "{\"force\": true}"],
        );
        assert_eq!(ended.code, Some(0), "{action}: {ended:?}");
    }
    // Not both.
    let ended = author.run(&["authorize", "--principal", ANN, "question.json"]);
    assert_eq!(ended.code, Some(64), "{ended:?}");
}

#[test]
fn a_question_that_is_none_is_an_error_and_not_a_denial() {
    let author = tester();
    for (principal, action, resource, context, member) in [
        ("ann", "open", RED, "{}", "principal"),
        ("Person::\"ann\"", "open", RED, "{}", "principal"),
        (RED, "open", RED, "{}", "principal"),
        (ANN, "burn", RED, "{}", "action"),
        (ANN, "Action::\"burn\"", RED, "{}", "action"),
        (ANN, "open", ANN, "{}", "resource"),
        (ANN, "open", RED, "{\"force\": 1}", "context.force"),
        (ANN, "open", RED, "{\"more\": 1}", "context.more"),
        (ANN, "open", RED, "[]", "context"),
    ] {
        let ended = asked(
            &author,
            principal,
            action,
            resource,
            &["--context", context],
        );
        assert_eq!(ended.code, Some(1), "{member}: {ended:?}");
        assert!(
            ended.stderr.contains(&format!("`{member}`")),
            "{member}: {ended:?}"
        );
        assert_eq!(ended.stdout, "", "{member}");
    }
    let ended = asked(&author, ANN, "open", RED, &["--context", "{"]);
    assert_eq!(ended.code, Some(64), "{ended:?}");
    assert!(ended.stderr.contains("--context"), "{ended:?}");
    for (name, text) in [
        ("broken.json", "{\"principal\": "),
        ("twice.json", "{\"a\": 1, \"a\": 1}"),
    ] {
        author.write(name, text);
        let ended = author.run(&["authorize", name]);
        assert_eq!(ended.code, Some(64), "{ended:?}");
        assert!(ended.stderr.contains(name), "{ended:?}");
    }
    let ended = author.run(&["authorize", "missing.json"]);
    assert_eq!(ended.code, Some(64), "{ended:?}");
    assert!(ended.stderr.contains("missing.json"), "{ended:?}");
}

#[test]
fn a_store_that_cannot_be_used_is_an_error_and_not_a_denial() {
    let author = tester();
    let question = ["--principal", ANN, "--action", "open", "--resource", RED];
    author.write(
        "notes.txt",
        &"no database, and long enough to be looked at as one ".repeat(20),
    );
    author.write(
        "other.json",
        "[{\"uid\": {\"type\": \"User\", \"id\": \"ann\"}, \"attrs\": {}, \"parents\": []}]",
    );
    for tenancy in [
        "entities:missing.json",
        "entities:other.json",
        "sqlite:notes.txt",
        "sqlite:missing/x.db",
    ] {
        let ended = author.run(&[&["authorize", "--tenancy", tenancy][..], &question].concat());
        assert_eq!(ended.code, Some(1), "{tenancy}: {ended:?}");
        assert_eq!(ended.stdout, "", "{tenancy}");
    }
    // A policy that fails is a denial that says so.
    author.edit(
        POLICIES,
        "unless { principal.active }",
        "unless { principal.active && 9223372036854775807 + 1 > 0 }",
    );
    let ended = asked(&author, ANN, "open", RED, &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_says(
        &ended,
        &["EVALUATION_ERROR", "GEN-2", "desk/not-inactive", "overflow"],
    );
}

#[test]
fn the_database_of_the_working_directory_is_asked() {
    let author = Author::empty();
    let documents = project("examples/quickstart/tenancy.ndjson")
        .display()
        .to_string();
    assert_eq!(author.run(&["import", &documents]).code, Some(0));
    let asked = |principal: &str| {
        let resource = "Peppol::Organisation::\"acme\"";
        author.run(&[
            "authorize",
            "--principal",
            principal,
            "--action",
            "getOrganisation",
            "--resource",
            resource,
        ])
    };
    let ended = asked("Peppol::User::\"anna\"");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = asked("Peppol::User::\"mia\"");
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_says(&ended, &["NOT_PERMITTED"]);
}
