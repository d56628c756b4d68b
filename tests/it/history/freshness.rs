//! The settings of freshness, held by every kind of source.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::views::{POLICY, SCHEMA, enter};
use super::{GRANT, asked, decision};
use crate::eventually::until;
use crate::postgres::scene::quickstart;
use crate::postgres::server::{Database, SHARED, Server};
use crate::sidecar::{Sidecar, Start, project};

/// A source, a question that is denied over it, and a write after which it is allowed.
struct Kind {
    source: String,
    question: Value,
    write: Box<dyn Fn()>,
    /// True if a state can be proved to be the newest. A replica cannot.
    is_newest: bool,
    /// True if its schema is the small one.
    is_small: bool,
}

fn start(kind: &Kind, settings: &[(&str, &str)]) -> Sidecar {
    let mut start = Start::new().with(&["--tenancy", &kind.source]);
    if kind.is_small {
        start = start.policies(SCHEMA, POLICY);
    }
    for (name, value) in settings {
        start = start.variable(&format!("PEPPOL_AUTHZ_FRESHNESS__{name}"), value);
    }
    start.start()
}

fn with_max_age(question: &Value) -> Value {
    let mut question = question.clone();
    question["maxAge"] = json!("0s");
    question
}

/// With settings that let it answer from memory for an hour, an age that a question demands counts;
/// with an interval of nothing, every question looks; with short ages, the rest is seen soon.
fn holds_its_settings(kind: &dyn Fn() -> Kind) {
    let of = kind();
    let slow = start(
        &of,
        &[
            ("POLL_INTERVAL", "1h"),
            ("MAX_STALE", "1h"),
            ("UNTOLD_MAX_AGE", "1h"),
        ],
    );
    let each = start(
        &of,
        &[
            ("POLL_INTERVAL", "0s"),
            ("MAX_STALE", "1h"),
            ("UNTOLD_MAX_AGE", "1h"),
        ],
    );
    let soon = start(
        &of,
        &[
            ("POLL_INTERVAL", "50ms"),
            ("MAX_STALE", "1h"),
            ("UNTOLD_MAX_AGE", "50ms"),
        ],
    );
    let short = start(&of, &[("POLL_INTERVAL", "1h"), ("MAX_STALE", "50ms")]);
    for sidecar in [&slow, &each, &soon, &short] {
        assert_eq!(decision(sidecar, &of.question), "Deny", "{}", of.source);
    }
    (of.write)();
    if of.is_newest {
        assert_eq!(
            decision(&slow, &with_max_age(&of.question)),
            "Allow",
            "{}",
            of.source
        );
        assert_eq!(decision(&each, &of.question), "Allow", "{}", of.source);
    }
    for sidecar in [&each, &soon, &short] {
        until(&of.source, || decision(sidecar, &of.question) == "Allow");
    }
}

#[test]
fn sqlite_with_the_tables_of_this_program() {
    let directory = tempfile::tempdir().unwrap();
    holds_its_settings(&|| {
        let path = directory.path().join("tenancy.db");
        let source = format!("sqlite:{}", path.display());
        let output = crate::sidecar::program()
            .args(["import", "--tenancy", &source])
            .arg(project("examples/quickstart/tenancy.ndjson"))
            .output()
            .unwrap();
        assert!(output.status.success());
        Kind {
            source,
            question: asked(),
            write: Box::new(move || write(&path, GRANT)),
            is_newest: true,
            is_small: false,
        }
    });
}

fn write(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

/// Tables of an operator's own, and views over them.
const OWN: &str = "
    CREATE TABLE people (id TEXT PRIMARY KEY, active INTEGER NOT NULL);
    INSERT INTO people VALUES ('ann', 0);
    CREATE VIEW \"Door\" AS SELECT 'd' AS id;";
const ACTIVATE: &str = "UPDATE people SET active = 1";

#[test]
fn sqlite_with_views_of_an_operator() {
    let directory = tempfile::tempdir().unwrap();
    holds_its_settings(&|| {
        let path = directory.path().join("own.db");
        write(&path, OWN);
        write(
            &path,
            "CREATE VIEW \"User\" AS SELECT id, active FROM people;
             CREATE TABLE tenancy_revision (revision INTEGER); INSERT INTO tenancy_revision VALUES (1)",
        );
        Kind {
            source: format!("sqlite:{}", path.display()),
            question: enter(),
            write: Box::new(move || write(&path, ACTIVATE)),
            is_newest: true,
            is_small: true,
        }
    });
}

fn on(server: &Server) -> Database {
    quickstart(server)
}

#[test]
fn postgresql_with_the_tables_of_this_program() {
    holds_its_settings(&|| {
        let database = on(&SHARED);
        Kind {
            source: database.url(),
            question: asked(),
            write: Box::new(move || {
                database.sql(GRANT);
            }),
            is_newest: true,
            is_small: false,
        }
    });
}

const RECORDS: &str = "
    CREATE TABLE tenancy_change (
      transaction xid8 NOT NULL DEFAULT pg_current_xact_id(), entity_type text, entity_id text
    );
    CREATE TABLE tenancy_horizon (pruned_to xid8 NOT NULL);
    INSERT INTO tenancy_horizon VALUES ('0');
    CREATE TABLE tenancy_noted (name text, entity_type text);
    INSERT INTO tenancy_noted VALUES ('people', 'User');
    CREATE FUNCTION record() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('User', NEW.id);
      NOTIFY tenancy_change;
      RETURN NULL;
    END $$;
    CREATE TRIGGER record AFTER UPDATE ON people FOR EACH ROW EXECUTE FUNCTION record();";

#[test]
fn postgresql_with_views_of_an_operator_and_with_records() {
    for records in ["", RECORDS] {
        holds_its_settings(&|| {
            let database = SHARED.database();
            database.sql(OWN);
            database.sql("CREATE VIEW \"User\" AS SELECT id, active = 1 AS active FROM people");
            database.sql(records);
            Kind {
                source: database.url(),
                question: enter(),
                write: Box::new(move || {
                    database.sql(ACTIVATE);
                }),
                is_newest: true,
                is_small: true,
            }
        });
    }
}

#[test]
fn a_replica() {
    let primary = Server::start(&["autovacuum=off"]);
    let on_primary = quickstart(&primary);
    let replica = Server::replica_of(&primary, &[]);
    let on_replica = replica.named(&on_primary.name);
    holds_its_settings(&|| {
        let on_primary = primary.named(&on_primary.name);
        Kind {
            source: on_replica.url(),
            question: asked(),
            write: Box::new(move || {
                on_primary.sql(GRANT);
            }),
            is_newest: false,
            is_small: false,
        }
    });
}

#[test]
fn a_file_of_entities() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("entities.json");
    let text = |active: bool| {
        json!([{"uid": {"type": "User", "id": "ann"}, "attrs": {"active": active}, "parents": []},
               {"uid": {"type": "Door", "id": "d"}, "attrs": {}, "parents": []}])
        .to_string()
    };
    fs::write(&path, text(false)).unwrap();
    let kind = Kind {
        source: format!("entities:{}", path.display()),
        question: enter(),
        write: Box::new(|| {}),
        is_newest: true,
        is_small: true,
    };
    let sidecar = start(&kind, &[]);
    assert_eq!(decision(&sidecar, &enter()), "Deny");
    fs::write(&path, text(true)).unwrap();
    until("it is read again", || {
        decision(&sidecar, &enter()) == "Allow"
    });
}
