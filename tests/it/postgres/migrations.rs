//! Migrations: several sidecars at once make the tables once. None are made in a newer
//! version's or another program's database, and none where the setting forbids it.

use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::client::{until_missing, until_ready};
use super::server::{Database, SHARED};
use crate::sidecar::{Sidecar, Start, program};

fn over(database: &Database) -> Start {
    Start::new().with(&["--tenancy", &database.url()])
}

/// A question that is answered, of whatever is in the database.
fn is_answered(sidecar: &Sidecar) {
    let decision = sidecar.ask(&json!({
        "principal": "Peppol::User::\"nobody\"",
        "action": "Peppol::Action::\"createOrganisation\"",
        "resource": "Peppol::Platform::\"platform\"",
    }));
    assert_eq!(decision["decision"], "Deny");
    assert_eq!(decision["reasons"][0]["code"], "UNKNOWN_PRINCIPAL");
}

/// No question is, and what it says to that.
fn is_not_ready(sidecar: &Sidecar) {
    let reply = sidecar.post("/v1/is_authorized", &Value::Null);
    assert_eq!(reply.status, 503, "{}", reply.text);
    assert_eq!(reply.json()["code"], "NOT_READY");
}

fn relations(database: &Database) -> String {
    database.sql(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname",
    )
}

#[test]
fn several_that_start_at_once_on_an_empty_database_all_become_ready() {
    let database = SHARED.database();
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| is_answered(&over(&database).start()));
        }
    });
    let applied = database.sql("SELECT count(*) = count(DISTINCT version) FROM tenancy_migration");
    assert_eq!(applied, "t");
}

/// Not one of which tries again.
#[test]
fn several_that_migrate_at_once_all_succeed() {
    let database = SHARED.database();
    let migrate = || {
        let mut command = program();
        command.args(["migrate", "--tenancy", &database.url()]);
        command.stderr(Stdio::piped()).stdout(Stdio::null());
        command.spawn().unwrap()
    };
    let children: Vec<Child> = (0..6).map(|_| migrate()).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
    }
}

#[test]
fn a_database_of_a_newer_version_is_left_alone_until_it_is_none() {
    let database = SHARED.database();
    drop(over(&database).start());
    let newest = database.sql("SELECT max(version) FROM tenancy_migration");
    database.sql(
        "INSERT INTO tenancy_migration (version, name, applied_on)
         SELECT 99, 'later', applied_on FROM tenancy_migration WHERE version = 1",
    );
    let before = relations(&database);
    let sidecar = over(&database).start_listening();
    until_missing(&sidecar, &["newer version", "99", &newest]);
    is_not_ready(&sidecar);
    assert_eq!(relations(&database), before);
    database.sql("DELETE FROM tenancy_migration WHERE version = 99");
    until_ready(&sidecar);
    is_answered(&sidecar);
}

/// Takes away all that the versions after 2 have made.
pub(crate) const BACK_TO_2: &str = "DROP TABLE tenancy_history, tenancy_noted;
     DROP FUNCTION tenancy_history(), tenancy_whole_since();
     CREATE OR REPLACE FUNCTION tenancy_record(entity_types text[], entity_ids text[]) RETURNS void
     LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
       INSERT INTO tenancy_change (entity_type, entity_id) SELECT * FROM unnest(entity_types, entity_ids)
     $$;
     DROP VIEW \"Peppol::ParticipantIdentifier\", \"Peppol::User\", \"Peppol::Organisation\";
     DROP TABLE invitation CASCADE;
     DROP FUNCTION tenancy_derive_orgadmins() CASCADE;
     DROP TABLE derived_orgadmin;
     DROP INDEX membership_orgadmin;
     DROP TRIGGER participant_identifier_changed_by_insert ON participant;
     DROP TRIGGER participant_identifier_changed_by_update ON participant;
     DROP TRIGGER participant_identifier_changed_by_delete ON participant;
     DELETE FROM tenancy_migration WHERE version > 2;";

/// And what version 2 has made.
const BACK_TO_1: &str = "DROP INDEX registered_user_superadmin;
     DELETE FROM tenancy_migration WHERE version = 2;
     INSERT INTO registered_user (id, email_verified, superadmin) VALUES ('old', true, true);";

/// The history as the library wrote it that ran the migrations of versions before this one.
fn with_old_history(database: &Database) {
    database.sql(
        "DROP TABLE tenancy_migration;
         CREATE TABLE tenancy_migration(
             version INT4 PRIMARY KEY,
             name VARCHAR(255),
             applied_on VARCHAR(255),
             checksum VARCHAR(255));
         INSERT INTO tenancy_migration (version, name, applied_on, checksum) VALUES
           (1, 'tenancy', '2026-07-01T08:15:30.123456789Z', '11884417834157116422'),
           (2, 'search', '2026-07-01T08:15:30.234567891Z', '4203125486183470171');",
    );
}

#[test]
fn a_database_with_the_history_of_an_older_program_is_taken_over() {
    let database = SHARED.database();
    drop(over(&database).start());
    let made = relations(&database);
    database.sql(BACK_TO_2);
    with_old_history(&database);
    let history =
        || database.sql("SELECT * FROM tenancy_migration WHERE version < 3 ORDER BY version");
    let before = history();
    is_answered(&over(&database).start());
    assert_eq!((relations(&database), history()), (made.clone(), before));

    // One version behind: what is new is noted beside what is there.
    database.sql(BACK_TO_2);
    database.sql(BACK_TO_1);
    is_answered(&over(&database).start());
    assert_eq!(relations(&database), made);
    assert_eq!(
        database.sql("SELECT id FROM registered_user WHERE superadmin"),
        "old"
    );
    let applied = database.sql(
        "SELECT string_agg(concat_ws(' ', version, name, checksum), ', ' ORDER BY version)
         FROM tenancy_migration WHERE applied_on > '2026' AND version < 3",
    );
    assert_eq!(applied, "1 tenancy 11884417834157116422, 2 search");

    // And one of a newer program is not.
    database.sql("INSERT INTO tenancy_migration VALUES (99, 'later', '2026', '0')");
    let sidecar = over(&database).start_listening();
    until_missing(&sidecar, &["newer version", "99"]);
    is_not_ready(&sidecar);
}

#[test]
fn a_database_of_version_1_is_upgraded_and_keeps_what_it_holds() {
    let database = SHARED.database();
    drop(over(&database).start());
    let before = relations(&database);
    let newest_before = database.sql("SELECT max(version) FROM tenancy_migration");
    database.sql(BACK_TO_2);
    database.sql(BACK_TO_1);
    let sidecar = over(&database).start();
    is_answered(&sidecar);
    assert_eq!(relations(&database), before);
    assert_eq!(
        database.sql("SELECT id FROM registered_user WHERE superadmin"),
        "old"
    );
    let newest = database.sql("SELECT max(version) FROM tenancy_migration");
    assert_eq!(newest, newest_before);
}

#[test]
fn without_leave_to_migrate_an_empty_database_is_waited_for() {
    let database = SHARED.database();
    let sidecar = over(&database)
        .variable("PEPPOL_AUTHZ_STORE__MIGRATE", "false")
        .start_listening();
    until_missing(&sidecar, &["none of the views", "peppol-authz migrate"]);
    is_not_ready(&sidecar);
    assert_eq!(relations(&database), "");
    let migrate = || {
        let output = program()
            .args(["migrate", "--tenancy", &database.url()])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
    };
    migrate();
    until_ready(&sidecar);
    is_answered(&sidecar);
    // Once more changes nothing.
    let before = database.sql("SELECT * FROM tenancy_migration");
    migrate();
    assert_eq!(database.sql("SELECT * FROM tenancy_migration"), before);
}

#[test]
fn another_programs_database_is_never_migrated() {
    let database = SHARED.database();
    database.sql("CREATE TABLE invoice (number int); INSERT INTO invoice VALUES (7)");
    let sidecar = over(&database).start_listening();
    until_missing(&sidecar, &["none of the views"]);
    is_not_ready(&sidecar);
    let output = program()
        .args(["migrate", "--tenancy", &database.url()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(relations(&database), "invoice", "{said}");
    // Nor is anything imported into it.
    let file = sidecar.path("documents.ndjson");
    std::fs::write(&file, "").unwrap();
    let output = program()
        .args(["import", "--tenancy", &database.url()])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(relations(&database), "invoice");
}

/// A role that may not make tables says who should.
#[test]
fn a_role_that_may_not_make_tables_says_so() {
    let database = SHARED.database();
    let role = format!("{}_reader", database.name);
    database.sql(&format!("CREATE ROLE {role} LOGIN"));
    let url = database.url_of(&role, SHARED.port);
    let sidecar = Start::new().with(&["--tenancy", &url]).start_listening();
    until_missing(&sidecar, &["peppol-authz migrate", "may create tables"]);
    assert_eq!(relations(&database), "");
}
