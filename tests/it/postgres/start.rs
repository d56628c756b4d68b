//! Starting before the store does.

use serde_json::json;

use super::proxy::{Mode, Proxy};
use super::scene::{allowed, cold, hurried, quickstart};
use super::server::SHARED;
use crate::eventually::until;
use crate::sidecar::{Sidecar, Start, project};

const PASSWORD: &str = "hunter2";

/// It is asked, and does not answer.
fn is_not_ready(sidecar: &Sidecar) {
    let reply = sidecar.get("/readyz");
    assert_eq!(reply.status, 503, "{}", reply.text);
    assert_eq!(reply.json()["ready"], false);
    assert!(!reply.text.contains(PASSWORD), "{}", reply.text);
    let batch = json!({"requests": [allowed()]});
    for reply in [
        sidecar.post("/v1/is_authorized", &allowed()),
        sidecar.post("/v1/batch_is_authorized", &batch),
    ] {
        assert_eq!(reply.status, 503, "{}", reply.text);
        assert_eq!(reply.json()["code"], "NOT_READY");
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    for path in ["/livez", "/healthz"] {
        assert_eq!(sidecar.get(path).status, 200, "{path}");
    }
}

/// Starts without a store in some way, is not ready, and is once the store is there.
fn waits_for_its_store(away: Mode) {
    let database = quickstart(&SHARED);
    let proxy = Proxy::to(SHARED.port);
    proxy.set(away);
    let url = database.url_of(&format!("postgres:{PASSWORD}"), proxy.port);
    let start = hurried(Start::new()).variable("PEPPOL_AUTHZ_LOG__FILTER", "trace");
    let mut sidecar = start.with(&["--tenancy", &url]).start_listening();
    for _ in 0..3 {
        is_not_ready(&sidecar);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    proxy.set(Mode::Forward);
    sidecar.wait_for_log("ready");
    assert_eq!(sidecar.get("/readyz").status, 200);
    assert_eq!(sidecar.ask(&allowed())["decision"], "Allow");
    proxy.take_down();
    until("the failure is logged", || {
        sidecar.post("/v1/is_authorized", &cold("root")).status == 503
    });
    let log = sidecar.stop();
    assert!(log.len() > 3, "{log:?}");
    for record in log {
        let record = record.to_string();
        assert!(!record.contains(PASSWORD), "{record}");
    }
}

#[test]
fn a_server_that_is_not_there_yet_is_waited_for() {
    waits_for_its_store(Mode::Refuse);
}

#[test]
fn a_server_that_does_not_answer_yet_is_waited_for() {
    waits_for_its_store(Mode::Blackhole);
}

/// Documents are read once the server is there.
#[test]
fn an_import_waits_for_its_server() {
    let database = SHARED.database();
    let proxy = Proxy::to(SHARED.port);
    proxy.set(Mode::Refuse);
    let url = database.url_of("postgres", proxy.port);
    let documents = project("examples/quickstart/tenancy.ndjson");
    let mut sidecar = hurried(Start::new())
        .with(&["--tenancy", &url, "--import", documents.to_str().unwrap()])
        .start_listening();
    sidecar.wait_for_log("the import waits for the tenancy store");
    is_not_ready(&sidecar);
    proxy.set(Mode::Forward);
    sidecar.wait_for_log("ready");
    assert_eq!(sidecar.ask(&allowed())["decision"], "Allow");
    sidecar.stop();
}

/// A cluster is made by several, in any order: the program may be the first.
#[test]
fn a_role_that_is_not_there_yet_is_waited_for_and_the_tables_are_made() {
    let database = SHARED.database();
    let url = database.url_of(&format!("latecomer:{PASSWORD}"), SHARED.port);
    let mut sidecar = hurried(Start::new())
        .with(&["--tenancy", &url])
        .start_listening();
    is_not_ready(&sidecar);
    database.sql(&format!(
        "CREATE ROLE latecomer LOGIN; ALTER DATABASE {} OWNER TO latecomer",
        database.name
    ));
    sidecar.wait_for_log("ready");
    let answer = sidecar.ask(&allowed());
    assert_eq!(
        answer["reasons"][0]["code"], "UNKNOWN_PRINCIPAL",
        "{answer}"
    );
    for record in sidecar.stop() {
        let record = record.to_string();
        assert!(!record.contains(PASSWORD), "{record}");
    }
}
