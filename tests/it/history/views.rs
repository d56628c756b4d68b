//! Views that show something else though no record was written: a column that was added later, a
//! clock, another definition.

use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::decision;
use crate::eventually::until;
use crate::postgres::server::{Database, SHARED, Server};
use crate::sidecar::{Sidecar, Start};

pub(super) const SCHEMA: &str = r#"
    entity User = { active: Bool };
    entity Door;
    action enter appliesTo { principal: User, resource: Door };
"#;

pub(super) const POLICY: &str = r#"
    @id("p/active") permit (principal, action, resource) when { principal.active };
"#;

pub(super) fn enter() -> Value {
    json!({"principal": "User::\"ann\"", "action": "Action::\"enter\"", "resource": "Door::\"d\""})
}

fn fresh() -> Value {
    let mut enter = enter();
    enter["maxAge"] = json!("0s");
    enter
}

/// A sidecar with the small schema, over a source.
pub(super) fn small(source: &str, untold_max_age: &str) -> Sidecar {
    let start = Start::new().policies(SCHEMA, POLICY);
    start
        .with(&["--tenancy", source])
        .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "1h")
        .variable("PEPPOL_AUTHZ_FRESHNESS__MAX_STALE", "1h")
        .variable("PEPPOL_AUTHZ_FRESHNESS__UNTOLD_MAX_AGE", untold_max_age)
        .start()
}

fn sql(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

/// An own SQLite database whose view reads a clock.
fn clock(path: &Path) {
    sql(
        path,
        "CREATE TABLE people (id TEXT, valid_until INTEGER);
         INSERT INTO people VALUES ('ann', unixepoch() + 3600);
         CREATE TABLE tenancy_revision (revision INTEGER);
         INSERT INTO tenancy_revision VALUES (1);
         CREATE VIEW \"User\" AS SELECT id, valid_until > unixepoch() AS active FROM people;
         CREATE VIEW \"Door\" AS SELECT 'd' AS id;",
    );
}

#[test]
fn a_sqlite_view_that_reads_a_clock_is_not_kept_for_longer_than_is_set() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    clock(&path);
    let source = format!("sqlite:{}", path.display());
    let (soon, never) = (small(&source, "50ms"), small(&source, "1h"));
    until("both have read it in time", || {
        sql(&path, "UPDATE people SET valid_until = unixepoch() + 2");
        [&soon, &never].map(|it| decision(it, &enter())) == ["Allow"; 2]
    });
    until("the time is over", || decision(&soon, &enter()) == "Deny");
    // By its setting it may answer from what it knows, but not where the question forbids it.
    assert_eq!(decision(&never, &enter()), "Allow");
    assert_eq!(decision(&never, &fresh()), "Deny");
}

/// An unchanged file with views of tables alone gives the same answers: nothing is read again.
#[test]
fn a_sqlite_view_of_tables_alone_is_kept_until_something_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    clock(&path);
    sql(
        &path,
        "DROP VIEW \"User\"; CREATE VIEW \"User\" AS SELECT id, valid_until > 0 AS active FROM people",
    );
    let source = format!("sqlite:{}", path.display());
    let sidecar = small(&source, "0s");
    assert_eq!(decision(&sidecar, &enter()), "Allow");
    let reads = || {
        let text = sidecar.get("/metrics").text;
        let line = text
            .lines()
            .find(|line| line.starts_with("peppol_authz_cache_misses_total "))
            .map(str::to_owned);
        line.unwrap_or_else(|| panic!("{text}"))
    };
    let before = reads();
    for _ in 0..5 {
        assert_eq!(decision(&sidecar, &enter()), "Allow");
    }
    assert_eq!(reads(), before);
    sql(&path, "UPDATE people SET valid_until = 0");
    assert_eq!(decision(&sidecar, &enter()), "Deny");
}

#[test]
fn a_sqlite_view_that_is_defined_anew_is_read_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    clock(&path);
    sql(
        &path,
        "DROP VIEW \"User\"; CREATE VIEW \"User\" AS SELECT id, 1 AS active FROM people",
    );
    let source = format!("sqlite:{}", path.display());
    let sidecar = small(&source, "1h");
    assert_eq!(decision(&sidecar, &enter()), "Allow");
    sql(
        &path,
        "DROP VIEW \"User\"; CREATE VIEW \"User\" AS SELECT id, 0 AS active FROM people",
    );
    assert_eq!(decision(&sidecar, &enter()), "Deny");
}

/// The tenancy of the shipped tables, with a view that reads more than is shipped.
const ADDED: &str = "
    ALTER TABLE organisation ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0;
    DROP VIEW \"Peppol::Organisation\";
    CREATE VIEW \"Peppol::Organisation\" AS
    SELECT id, CASE WHEN suspended = 1 THEN 'DEMO' ELSE mode END AS mode,
      mode_change_request AS \"modeChangeRequest\", contact_types AS \"contactTypes\",
      coalesce(participant_limit, 10) AS \"participantLimit\", 0 AS participants, NULL AS \"onlyOrgadmin\"
    FROM organisation;";

/// And one that reads a table of the author's own.
const ADDED_TABLE: &str = "
    CREATE TABLE suspension (organisation_id TEXT PRIMARY KEY);
    DROP VIEW \"Peppol::Organisation\";
    CREATE VIEW \"Peppol::Organisation\" AS
    SELECT id, CASE WHEN EXISTS (SELECT 1 FROM suspension WHERE organisation_id = id) THEN 'DEMO' ELSE mode END AS mode,
      mode_change_request AS \"modeChangeRequest\", contact_types AS \"contactTypes\",
      coalesce(participant_limit, 10) AS \"participantLimit\", 0 AS participants, NULL AS \"onlyOrgadmin\"
    FROM organisation;";

/// And one that only counts its rows.
const COUNTED_TABLE: &str = "
    CREATE TABLE suspension (organisation_id TEXT PRIMARY KEY);
    DROP VIEW \"Peppol::Organisation\";
    CREATE VIEW \"Peppol::Organisation\" AS
    SELECT id, CASE WHEN (SELECT count(*) FROM suspension) > 0 THEN 'DEMO' ELSE mode END AS mode,
      mode_change_request AS \"modeChangeRequest\", contact_types AS \"contactTypes\",
      coalesce(participant_limit, 10) AS \"participantLimit\", 0 AS participants, NULL AS \"onlyOrgadmin\"
    FROM organisation;";

const SUSPEND: &str = "UPDATE organisation SET suspended = 1 WHERE id = 'acme'";
const SUSPEND_BY_TABLE: &str = "INSERT INTO suspension VALUES ('acme')";

/// Allowed in every mode but DEMO.
fn upload() -> Value {
    json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"uploadCertificate\"",
        "resource": "Peppol::Organisation::\"acme\"",
    })
}

#[test]
fn a_column_or_table_that_an_author_adds_is_noted_or_not_trusted_with_sqlite() {
    for (added, suspend) in [
        (ADDED, SUSPEND),
        (ADDED_TABLE, SUSPEND_BY_TABLE),
        (COUNTED_TABLE, SUSPEND_BY_TABLE),
    ] {
        let first = Start::quickstart().start();
        let path = first.path("tenancy.db");
        sql(
            &path,
            "UPDATE organisation SET mode = 'SHARED' WHERE id = 'acme'",
        );
        sql(&path, added);
        let source = format!("sqlite:{}", path.display());
        let sidecar = Start::new()
            .with(&["--tenancy", &source])
            .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "1h")
            .start();
        assert_eq!(decision(&sidecar, &upload()), "Allow");
        sql(&path, suspend);
        assert_eq!(decision(&sidecar, &upload()), "Deny");
        // So it is for one that was running while the view was changed.
        assert_eq!(decision(&first, &upload()), "Deny");
    }
}

fn shipped(database: &Database, untold_max_age: &str) -> Sidecar {
    Start::new()
        .with(&["--tenancy", &database.url()])
        .variable("PEPPOL_AUTHZ_FRESHNESS__UNTOLD_MAX_AGE", untold_max_age)
        // Many begin at once, on one server.
        .variable("PEPPOL_AUTHZ_STORE__TIMEOUT", "50s")
        .variable("PEPPOL_AUTHZ_SERVER__REQUEST_TIMEOUT", "50s")
        .start()
}

#[test]
fn a_column_or_table_that_an_author_adds_is_noted_or_not_trusted_with_postgresql() {
    for (added, suspend) in [
        (ADDED, SUSPEND),
        (ADDED_TABLE, SUSPEND_BY_TABLE),
        (COUNTED_TABLE, SUSPEND_BY_TABLE),
    ] {
        let database = crate::postgres::scene::quickstart(&SHARED);
        database.sql("UPDATE organisation SET mode = 'SHARED' WHERE id = 'acme'");
        database.sql(added);
        let sidecar = shipped(&database, "100ms");
        assert_eq!(decision(&sidecar, &upload()), "Allow");
        database.sql(suspend);
        until("it is seen", || decision(&sidecar, &upload()) == "Deny");
    }
}

#[test]
fn a_postgresql_view_that_reads_a_clock_is_not_kept_for_longer_than_is_set() {
    let database = crate::postgres::scene::quickstart(&SHARED);
    database.sql(
        "UPDATE organisation SET mode = 'SHARED' WHERE id = 'acme';
         ALTER TABLE organisation ADD COLUMN demo_from timestamptz NOT NULL DEFAULT now() + interval '1 h';
         CREATE OR REPLACE VIEW \"Peppol::Organisation\" AS
         SELECT id, CASE WHEN demo_from < now() THEN 'DEMO' ELSE mode END AS mode,
           mode_change_request AS \"modeChangeRequest\", contact_types AS \"contactTypes\",
           coalesce(participant_limit, 10) AS \"participantLimit\", 0::bigint AS participants,
           NULL::text COLLATE \"C\" AS \"onlyOrgadmin\"
         FROM organisation",
    );
    let sidecar = shipped(&database, "100ms");
    until("it is read in time", || {
        database.sql("UPDATE organisation SET demo_from = now() + interval '2 s'");
        decision(&sidecar, &upload()) == "Allow"
    });
    // Its states have the names that its writers are given.
    let mut demanding = upload();
    demanding["atLeast"] = json!(database.sql("SELECT tenancy_revision()"));
    sidecar.ask(&demanding);
    until("the time is over", || {
        decision(&sidecar, &upload()) == "Deny"
    });
}

/// An organisation is in DEMO under a condition that rests on what is not noted for organisations.
#[test]
fn what_rests_on_something_that_is_not_noted_is_not_trusted() {
    let other = "CREATE SCHEMA other; CREATE TABLE other.membership (organisation_id text);";
    let in_schema = "EXISTS (SELECT FROM other.membership WHERE organisation_id = organisation.id)";
    let insert = "INSERT INTO other.membership VALUES ('acme')";
    let cases = [
        // A table that is noted for another type.
        (
            "",
            "EXISTS (SELECT FROM membership WHERE user_id = 'anna' AND organisation_id = 'globex')",
            "INSERT INTO membership VALUES ('anna', 'globex', 'orgmember')",
        ),
        // One of the same name.
        (other, in_schema, insert),
        // A function, however it is declared.
        (
            "CREATE TABLE suspension (id text);
             CREATE FUNCTION suspended() RETURNS boolean IMMUTABLE LANGUAGE plpgsql
               AS 'BEGIN RETURN EXISTS (SELECT FROM suspension); END';",
            "suspended()",
            "INSERT INTO suspension VALUES ('acme')",
        ),
        (
            "",
            "EXISTS (SELECT FROM pg_description WHERE description = 'suspended')",
            "COMMENT ON TABLE organisation IS 'suspended'",
        ),
        (
            "CREATE SEQUENCE suspension;",
            "(SELECT is_called FROM suspension)",
            "SELECT nextval('suspension')",
        ),
        (
            "CREATE TABLE suspension (id text);
             CREATE MATERIALIZED VIEW suspended AS SELECT id FROM suspension;
             CREATE UNIQUE INDEX ON suspended (id);
             INSERT INTO tenancy_noted (name) VALUES ('suspended');",
            "EXISTS (SELECT FROM suspended)",
            "INSERT INTO suspension VALUES ('acme'); REFRESH MATERIALIZED VIEW CONCURRENTLY suspended",
        ),
        // A part of a table is written through the whole, whose triggers run.
        (
            "CREATE TABLE suspension (id text) PARTITION BY LIST (id);
             CREATE TABLE suspended PARTITION OF suspension DEFAULT;
             INSERT INTO tenancy_noted (name) VALUES ('suspended');",
            "EXISTS (SELECT FROM suspended)",
            "INSERT INTO suspension VALUES ('acme')",
        ),
        (
            "CREATE TABLE suspension (id text);
             INSERT INTO tenancy_noted (name, entity_type) VALUES ('suspension', 'Peppol::Organisation');",
            "EXISTS (SELECT FROM suspension TABLESAMPLE SYSTEM (100) WHERE suspension.id = organisation.id)",
            "INSERT INTO suspension VALUES ('acme')",
        ),
        (
            "CREATE TABLE suspension (id text);
             INSERT INTO tenancy_noted (name, entity_type) VALUES ('suspension', 'Peppol::Organisation');
             ALTER TABLE suspension ENABLE ROW LEVEL SECURITY;
             CREATE POLICY all_of_them ON suspension USING (true);",
            "EXISTS (SELECT FROM suspension WHERE suspension.id = organisation.id)",
            "INSERT INTO suspension VALUES ('acme')",
        ),
        (
            "CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
             CREATE TABLE suspension (id text);
             CREATE FOREIGN TABLE suspended (line text) SERVER files
               OPTIONS (program 'date +%s | grep -c .');
             INSERT INTO tenancy_noted (name, entity_type)
             VALUES ('suspension', 'Peppol::Organisation'), ('suspended', 'Peppol::Organisation');",
            "EXISTS (SELECT FROM suspension, suspended WHERE suspension.id = organisation.id)",
            "INSERT INTO suspension VALUES ('acme')",
        ),
        (
            "ALTER TABLE organisation ADD COLUMN demo_from text NOT NULL DEFAULT 'infinity';",
            "demo_from::timestamptz < ('n' || 'ow')::timestamptz",
            // This write is noted; what happens then is none.
            "UPDATE organisation SET demo_from = (clock_timestamp() + interval '2 s')::text",
        ),
    ];
    let trusted: Vec<_> = std::thread::scope(|scope| {
        let asked = cases.map(|case| (case, scope.spawn(move || is_not_trusted(case))));
        let failed = asked
            .into_iter()
            .filter_map(|(case, asked)| asked.join().err().map(|_| case));
        failed.collect()
    });
    assert!(trusted.is_empty(), "{trusted:?}");
}

fn demo_where(condition: &str) -> String {
    format!(
        "CREATE OR REPLACE VIEW \"Peppol::Organisation\" AS
         SELECT id, CASE WHEN {condition} THEN 'DEMO' ELSE mode END AS mode,
           mode_change_request AS \"modeChangeRequest\", contact_types AS \"contactTypes\",
           coalesce(participant_limit, 10) AS \"participantLimit\", 0::bigint AS participants,
           NULL::text COLLATE \"C\" AS \"onlyOrgadmin\"
         FROM organisation"
    )
}

/// Rows that come from another server, without triggers of statements.
#[test]
fn a_table_that_a_subscription_writes_is_not_trusted() {
    let publisher = Server::start(&["wal_level=logical"]);
    let from = publisher.database();
    from.sql(
        "CREATE TABLE suspension (id text PRIMARY KEY);
         CREATE PUBLICATION suspensions FOR TABLE suspension",
    );
    let database = crate::postgres::scene::quickstart(&SHARED);
    let (subscription, port) = (format!("{}_from", database.name), publisher.port);
    database.sql(&format!(
        "UPDATE organisation SET mode = 'SHARED' WHERE id = 'acme';
         CREATE TABLE suspension (id text PRIMARY KEY);
         INSERT INTO tenancy_noted (name, entity_type) VALUES ('suspension', 'Peppol::Organisation');
         {};
         CREATE SUBSCRIPTION {subscription}
           CONNECTION 'host=127.0.0.1 port={port} user=postgres dbname={}' PUBLICATION suspensions",
        demo_where("EXISTS (SELECT FROM suspension WHERE suspension.id = organisation.id)"),
        from.name
    ));
    let sidecar = shipped(&database, "100ms");
    assert_eq!(decision(&sidecar, &upload()), "Allow");
    from.sql("INSERT INTO suspension VALUES ('acme')");
    until("it is seen", || decision(&sidecar, &upload()) == "Deny");
    database.sql(&format!("DROP SUBSCRIPTION {subscription}"));
}

fn is_not_trusted((before, condition, change): (&str, &str, &str)) {
    let database = crate::postgres::scene::quickstart(&SHARED);
    database.sql("UPDATE organisation SET mode = 'SHARED' WHERE id = 'acme'");
    database.sql(before);
    database.sql(&demo_where(condition));
    let sidecar = shipped(&database, "100ms");
    assert_eq!(decision(&sidecar, &upload()), "Allow", "{condition}");
    database.sql(change);
    until(condition, || decision(&sidecar, &upload()) == "Deny");
}

/// Triggers that a session can do without are not enough.
#[test]
fn a_table_that_is_written_without_its_triggers_is_not_trusted() {
    let database = crate::postgres::scene::quickstart(&SHARED);
    database.sql(
        "UPDATE organisation SET mode = 'SHARED' WHERE id = 'acme';
         ALTER TABLE organisation ENABLE TRIGGER USER",
    );
    let sidecar = shipped(&database, "100ms");
    assert_eq!(decision(&sidecar, &upload()), "Allow");
    database.sql(
        "SET session_replication_role = replica; UPDATE organisation SET mode = 'DEMO' WHERE id = 'acme'",
    );
    until("it is seen", || decision(&sidecar, &upload()) == "Deny");
}
