//! Freshness of answers: by notification, by looking, and on demand.

use std::time::Duration;

use serde_json::{Value, json};

use super::proxy::{Mode, Proxy};
use super::scene::{REVOKE, allowed, quickstart};
use super::server::{Database, SHARED};
use super::session::PsqlSession;
use crate::eventually::until;
use crate::sidecar::{Reply, Sidecar, Start};

/// A sidecar that looks that often by itself, and answers from memory for hours.
fn sidecar(database: &Database, port: u16, poll_interval: &str) -> Sidecar {
    Start::new()
        .with(&["--tenancy", &database.url_of("postgres", port)])
        .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", poll_interval)
        .variable("PEPPOL_AUTHZ_FRESHNESS__MAX_STALE", "1h")
        .variable("PEPPOL_AUTHZ_FRESHNESS__WAIT", "10s")
        .start()
}

fn listens(database: &Database) -> bool {
    let sql = "SELECT count(*) FROM pg_stat_activity \
               WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    database.sql(sql) == "1"
}

fn with(member: &str, value: &str) -> Value {
    let mut question = allowed();
    question[member] = value.into();
    question
}

fn asked(sidecar: &Sidecar, question: &Value) -> Reply {
    sidecar.post("/v1/is_authorized", question)
}

#[test]
fn what_was_written_is_seen_by_notification() {
    let database = quickstart(&SHARED);
    let sidecar = sidecar(&database, SHARED.port, "1h");
    assert_eq!(sidecar.ask(&allowed())["decision"], "Allow");
    until("it listens", || listens(&database));
    database.sql(REVOKE);
    until("it is seen", || {
        sidecar.ask(&allowed())["decision"] == "Deny"
    });
}

/// The network forgets a connection on which nothing is said for long, and tells
/// nobody; what is looked for is found all the same.
#[test]
fn what_was_written_is_seen_by_looking_where_nobody_notifies() {
    let database = quickstart(&SHARED);
    let sidecar = sidecar(&database, SHARED.port, "50ms");
    assert_eq!(sidecar.ask(&allowed())["decision"], "Allow");
    // A notification comes with the records; without them, it is a write like any.
    database.sql(&format!(
        "CREATE OR REPLACE FUNCTION tenancy_record(entity_types text[], entity_ids text[]) RETURNS void
         LANGUAGE sql AS $$
           INSERT INTO tenancy_change (entity_type, entity_id) SELECT * FROM unnest(entity_types, entity_ids)
         $$;
         {REVOKE}"
    ));
    until("it is seen", || {
        sidecar.ask(&allowed())["decision"] == "Deny"
    });
}

#[test]
fn an_age_that_is_demanded_makes_it_look() {
    let database = quickstart(&SHARED);
    let proxy = Proxy::to(SHARED.port);
    let sidecar = sidecar(&database, proxy.port, "1h");
    assert_eq!(sidecar.ask(&allowed())["decision"], "Allow");
    // Notifications come late, and so do answers; but they come.
    proxy.set(Mode::Delay(Duration::from_millis(300)));
    database.sql(REVOKE);
    assert_eq!(sidecar.ask(&with("maxAge", "0s"))["decision"], "Deny");
    assert_eq!(sidecar.ask(&allowed())["decision"], "Deny");
}

/// A caller may know a revision before it is committed. A question that names it waits for it.
#[test]
fn a_state_that_is_yet_to_come_is_waited_for() {
    let database = quickstart(&SHARED);
    let sidecar = sidecar(&database, SHARED.port, "1h");
    assert_eq!(sidecar.ask(&allowed())["decision"], "Allow");
    let mut writer = PsqlSession::on(&database);
    writer.run(&format!("BEGIN; {REVOKE}"));
    let revision = writer.run("SELECT tenancy_revision()");
    let answer = std::thread::scope(|scope| {
        let answer = scope.spawn(|| sidecar.ask(&with("atLeast", &revision)));
        std::thread::sleep(Duration::from_millis(200));
        // A question without it is answered meanwhile, from the state before.
        assert_eq!(sidecar.ask(&allowed())["decision"], "Allow");
        assert!(!answer.is_finished());
        writer.run("COMMIT");
        answer.join().unwrap()
    });
    assert_eq!(answer["decision"], "Deny");
    // The state has a name, which is as good as the transaction's.
    let name = answer["tenancyRevision"].as_str().unwrap();
    let again = sidecar.ask(&with("atLeast", name));
    assert_eq!(again["decision"], "Deny");
}

#[test]
fn a_state_that_does_not_come_is_not_answered_from_another() {
    let database = quickstart(&SHARED);
    let sidecar = Start::new()
        .with(&["--tenancy", &database.url()])
        .variable("PEPPOL_AUTHZ_FRESHNESS__WAIT", "100ms")
        .start();
    let mut writer = PsqlSession::on(&database);
    writer.run(&format!("BEGIN; {REVOKE}"));
    let running = writer.run("SELECT tenancy_revision()");
    let (history, _) = running.split_once('-').unwrap();
    let later = ["999999999999", "5:999999999999:"].map(|state| format!("{history}-{state}"));
    for revision in [&running, &later[0], &later[1]] {
        let reply = asked(&sidecar, &with("atLeast", revision));
        assert_eq!(reply.status, 503, "{revision}: {}", reply.text);
        assert_eq!(reply.json()["code"], "STORE_BEHIND");
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    let batch = json!({"requests": [allowed()], "atLeast": running});
    let reply = sidecar.post("/v1/batch_is_authorized", &batch);
    assert_eq!(reply.json()["code"], "STORE_BEHIND", "{}", reply.text);
    // That wait does not delay other questions.
    assert_eq!(sidecar.ask(&allowed())["decision"], "Allow");
    writer.run("ROLLBACK");
}

#[test]
fn what_names_no_state_of_this_database_is_refused() {
    let database = quickstart(&SHARED);
    let sidecar = sidecar(&database, SHARED.port, "1s");
    for none in [
        "now",
        "0c6e1b",
        "1:2",
        "2:1:",
        "1:5:9",
        "1:2:3:4",
        "-1",
        "1:5:3,2",
        "",
        // Of no history.
        "7",
        "5:7:",
        "00ff00ff-x",
    ] {
        let reply = asked(&sidecar, &with("atLeast", none));
        assert_eq!(reply.status, 400, "{none}: {}", reply.text);
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with("`atLeast`: "), "{detail}");
    }
    let now = database.sql("SELECT tenancy_revision()");
    let (history, _) = now.split_once('-').unwrap();
    for name in ["0", "1:1:", "3:5:3,4"].map(|state| format!("{history}-{state}")) {
        assert_eq!(sidecar.ask(&with("atLeast", &name))["decision"], "Allow");
    }
    for name in ["0123456789abcdef-0", "00ff00ff-1:1:"] {
        let reply = asked(&sidecar, &with("atLeast", name));
        assert_eq!(reply.status, 409, "{name}: {}", reply.text);
        assert_eq!(reply.json()["code"], "REVISION_OF_ANOTHER_HISTORY");
    }
}
