//! No file descriptor is left: what needs one fails, what does not is answered, and with one it goes on.

use std::collections::BTreeSet;
use std::process::Command;

use rusqlite::Connection as Sqlite;
use serde_json::Value;

use super::{State, answered, done};
use crate::connection::Connection;
use crate::eventually::{eventually, until};
use crate::postgres::server::SHARED;
use crate::sidecar::{Sidecar, Start};

/// Lets a sidecar open no further file, or as many as before.
fn may_open(sidecar: &Sidecar, more: bool) {
    let pid = sidecar.pid();
    let limit = if more {
        1024
    } else {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        let numbers = open.map(|entry| entry.unwrap().file_name());
        let numbers: BTreeSet<u64> = numbers
            .map(|name| name.to_str().unwrap().parse().unwrap())
            .collect();
        // New ones get the lowest number that is free, and it has to be less than the limit.
        (0..).find(|number| !numbers.contains(number)).unwrap()
    };
    let limited = Command::new("prlimit")
        .args(["--pid", &pid.to_string(), &format!("--nofile={limit}:")])
        .status();
    assert!(limited.unwrap().success());
}

/// Connections until none is accepted any more.
fn fill(sidecar: &Sidecar) -> Vec<Connection> {
    let crowd = (0..20).map(|_| Connection::open(sidecar)).collect();
    sidecar.wait_for_log("cannot accept connections");
    crowd
}

/// The state that is answered over a connection that is open.
fn asked(connection: &mut Connection) -> Result<State, String> {
    let body = super::both().to_string();
    let length = body.len();
    connection.write(format!(
        "POST /v1/batch_is_authorized HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    ));
    let reply = connection.reply();
    let json: Value = reply.json();
    let allowed = [0, 1].map(|number| json["results"][number]["decision"] == "Allow");
    match allowed {
        [true, false] => Ok(State::First),
        [false, true] => Ok(State::Last),
        [false, false] => Err(reply.text),
        [true, true] => panic!("{}", reply.text),
    }
}

/// While nothing can be opened a right is revoked.
fn is_never_answered_from_before(start: Start, revoke: impl Fn()) {
    let policies = start.path("policies");
    let shipped = crate::sidecar::project("policies");
    let copied = Command::new("cp")
        .arg("-r")
        .args([&shipped, &policies])
        .status();
    assert!(copied.unwrap().success());
    let sidecar = start
        .with(&["--policies", policies.to_str().unwrap()])
        .variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "50ms")
        .variable("PEPPOL_AUTHZ_RELOAD__SETTLE", "20ms")
        .start();
    let revision = |sidecar: &Sidecar| sidecar.get("/version").json()["policyRevision"].clone();
    let before = revision(&sidecar);
    let mut kept = Connection::open(&sidecar);
    assert_eq!(asked(&mut kept), Ok(State::First));
    may_open(&sidecar, false);
    let crowd = fill(&sidecar);
    revoke();
    // Either the new state, or none, and at last none of before.
    eventually("the right is gone", || match asked(&mut kept) {
        Ok(State::First) => Err("it is there"),
        Ok(State::Last) | Err(_) => Ok(()),
    });
    for _ in 0..10 {
        assert_ne!(asked(&mut kept), Ok(State::First));
    }
    // A change that cannot be read is not taken, nor a part of it.
    let file = policies.join("organisation.cedar");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n// Changed.\n")).unwrap();
    sidecar.wait_for_log("changed policies are refused; those before stay in force");
    assert_eq!(kept.get("/version").json()["policyRevision"], before);
    drop(crowd);
    may_open(&sidecar, true);
    eventually("it answers from the new state", || {
        match answered(&sidecar) {
            Ok(State::Last) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    until("the change is taken", || revision(&sidecar) != before);
    assert_eq!(sidecar.get("/readyz").status, 200);
}

#[test]
fn over_sqlite() {
    let start = Start::new();
    let path = start.path("tenancy.db");
    let file = start.path("a.ndjson");
    std::fs::write(&file, State::First.documents(0)).unwrap();
    let source = format!("sqlite:{}", path.display());
    done(&["import", "--tenancy", &source, file.to_str().unwrap()]);
    let writer = Sqlite::open(&path).unwrap();
    is_never_answered_from_before(start.with(&["--tenancy", &source]), || {
        let revoked = "UPDATE registered_user SET superadmin = (id = 'last')";
        writer.execute(revoked, []).unwrap();
    });
}

#[test]
fn over_postgres() {
    let database = SHARED.database();
    let start = Start::new();
    let file = start.path("a.ndjson");
    std::fs::write(&file, State::First.documents(0)).unwrap();
    done(&[
        "import",
        "--tenancy",
        &database.url(),
        file.to_str().unwrap(),
    ]);
    is_never_answered_from_before(start.with(&["--tenancy", &database.url()]), || {
        database.sql("UPDATE registered_user SET superadmin = (id = 'last')");
    });
}
