//! Entities of a database with very many ancestors: a clear error, and not minutes.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::postgres::server::SHARED;
use crate::sidecar::{Sidecar, Start};

const SCHEMA: &str = r"
    entity Group in [Group];
    entity User in [Group];
    entity Door;
    action enter appliesTo { principal: User, resource: Door };
";

const POLICY: &str = r#"
    @id("p/member") permit (principal in Group::"0", action, resource);
"#;

/// Groups that are above each other, and one with very many above it.
const TABLES: &str = "
    CREATE TABLE person (id text PRIMARY KEY, team text);
    INSERT INTO person VALUES ('low', '20'), ('high', '20000'), ('wide', 'wide');
    CREATE TABLE team (id text, above text);
    CREATE INDEX team_id ON team (id);
    INSERT INTO team SELECT 'wide', 'w' || number FROM numbers;
    INSERT INTO team SELECT CAST(number AS text), CAST(number - 1 AS text) FROM numbers;
    CREATE VIEW \"Door\" AS SELECT 'd' AS id;
    CREATE VIEW \"User\" AS SELECT id FROM person;
    CREATE VIEW \"User.parents\" AS SELECT id, 'Group' AS type, team AS parent FROM person;
    CREATE VIEW \"Group\" AS SELECT DISTINCT id FROM team;
    CREATE VIEW \"Group.parents\" AS SELECT id, 'Group' AS type, above AS parent FROM team;";

fn over(source: &str) -> Sidecar {
    let start = Start::new().policies(SCHEMA, POLICY);
    start
        .with(&["--tenancy", source])
        .variable("PEPPOL_AUTHZ_SERVER__REQUEST_TIMEOUT", "1m")
        .variable("PEPPOL_AUTHZ_STORE__TIMEOUT", "30s")
        .start()
}

fn enter(who: &str) -> Value {
    json!({"principal": format!("User::{who:?}"), "action": "Action::\"enter\"", "resource": "Door::\"d\""})
}

fn assert_bounded(sidecar: &Sidecar) {
    assert_eq!(sidecar.ask(&enter("low"))["decision"], "Allow");
    for who in ["high", "wide"] {
        let reply = sidecar.post("/v1/is_authorized", &enter(who));
        assert_eq!(reply.json()["code"], "TENANCY_UNUSABLE", "{}", reply.text);
    }
    // It goes on as before.
    assert_eq!(sidecar.ask(&enter("low"))["decision"], "Allow");
}

#[test]
fn of_sqlite_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    let numbers = "
        CREATE TABLE tenancy_revision (revision INTEGER);
        INSERT INTO tenancy_revision VALUES (1);
        CREATE TABLE numbers AS
        WITH RECURSIVE n (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM n WHERE number < 20000)
        SELECT number FROM n;";
    Connection::open(&path)
        .unwrap()
        .execute_batch(&format!("{numbers}{TABLES}"))
        .unwrap();
    assert_bounded(&over(&format!("sqlite:{}", path.display())));
}

#[test]
fn of_postgresql_are_bounded() {
    let database = SHARED.database();
    database.sql("CREATE TABLE numbers AS SELECT generate_series(1, 20000) AS number");
    database.sql(TABLES);
    assert_bounded(&over(&database.url()));
}
