//! Under an identifier that is registered nobody creates a participant: natively and by AuthZEN, over
//! both databases, and as soon as it is registered, moved or free again.

use std::fmt::Write as _;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::postgres::server::SHARED;
use crate::sidecar::{Sidecar, Start};

const IDENTIFIER: &str = "iso6523-actorid-upis::0088:5790000435968";

/// Every spelling of one identifier.
const SPELLINGS: [&str; 4] = [
    IDENTIFIER,
    "0088:5790000435968",
    "GLN:5790000435968",
    "iso6523-actorid-upis::gln:5790000435968",
];

/// Writes by another program, and how the sidecar has to answer from then on.
const WRITES: [(&str, bool); 7] = [
    (
        "INSERT INTO participant VALUES ('{id}', 'acme', 'TEST')",
        true,
    ),
    (
        "UPDATE participant SET environment = 'PRODUCTION' WHERE id = '{id}'",
        true,
    ),
    (
        "UPDATE participant SET organisation_id = 'globex' WHERE id = '{id}'",
        true,
    ),
    (
        "UPDATE participant SET id = 'iso6523-actorid-upis::0088:other' WHERE id = '{id}'",
        false,
    ),
    (
        "UPDATE participant SET id = '{id}' WHERE id = 'iso6523-actorid-upis::0088:other'",
        true,
    ),
    ("DELETE FROM participant WHERE id = '{id}'", false),
    (
        "INSERT INTO participant VALUES ('{id}', 'globex', 'PRODUCTION')",
        true,
    ),
];

/// The codes of the denial, by both surfaces, which have to say the same; none for an Allow.
fn codes(
    sidecar: &Sidecar,
    user: &str,
    at: (&str, &str),
    participant: &str,
    state: &Value,
) -> String {
    let (organisation, environment) = at;
    let context = json!({"environment": environment, "participant": participant});
    let mut native = json!({
        "principal": format!("Peppol::User::\"{user}\""),
        "action": "Peppol::Action::\"createParticipant\"",
        "resource": format!("Peppol::Organisation::\"{organisation}\""),
        "context": context,
    });
    native
        .as_object_mut()
        .unwrap()
        .extend(state.as_object().unwrap().clone());
    let answer = sidecar.ask(&native);
    let mut found = String::new();
    for reason in answer["reasons"].as_array().unwrap() {
        write!(found, "{} ", reason["code"].as_str().unwrap_or_default()).unwrap();
    }
    let evaluation = json!({
        "subject": {"type": "user", "id": user},
        "action": {"name": "create_participant"},
        "resource": {"type": "organisation", "id": organisation},
        "context": context,
    });
    let reply = sidecar.post("/access/v1/evaluation", &evaluation);
    assert_eq!(reply.status, 200, "{}", reply.text);
    let answer = reply.json();
    let authzen: Vec<&str> = answer["context"]["codes"]
        .as_array()
        .map_or_else(Vec::new, |codes| {
            codes.iter().filter_map(Value::as_str).collect()
        });
    let found: Vec<&str> = found.split_whitespace().collect();
    assert_eq!(authzen, found, "{answer}");
    assert_eq!(answer["decision"], found.is_empty());
    found.join(" ")
}

fn assert_follows(sidecar: &Sidecar, mut write: impl FnMut(&str) -> Value) {
    let shared = ("globex", "PRODUCTION");
    let any = json!({});
    assert_eq!(codes(sidecar, "mia", shared, IDENTIFIER, &any), "");
    for (sql, taken) in WRITES {
        let state = write(&sql.replace("{id}", IDENTIFIER));
        // AuthZEN has no word for the state: after the native question it is known.
        for spelling in SPELLINGS {
            for environment in ["TEST", "PRODUCTION"] {
                let found = codes(sidecar, "mia", ("globex", environment), spelling, &state);
                assert_eq!(
                    found,
                    if taken { "PARTICIPANT_TAKEN" } else { "" },
                    "{sql}: {spelling}"
                );
            }
        }
        let demo = codes(sidecar, "anna", ("acme", "PRODUCTION"), IDENTIFIER, &state);
        let also = if taken { " PARTICIPANT_TAKEN" } else { "" };
        assert_eq!(demo, format!("DEMO_NO_PRODUCTION{also}"), "{sql}");
        // Of another scheme it is another.
        let other = IDENTIFIER.replace("0088:", "0007:");
        assert_eq!(codes(sidecar, "mia", shared, &other, &state), "", "{sql}");
    }
}

#[test]
fn in_sqlite() {
    let sidecar = Start::quickstart().start();
    let database = Connection::open(sidecar.path("tenancy.db")).unwrap();
    // Every question sees what was committed before it.
    assert_follows(&sidecar, |sql| {
        database.execute_batch(sql).unwrap();
        json!({})
    });
}

#[test]
fn in_postgres() {
    let database = SHARED.database();
    let sidecar = Start::quickstart()
        .with(&["--tenancy", &database.url()])
        .start();
    assert_follows(&sidecar, |sql| {
        let written = database.sql(&format!("BEGIN; {sql}; SELECT tenancy_revision(); COMMIT"));
        json!({"atLeast": written})
    });
}

/// It says so without it: a question that names none is none.
#[test]
fn the_identifier_is_obligatory() {
    let sidecar = Start::quickstart().start();
    let question = json!({
        "principal": "Peppol::User::\"mia\"",
        "action": "Peppol::Action::\"createParticipant\"",
        "resource": "Peppol::Organisation::\"globex\"",
        "context": {"environment": "TEST"},
    });
    let reply = sidecar.post("/v1/is_authorized", &question);
    assert_eq!(
        (reply.status, &reply.json()["code"]),
        (400, &json!("MALFORMED_QUESTION"))
    );
    assert!(reply.text.contains("context.participant"), "{}", reply.text);
}

/// A participant and its identifier are spelled by the same rules, or one would be free under a name
/// of the other.
#[test]
fn identifiers_are_compared_as_participants_are() {
    let schema = crate::store::shipped();
    let spelled = |kind: &str| {
        let name = format!("Peppol::{kind}").parse().unwrap();
        schema.entity_type(&name).unwrap().identifier.clone()
    };
    assert!(spelled("Participant") == spelled("ParticipantIdentifier"));
}
