//! A read replica as source: it is behind, and says so.

use serde_json::{Value, json};

use super::imported_on;
use super::server::{Database, Server};
use crate::eventually::until;
use crate::sidecar::{Sidecar, Start};

/// A question that is allowed as long as Anna's e-mail is verified.
fn asked(member: &str, value: &str) -> Value {
    let mut question = json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": "Peppol::Organisation::\"acme\"",
    });
    if !member.is_empty() {
        question[member] = json!(value);
    }
    question
}

fn decision(sidecar: &Sidecar, question: &Value) -> Value {
    sidecar.ask(question)["decision"].clone()
}

fn is_behind(sidecar: &Sidecar, question: &Value) {
    let reply = sidecar.post("/v1/is_authorized", question);
    assert_eq!(reply.status, 503, "{}", reply.text);
    assert_eq!(reply.json()["code"], "STORE_BEHIND", "{question}");
}

/// Writes whether Anna's e-mail is verified, and says the transaction.
fn verify(database: &Database, verified: bool) -> String {
    database.sql(&format!(
        "BEGIN; UPDATE registered_user SET email_verified = {verified} WHERE id = 'anna';
         SELECT tenancy_revision(); COMMIT"
    ))
}

fn over(database: &Database, wait: &str) -> Sidecar {
    Start::new()
        .with(&["--tenancy", &database.url()])
        .variable("PEPPOL_AUTHZ_FRESHNESS__WAIT", wait)
        .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "50ms")
        .variable("PEPPOL_AUTHZ_SERVER__REQUEST_TIMEOUT", "60s")
        .start()
}

/// A server, its replica, and a database on both.
fn both() -> (Server, Server, Database, Database) {
    let primary = Server::start(&["autovacuum=off"]);
    let (on_primary, _) = imported_on(&primary);
    let replica = Server::replica_of(&primary, &[]);
    let on_replica = replica.named(&on_primary.name);
    (primary, replica, on_primary, on_replica)
}

#[test]
fn what_was_written_to_the_primary_is_waited_for() {
    let (_primary, _replica, on_primary, on_replica) = both();
    let (patient, hasty) = (over(&on_replica, "30s"), over(&on_replica, "100ms"));
    let anytime = asked("", "");
    for verified in [false, true, false, true] {
        let written = verify(&on_primary, verified);
        let expected = if verified { "Allow" } else { "Deny" };
        assert_eq!(
            decision(&patient, &asked("atLeast", &written)),
            expected,
            "{written}"
        );
        // And without being asked to, by polling.
        until("followed", || decision(&hasty, &anytime) == expected);
    }

    on_replica.sql("SELECT pg_wal_replay_pause()");
    until("paused", || {
        on_replica.sql("SELECT pg_get_wal_replay_pause_state()") == "paused"
    });
    let written = verify(&on_primary, false);
    is_behind(&hasty, &asked("atLeast", &written));
    assert_eq!(decision(&hasty, &anytime), "Allow", "it has not come yet");
    // It cannot prove that its state is so new: the last replayed write is older than this.
    is_behind(&hasty, &asked("maxAge", "1ms"));
    assert_eq!(decision(&hasty, &asked("maxAge", "1h")), "Allow");
    // One that waits gets its answer as soon as it is replayed.
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| decision(&patient, &asked("atLeast", &written)));
        on_replica.sql("SELECT pg_wal_replay_resume()");
        assert_eq!(waiting.join().unwrap(), "Deny");
    });
    assert_eq!(decision(&patient, &asked("atLeast", &written)), "Deny");
    until("followed", || decision(&hasty, &anytime) == "Deny");
}

/// On a replica nobody knows which transactions were running: one that commits late is
/// not missed.
#[test]
fn what_is_committed_late_is_followed_on_a_replica() {
    let (_primary, _replica, on_primary, on_replica) = both();
    let sidecar = over(&on_replica, "30s");
    let hasty = over(&on_replica, "100ms");
    let first = super::client::SqlConnection::open(&on_primary);
    first.sql("BEGIN; UPDATE registered_user SET email_verified = false WHERE id = 'anna'");
    let one = first.sql("SELECT tenancy_revision()");
    let two = on_primary.sql(
        "BEGIN; UPDATE membership SET member_role = 'ApManager' WHERE user_id = 'anna' AND member_role = 'ApUser';
         SELECT tenancy_revision(); COMMIT",
    );
    let manages = json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"listUsers\"",
        "resource": "Peppol::Organisation::\"acme\"",
    });
    until("the second is followed", || {
        decision(&hasty, &manages) == "Allow"
    });
    assert_eq!(decision(&hasty, &asked("", "")), "Allow");
    is_behind(&hasty, &asked("atLeast", &one));
    first.sql("COMMIT");
    for written in [one, two] {
        assert_eq!(decision(&sidecar, &asked("atLeast", &written)), "Deny");
    }
    until("the first is followed", || {
        decision(&hasty, &asked("", "")) == "Deny"
    });
    assert_eq!(decision(&hasty, &manages), "Deny");
}

#[test]
fn a_replica_that_is_promoted_is_read_on() {
    let (primary, replica, on_primary, on_replica) = both();
    let sidecar = over(&on_replica, "30s");
    assert_eq!(decision(&sidecar, &asked("", "")), "Allow");
    let written = verify(&on_primary, false);
    assert_eq!(decision(&sidecar, &asked("atLeast", &written)), "Deny");
    drop(primary);
    replica.control(&["promote"]);
    let before = written;
    let written = verify(&on_replica, true);
    assert_eq!(decision(&sidecar, &asked("atLeast", &written)), "Allow");
    verify(&on_replica, false);
    until("followed", || decision(&sidecar, &asked("", "")) == "Deny");
    // It is another history: who was promoted may not have had all that was written.
    let reply = sidecar.post("/v1/is_authorized", &asked("atLeast", &before));
    assert_eq!(reply.status, 409, "{}", reply.text);
    // It is the newest itself now.
    assert_eq!(decision(&sidecar, &asked("maxAge", "0s")), "Deny");
    assert_eq!(sidecar.get("/readyz").status, 200);
}
