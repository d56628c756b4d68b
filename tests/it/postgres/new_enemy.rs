//! Old rights give no access to new things: a user who has lost a right before something
//! was shared does not get it, whichever sidecar is asked.

use serde_json::{Value, json};

use super::scene::quickstart;
use super::server::{Database, SHARED};
use super::session::PsqlSession;
use crate::connection::{Connection, question};
use crate::over::Over;
use crate::sidecar::{Sidecar, Start};

const ROUNDS: usize = 300;
const SIDECARS: usize = 3;

/// Takes the right away, and gives it back.
struct Right {
    revoke: &'static str,
    grant: &'static str,
}

/// All who may see it by membership lose it by that.
const MEMBERSHIP: Right = Right {
    revoke: "DELETE FROM membership WHERE user_id = 'anna' AND organisation_id = 'acme'",
    grant: "INSERT INTO membership (user_id, organisation_id, member_role) VALUES ('anna', 'acme', 'orgadmin')",
};

/// Asks all of them, one after the other, on connections that stay open.
fn decisions(connections: &mut [Connection], asked: &Value) -> Vec<String> {
    for connection in connections.iter_mut() {
        connection.write(question(&asked.to_string()));
    }
    let read = |connection: &mut Connection| {
        let reply = connection.reply();
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["decision"].as_str().unwrap().to_owned()
    };
    connections.iter_mut().map(read).collect()
}

fn asked(participant: &str, revision: &str) -> Value {
    json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"getParticipant\"",
        "resource": {"type": "Peppol::Participant", "id": participant},
        "atLeast": revision,
    })
}

/// Somebody else writes all the time, in transactions that overlap with others, so
/// that states are not simply numbered.
fn disturb(database: &Database, over: &Over) {
    let mut session = PsqlSession::on(database);
    session.run("INSERT INTO registered_user VALUES ('other', true, false)");
    session.run("INSERT INTO account (email, user_id) VALUES ('other@example.com', 'other')");
    while !over.is() {
        session.run(
            "BEGIN; UPDATE registered_user SET superadmin = NOT superadmin WHERE id = 'other';
             SELECT pg_sleep(0.02); COMMIT",
        );
    }
}

fn rounds(database: &Database, connections: &mut [Connection]) {
    let [mut revoker, mut sharer] = [PsqlSession::on(database), PsqlSession::on(database)];
    for round in 0..ROUNDS {
        let participant = format!("iso6523-actorid-upis::0007:new{round}");
        revoker.run(&format!("BEGIN; {}; COMMIT", MEMBERSHIP.revoke));
        let shared = sharer.run(&format!(
            "BEGIN;
             INSERT INTO participant (id, organisation_id, environment) VALUES ('{participant}', 'acme', 'TEST');
             SELECT tenancy_revision();
             COMMIT"
        ));
        let denied = decisions(connections, &asked(&participant, &shared));
        assert_eq!(denied, ["Deny"; SIDECARS], "round {round}, {shared}");
        let granted = revoker.run(&format!(
            "BEGIN; {}; SELECT tenancy_revision(); COMMIT",
            MEMBERSHIP.grant
        ));
        let allowed = decisions(connections, &asked(&participant, &granted));
        assert_eq!(allowed, ["Allow"; SIDECARS], "round {round}, {granted}");
    }
}

#[test]
fn who_lost_a_right_sees_nothing_that_was_shared_after() {
    let database = quickstart(&SHARED);
    let sidecars: Vec<Sidecar> = (0..SIDECARS)
        .map(|_| {
            let start = Start::new().variable("PEPPOL_AUTHZ_FRESHNESS__WAIT", "30s");
            start.with(&["--tenancy", &database.url()]).start()
        })
        .collect();
    let mut connections: Vec<_> = sidecars.iter().map(Connection::open).collect();
    let over = Over::default();
    std::thread::scope(|scope| {
        scope.spawn(|| disturb(&database, &over));
        let _until = over.until();
        rounds(&database, &mut connections);
    });
}
