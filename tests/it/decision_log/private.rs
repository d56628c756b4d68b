//! The log holds nothing that identifies a person.

use serde_json::{Value, json};

use super::{all_questions, ask_all, ended, keyed, of_suites, setting, to_file};
use crate::sidecar::{Start, project};

const CREATE: &str = "createSubAccount";

fn free(email: &str) -> Value {
    json!({
        "principal": "Peppol::User::\"anna\"",
        "action": {"type": "Peppol::Action", "id": CREATE},
        "resource": "Peppol::LegalEntity::\"sales\"",
        "context": {"email": email},
    })
}

/// Addresses are in contexts, attributes and slices; none is in the log.
#[test]
fn no_address_is_in_the_log_of_all_that_the_suites_ask() {
    let mut sidecar = of_suites().with(&["--log-slice"]).start();
    let decided = ask_all(&sidecar, &all_questions());
    sidecar.stop();
    let text = std::fs::read_to_string(sidecar.path("d.log")).unwrap();
    assert_eq!(text.lines().count(), decided.len());
    assert!(!text.contains('@'), "an address is in the log");
    let hashed = text
        .lines()
        .filter(|line| line.contains("hmac-sha256:"))
        .count();
    assert!(hashed > 1000, "{hashed}");
    let documents = std::fs::read_to_string(project("tests/policies/tenancy.ndjson")).unwrap();
    assert!(documents.matches('@').count() > 20);
}

#[test]
fn no_address_is_in_the_log_of_what_is_no_question() {
    let sidecar = to_file(Start::quickstart()).start();
    for (kind, id, action) in [
        ("EmailAddress", "carol@acme.example", "fly"),
        ("carol@acme.example", "carol@acme.example", "fly"),
        ("Nobody", "carol@acme.example", "carol@acme.example"),
        ("email_address", "Carol@acme.example", "getOrganisation"),
    ] {
        let body = json!({
            "subject": {"type": kind, "id": id, "properties": {"email": id}},
            "action": {"name": action, "properties": {"email": id}},
            "resource": {"type": "Organisation", "id": "acme", "properties": {"email": id}},
            "context": {"email": id},
        });
        let reply = sidecar.post("/access/v1/evaluation", &body);
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    let lines = ended(sidecar);
    assert_eq!(lines.len(), 4);
    for line in &lines {
        assert!(!line.to_string().contains('@'), "{line}");
        assert!(!line.to_string().contains("acme.example"), "{line}");
        assert_eq!(
            line["said"]["resource"],
            json!({"type": "Organisation", "id": "acme"})
        );
    }
    // In any spelling it is the same.
    let id = |line: &Value| line["said"]["subject"]["id"].as_str().unwrap().to_owned();
    assert_eq!(id(&lines[0]), id(&lines[3]));
    assert_eq!(lines[2]["said"]["subject"]["type"], "Nobody");
}

/// The schema has the ids of an enumeration; a caller may name any other.
#[test]
fn an_id_that_is_in_no_enumeration_is_hashed() {
    let sidecar = to_file(Start::quickstart()).start();
    for id in ["ann@acme.example", "DEMO"] {
        let body = json!({
            "subject": {"type": "User", "id": "anna"},
            "action": {"name": "fly"},
            "resource": {"type": "Peppol::Mode", "id": id},
        });
        let reply = sidecar.post("/access/v1/evaluation", &body);
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    let lines = ended(sidecar);
    let id = |line: &Value| line["said"]["resource"]["id"].as_str().unwrap().to_owned();
    assert!(
        !lines[0].to_string().contains("acme.example"),
        "{}",
        lines[0]
    );
    assert!(id(&lines[0]).starts_with("hmac-sha256:"));
    assert_eq!(id(&lines[1]), "DEMO");
}

/// So that lines can be compared, and nobody can try addresses without the key.
#[test]
fn the_same_key_makes_the_same_hash_and_another_start_another() {
    let hashes = |start: Start| {
        let sidecar = start.start();
        for email in ["new@x.example", "NEW@x.example", "other@x.example"] {
            sidecar.ask(&free(email));
        }
        let lines = ended(sidecar);
        let email = |line: &Value| {
            let email = &line["question"]["context"]["email"]["__entity"];
            assert_eq!(email["type"], "Peppol::EmailAddress");
            email["id"].as_str().unwrap().to_owned()
        };
        let hashes: Vec<String> = lines.iter().map(email).collect();
        assert!(
            hashes
                .iter()
                .all(|hash| hash.starts_with("hmac-sha256:") && hash.len() == 76)
        );
        (hashes, lines[0]["key"].clone())
    };
    let (one, key) = hashes(keyed(of_suites()));
    assert_eq!(one[0], one[1]);
    assert_ne!(one[0], one[2]);
    assert_eq!((one.clone(), key.clone()), hashes(keyed(of_suites())));
    let (other, other_key) = hashes(of_suites());
    assert_ne!(one[0], other[0]);
    assert_ne!(key, other_key);
}

#[test]
fn plain_is_plain_where_it_is_asked_for() {
    let sidecar = setting(of_suites(), "PERSONAL", "plain").start();
    sidecar.ask(&free("New@x.example"));
    let lines = ended(sidecar);
    let email = &lines[0]["question"]["context"]["email"]["__entity"]["id"];
    assert_eq!(email, "new@x.example");
    assert!(lines[0].get("key").is_none());
}

#[test]
fn a_key_that_is_none_is_said_at_the_start() {
    for key in [None, Some([7; 31])] {
        let start = of_suites();
        let path = start.path("key");
        if let Some(key) = key {
            std::fs::write(&path, key).unwrap();
        }
        let (code, text) = setting(start, "KEY_FILE", path.to_str().unwrap()).fails();
        assert_eq!(code, 1, "{text}");
        assert!(text.contains("`decision_log.key_file`"), "{text}");
    }
}
