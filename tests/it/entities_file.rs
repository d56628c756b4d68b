//! Another application without a rebuild: its schema, its policies and a file of
//! entities, over HTTP and on the command line; and entities that the caller
//! describes.

mod bounded;
mod described;
mod dropped_view;
mod mentioned;
mod refused;

use serde_json::{Value, json};

use crate::sidecar::{Sidecar, Start, program, project};

const ENTITIES: &str = "tests/it/fixtures/photos/entities.json";
const SCHEMA: &str = "tests/it/fixtures/photos/photos.cedarschema";
const POLICIES: &str = "tests/it/fixtures/photos/policies";

fn path(file: &str) -> String {
    project(file).display().to_string()
}

/// The flags that make any command one of this application.
fn flags() -> Vec<String> {
    let tenancy = format!("entities:{}", path(ENTITIES));
    let flags = [
        ("--tenancy", tenancy),
        ("--policies", path(POLICIES)),
        ("--schema", path(SCHEMA)),
    ];
    flags
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect()
}

fn photos() -> Sidecar {
    let flags = flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    Start::new().with(&flags).start()
}

fn uid(kind: &str, id: &str) -> Value {
    json!({"type": format!("Photos::{kind}"), "id": id})
}

fn question(user: &str, action: &str, resource: Value) -> Value {
    json!({
        "principal": uid("User", user),
        "action": uid("Action", action),
        "resource": resource,
    })
}

/// `Allow`, or the codes of a denial.
fn verdict(answer: &Value) -> String {
    let codes = answer["reasons"].as_array().into_iter().flatten();
    let codes: Vec<_> = codes.filter_map(|reason| reason["code"].as_str()).collect();
    match answer["decision"].as_str() {
        Some("Allow") if codes.is_empty() => "Allow".to_owned(),
        Some("Deny") if !codes.is_empty() => codes.join(" "),
        _ => panic!("{answer}"),
    }
}

/// The same by `authorize`, with its exit code.
fn authorize(question: &Value) -> (Option<i32>, Value) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("question.json");
    std::fs::write(&file, question.to_string()).unwrap();
    let output = program()
        .current_dir(directory.path())
        .args(["authorize", "--json"])
        .args(flags())
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let answer = serde_json::from_slice(&output.stdout).unwrap_or(Value::String(said));
    (output.status.code(), answer)
}

#[test]
fn questions_are_answered_over_http_and_on_the_command_line() {
    let sidecar = photos();
    for (user, action, resource, wanted) in [
        ("bob", "view", uid("Photo", "beach"), "Allow"),
        // In a team in a team, of an album in albums.
        ("ann", "view", uid("Photo", "beach"), "Allow"),
        ("ann", "view", uid("Album", "holiday"), "Allow"),
        ("ann", "view", uid("Album", "secret"), "NOT_PERMITTED"),
        ("eve", "view", uid("Photo", "beach"), "NOT_PERMITTED"),
        // Its teams and albums are not in the file.
        ("eve", "view", uid("Photo", "attic"), "Allow"),
        ("eve", "delete", uid("Photo", "attic"), "NOT_VERIFIED"),
        ("bob", "delete", uid("Photo", "beach"), "Allow"),
        ("bob", "delete", uid("Photo", "nothing"), "UNKNOWN_RESOURCE"),
        ("who", "view", uid("Photo", "beach"), "UNKNOWN_PRINCIPAL"),
        ("bob", "delete", uid("Comment", "c"), "UNKNOWN_RESOURCE"),
    ] {
        let question = question(user, action, resource);
        let answer = sidecar.ask(&question);
        assert_eq!(verdict(&answer), wanted, "{question}");
        let (code, said) = authorize(&question);
        let expected = if wanted == "Allow" { Some(0) } else { Some(2) };
        assert_eq!(code, expected, "{question}: {said}");
        for member in [
            "decision",
            "diagnostics",
            "reasons",
            "policyRevision",
            "tenancyRevision",
        ] {
            assert_eq!(said[member], answer[member], "{question}");
        }
    }
}

#[test]
fn an_answer_says_which_policies_decided() {
    let sidecar = photos();
    let answer = sidecar.ask(&question("ann", "view", uid("Album", "holiday")));
    let reason = &answer["diagnostics"]["reason"];
    assert_eq!(
        *reason,
        json!(["photos/guest-views-album", "photos/team-views-album"])
    );
    let answer = sidecar.ask(&question("eve", "delete", uid("Photo", "attic")));
    assert_eq!(
        answer["reasons"],
        json!([{
            "code": "NOT_VERIFIED",
            "rule": null,
            "policy": "photos/no-change-unverified",
            "message": "verify your address first",
        }])
    );
}

#[test]
fn a_group_of_actions_cannot_be_asked() {
    let reply = photos().post(
        "/v1/is_authorized",
        &question("bob", "change", uid("Photo", "beach")),
    );
    assert_eq!(reply.status, 400, "{}", reply.text);
}

/// They are an example of policies that nothing is wrong with.
#[test]
fn the_policies_of_the_photos_are_clean() {
    let output = program()
        .arg("check")
        .args(["--policies", &path(POLICIES), "--schema", &path(SCHEMA)])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[test]
fn a_schema_may_be_in_cedar_s_json_form() {
    let text = std::fs::read_to_string(project(SCHEMA)).unwrap();
    let (fragment, _) = cedar_policy::SchemaFragment::from_cedarschema_str(&text).unwrap();
    let start = Start::new();
    let schema = start.path("photos.json");
    std::fs::write(&schema, fragment.to_json_string().unwrap()).unwrap();
    let mut flags = flags();
    let place = flags.iter().position(|flag| flag == "--schema").unwrap();
    flags[place + 1] = schema.display().to_string();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let sidecar = start.with(&flags).start();
    let plain = photos();
    let album = uid("Album", "holiday");
    let asked = question("bob", "view", album);
    let answers = [&sidecar, &plain].map(|asked_of| {
        let reply = asked_of.post("/v1/is_authorized", &asked);
        (reply.status, reply.json()["decision"].clone())
    });
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], (200, json!("Allow")));
}
