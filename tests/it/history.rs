//! The database is restored, replaced or redefined under a running sidecar: no answer is from
//! before, and no revision of another history is taken for one of this.

mod altered;
mod catalog;
mod freshness;
mod noted;
mod others;
mod postgres;
mod reloaded;
mod sqlite;
mod unrecorded;
mod views;

use serde_json::{Value, json};

use crate::sidecar::Sidecar;

/// Anna asks for globex, whose members she is none of, until she is made one.
fn asked() -> Value {
    json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": "Peppol::Organisation::\"globex\"",
    })
}

fn with(member: &str, value: &str) -> Value {
    let mut asked = asked();
    asked[member] = json!(value);
    asked
}

const GRANT: &str = "INSERT INTO membership VALUES ('anna', 'globex', 'orgadmin')";

/// A write that changes nothing for Anna, with two records as the grant has.
const OTHER: &str = "UPDATE organisation
      SET participant_limit = coalesce(participant_limit, 10) + 1 WHERE id = 'globex';
    UPDATE organisation
      SET participant_limit = coalesce(participant_limit, 10) + 1 WHERE id = 'globex'";

fn decision(sidecar: &Sidecar, question: &Value) -> String {
    sidecar.ask(question)["decision"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn revision(sidecar: &Sidecar) -> String {
    let answer = sidecar.ask(&asked());
    answer["tenancyRevision"].as_str().unwrap().to_owned()
}

/// A question with the revision of another history is refused by name.
fn assert_of_another_history(sidecar: &Sidecar, revision: &str) {
    let reply = sidecar.post("/v1/is_authorized", &with("atLeast", revision));
    assert_eq!(reply.status, 409, "{revision}: {}", reply.text);
    assert_eq!(reply.json()["code"], "REVISION_OF_ANOTHER_HISTORY");
}
