//! A database on a server that is restored, and one where others may make tables.

use std::process::Command;

use super::{GRANT, OTHER, asked, assert_of_another_history, decision, revision, with};
use crate::eventually::until;
use crate::postgres::scene::quickstart;
use crate::postgres::server::{Database, SHARED, Server, command, succeed};
use crate::postgres::session::PsqlSession;
use crate::sidecar::{Sidecar, Start};

/// It looks by itself once an hour, and answers from memory for as long.
pub(super) fn slow(url: &str) -> Sidecar {
    Start::new()
        .with(&["--tenancy", url])
        .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "1h")
        .variable("PEPPOL_AUTHZ_FRESHNESS__MAX_STALE", "1h")
        .start()
}

fn dump(database: &Database, file: &std::path::Path) {
    succeed(
        command("pg_dump")
            .args(["-h", "127.0.0.1", "-U", "postgres", "-Fc"])
            .arg(format!("-p{}", database.port))
            .arg("-f")
            .arg(file)
            .arg(&database.name),
    );
}

fn restore(database: &Database, file: &std::path::Path) {
    succeed(
        command("pg_restore")
            .args([
                "-h",
                "127.0.0.1",
                "-U",
                "postgres",
                "--clean",
                "--if-exists",
            ])
            .args(["-p", &database.port.to_string(), "-d", &database.name])
            .arg(file),
    );
}

/// A directory that the server's own user can write to.
fn shared_directory() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(directory.path(), open).unwrap();
    directory
}

#[test]
fn a_dump_that_is_restored_is_another_history() {
    let database = quickstart(&SHARED);
    let directory = shared_directory();
    let file = directory.path().join("dump");
    let sidecar = slow(&database.url());
    assert_eq!(decision(&sidecar, &asked()), "Deny");
    dump(&database, &file);
    database.sql(GRANT);
    until("it is seen", || decision(&sidecar, &asked()) == "Allow");
    let lost = revision(&sidecar);
    let named = database.sql("SELECT tenancy_revision()");
    restore(&database, &file);
    database.sql(OTHER);
    let now = database.sql("SELECT tenancy_revision()");
    assert_eq!(decision(&sidecar, &with("atLeast", &now)), "Deny");
    assert_eq!(decision(&sidecar, &with("maxAge", "0s")), "Deny");
    assert_eq!(decision(&sidecar, &asked()), "Deny");
    for lost in [lost, named] {
        assert_of_another_history(&sidecar, &lost);
    }
}

/// As with a snapshot of a volume: the server goes back, and gives out the same numbers again.
#[test]
fn a_server_that_goes_back_is_forgotten_with_all_that_it_said() {
    let server = Server::start(&[]);
    let database = quickstart(&server);
    let sidecar = slow(&database.url());
    let anna = database.sql("SELECT tenancy_revision()");
    server.control(&["stop", "-m", "fast"]);
    server.keep("kept");
    server.control(&["restart"]);
    server.wait();
    database.sql(GRANT);
    until("it is seen", || {
        sidecar.post("/v1/is_authorized", &asked()).json()["decision"] == "Allow"
    });
    server.control(&["stop", "-m", "fast"]);
    server.put_back("kept");
    server.control(&["restart"]);
    server.wait();
    for _ in 0..20 {
        database.sql(OTHER);
    }
    until("it answers again", || {
        sidecar
            .post("/v1/is_authorized", &with("maxAge", "0s"))
            .status
            == 200
    });
    assert_eq!(decision(&sidecar, &with("maxAge", "0s")), "Deny");
    assert_eq!(decision(&sidecar, &asked()), "Deny");
    assert_eq!(decision(&sidecar, &with("atLeast", &anna)), "Deny");
}

/// A role that may make a table in a schema of the path could freeze every answer.
#[test]
fn records_of_another_owner_do_not_count() {
    let database = quickstart(&SHARED);
    database.sql(&format!(
        "DROP TABLE tenancy_change, tenancy_horizon CASCADE;
         DO $$ DECLARE made record; BEGIN
           FOR made IN SELECT tgname, tgrelid::regclass AS on_table FROM pg_trigger
             WHERE NOT tgisinternal AND tgname SIMILAR TO '%_(changed|derived)_by_%'
           LOOP EXECUTE format('DROP TRIGGER %I ON %s', made.tgname, made.on_table); END LOOP;
         END $$;
         DROP TABLE tenancy_migration;
         DROP FUNCTION tenancy_changed() CASCADE;
         CREATE ROLE {0}_mallory LOGIN;
         CREATE SCHEMA {0}_open; GRANT ALL ON SCHEMA {0}_open TO {0}_mallory;
         ALTER DATABASE {0} SET search_path = {0}_open, public;",
        database.name
    ));
    database.sql(&format!(
        "SET ROLE {0}_mallory;
         CREATE TABLE {0}_open.tenancy_change (transaction xid8, entity_type text, entity_id text);
         CREATE TABLE {0}_open.tenancy_horizon (pruned_to xid8);
         GRANT SELECT ON {0}_open.tenancy_change, {0}_open.tenancy_horizon TO PUBLIC;",
        database.name
    ));
    let sidecar = Start::new()
        .with(&["--tenancy", &database.url()])
        .variable("PEPPOL_AUTHZ_STORE__MIGRATE", "false")
        .variable("PEPPOL_AUTHZ_FRESHNESS__UNTOLD_MAX_AGE", "100ms")
        .start();
    assert_eq!(decision(&sidecar, &asked()), "Deny");
    database.sql(GRANT);
    until("it is seen", || decision(&sidecar, &asked()) == "Allow");
    database.sql("DELETE FROM membership WHERE organisation_id = 'globex'");
    until("it is seen", || decision(&sidecar, &asked()) == "Deny");
    assert_eq!(decision(&sidecar, &with("maxAge", "0s")), "Deny");
}

/// A view that somebody else puts before it in the path is not read.
#[test]
fn a_view_of_another_schema_does_not_take_the_place_of_one_that_was_read() {
    let database = quickstart(&SHARED);
    database.sql(&format!(
        "CREATE SCHEMA {0}_open; ALTER DATABASE {0} SET search_path = {0}_open, public",
        database.name
    ));
    let sidecar = Start::new().with(&["--tenancy", &database.url()]).start();
    assert_eq!(decision(&sidecar, &asked()), "Deny");
    database.sql(&format!(
        "CREATE VIEW {0}_open.\"Peppol::User.tags\" AS
           SELECT 'anna' AS id, 'globex' AS key, ARRAY['orgadmin'] AS value;
         UPDATE registered_user SET superadmin = superadmin WHERE id = 'anna'",
        database.name
    ));
    for _ in 0..3 {
        assert_eq!(decision(&sidecar, &with("maxAge", "0s")), "Deny");
    }
}

/// As in the middle of a restore: the rows are there, and triggers are not yet.
#[test]
fn tables_that_are_not_whole_are_not_answered_from() {
    for broken in [
        "DROP TRIGGER membership_changed_by_insert ON membership",
        "ALTER TABLE membership DISABLE TRIGGER membership_changed_by_delete",
        "DELETE FROM tenancy_noted",
        "DELETE FROM tenancy_history",
        "DROP TABLE tenancy_noted",
        "DROP TABLE tenancy_change",
    ] {
        let database = quickstart(&SHARED);
        database.sql(broken);
        let sidecar = Start::new()
            .with(&["--tenancy", &database.url()])
            .start_listening();
        until("it says so", || {
            let missing = sidecar.get("/readyz").text;
            missing.contains("restore is going on")
        });
        let reply = sidecar.post("/v1/is_authorized", &asked());
        assert_ne!(reply.status, 200, "{broken}: {}", reply.text);
    }
}

/// A copy by CREATE DATABASE … TEMPLATE is the same in all but its own number.
#[test]
fn a_database_that_takes_the_place_of_its_copy_is_another_history() {
    let server = Server::start(&[]);
    let database = quickstart(&server);
    let other = server.database();
    let swap = |one: &str, by: &str| {
        other.sql(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ('{one}', '{by}');
             ALTER DATABASE {one} RENAME TO {one}_old;
             ALTER DATABASE {by} RENAME TO {one}"
        ));
    };
    other.sql(&format!("CREATE DATABASE kept TEMPLATE {}", database.name));
    let sidecar = slow(&database.url());
    database.sql(GRANT);
    until("it is seen", || decision(&sidecar, &asked()) == "Allow");
    let lost = database.sql("SELECT tenancy_revision()");
    swap(&database.name, "kept");
    database.sql(OTHER);
    until("it answers", || {
        sidecar
            .post("/v1/is_authorized", &with("maxAge", "0s"))
            .status
            == 200
    });
    assert_eq!(decision(&sidecar, &with("maxAge", "0s")), "Deny");
    assert_eq!(decision(&sidecar, &asked()), "Deny");
    assert_of_another_history(&sidecar, &lost);
}

/// A server ends all its processes where one has died, and goes on by itself. What was not written to
/// disk yet is lost, and its number is given to another.
#[test]
fn a_server_that_loses_what_it_said_is_another_history() {
    let settings = [
        "synchronous_commit=off",
        "wal_writer_delay=10s",
        "autovacuum=off",
    ];
    let server = Server::start(&settings);
    let database = quickstart(&server);
    database.sql("CHECKPOINT");
    let sidecar = slow(&database.url());
    assert_eq!(decision(&sidecar, &asked()), "Deny");
    let mut writer = PsqlSession::on(&database);
    let pid = writer.run("SELECT pg_backend_pid()");
    let lost = writer.run(&format!(
        "BEGIN; {GRANT}; SELECT tenancy_revision(); COMMIT"
    ));
    until("it is seen", || decision(&sidecar, &asked()) == "Allow");
    let seen = revision(&sidecar);
    succeed(Command::new("kill").args(["-9", &pid]));
    until("the connection is gone", || {
        let answered = database.psql().args(["-c", "SELECT 1"]).output().unwrap();
        !answered.status.success()
    });
    server.wait();
    let count =
        "SELECT count(*) FROM membership WHERE (user_id, organisation_id) = ('anna', 'globex')";
    assert_eq!(database.sql(count), "0");
    for _ in 0..20 {
        database.sql(OTHER);
    }
    until("it answers again", || {
        let reply = sidecar.post("/v1/is_authorized", &with("maxAge", "0s"));
        reply.status == 200
    });
    assert_eq!(decision(&sidecar, &with("maxAge", "0s")), "Deny");
    assert_eq!(decision(&sidecar, &asked()), "Deny");
    for lost in [lost, seen] {
        assert_of_another_history(&sidecar, &lost);
    }
}
