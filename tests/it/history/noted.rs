//! Notes of a SQLite database that do not tell all: of another type, without triggers, or not written.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use serde_json::{Value, json};

use super::decision;
use crate::sidecar::{Sidecar, Start};

pub(super) fn sql(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

/// Allowed in every mode but DEMO.
pub(super) fn upload() -> Value {
    json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"uploadCertificate\"",
        "resource": "Peppol::Organisation::\"acme\"",
    })
}

/// Over the tenancy of the examples, with `acme` out of DEMO.
pub(super) fn quickstart() -> Sidecar {
    let sidecar = Start::quickstart().start();
    sql(
        &sidecar.path("tenancy.db"),
        "UPDATE organisation SET mode = 'SHARED' WHERE id = 'acme'",
    );
    assert_eq!(decision(&sidecar, &upload()), "Allow");
    sidecar
}

/// The running sidecar and one that starts now see a write that comes after a change of the tables.
pub(super) fn is_seen_after(change: &str, write: impl FnOnce(&Path)) {
    let running = quickstart();
    let path = running.path("tenancy.db");
    sql(&path, change);
    let source = format!("sqlite:{}", path.display());
    let started = Start::new().with(&["--tenancy", &source]).start();
    for sidecar in [&running, &started] {
        assert_eq!(decision(sidecar, &upload()), "Allow", "{change}");
    }
    write(&path);
    for sidecar in [&running, &started] {
        assert_eq!(decision(sidecar, &upload()), "Deny", "{change}");
    }
}

fn to_demo(path: &Path) {
    sql(
        path,
        "UPDATE organisation SET mode = 'DEMO' WHERE id = 'acme'",
    );
}

/// A view of organisations whose mode is DEMO where some condition holds.
pub(super) fn view(condition: &str) -> String {
    format!(
        "DROP VIEW \"Peppol::Organisation\";
         CREATE VIEW \"Peppol::Organisation\" AS
         SELECT id, CASE WHEN {condition} THEN 'DEMO' ELSE mode END AS mode,
           mode_change_request AS \"modeChangeRequest\", contact_types AS \"contactTypes\",
           coalesce(participant_limit, 10) AS \"participantLimit\", 0 AS participants, NULL AS \"onlyOrgadmin\"
         FROM organisation;"
    )
}

#[test]
fn a_table_that_is_noted_for_another_type_is_not_trusted() {
    let change = view("EXISTS (SELECT 1 FROM document WHERE direction = 'frozen')");
    is_seen_after(&change, |path| {
        sql(
            path,
            "INSERT INTO legal_entity SELECT 'le-frozen', 'acme';
             INSERT INTO document VALUES ('d-frozen', 'le-frozen', 'frozen')",
        );
    });
    // Nor one whose type an operator did not say.
    let change = view("EXISTS (SELECT 1 FROM frozen)");
    let untyped = "CREATE TABLE frozen (id TEXT PRIMARY KEY) STRICT;
                   INSERT INTO tenancy_noted (name, entity_type) VALUES ('frozen', '');";
    is_seen_after(&format!("{untyped}{change}"), |path| {
        sql(path, "INSERT INTO frozen VALUES ('x')");
    });
}

#[test]
fn triggers_that_are_not_there_are_not_trusted() {
    let rebuilt = "
        CREATE TABLE organisation_new (
          id TEXT PRIMARY KEY NOT NULL, legal_identifier_code TEXT, legal_identifier TEXT,
          mode TEXT NOT NULL, mode_change_request TEXT, contact_types TEXT NOT NULL DEFAULT '[]',
          participant_limit INTEGER
        ) STRICT, WITHOUT ROWID;
        INSERT INTO organisation_new SELECT * FROM organisation;
        PRAGMA foreign_keys = off;
        PRAGMA legacy_alter_table = on;
        DROP TABLE organisation;
        ALTER TABLE organisation_new RENAME TO organisation;";
    let of_a_column = "
        DROP TRIGGER organisation_updated;
        CREATE TRIGGER organisation_updated AFTER UPDATE OF participant_limit ON organisation
        BEGIN
          INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Organisation', NEW.id);
        END;";
    for change in ["DROP TRIGGER organisation_updated", rebuilt, of_a_column] {
        is_seen_after(change, to_demo);
    }
}

#[test]
fn a_write_without_triggers_is_seen() {
    for vacuum in [false, true] {
        let sidecar = quickstart();
        let path = sidecar.path("tenancy.db");
        let connection = Connection::open(&path).unwrap();
        let triggers = DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER;
        connection.set_db_config(triggers, false).unwrap();
        if vacuum {
            connection.execute_batch("VACUUM").unwrap();
            assert_eq!(decision(&sidecar, &upload()), "Allow");
        }
        let demo = "UPDATE organisation SET mode = 'DEMO' WHERE id = 'acme'";
        connection.execute_batch(demo).unwrap();
        assert_eq!(decision(&sidecar, &upload()), "Deny");
        // And so is the next one, with another that has a record between.
        connection
            .execute_batch("UPDATE organisation SET mode = 'SHARED' WHERE id = 'acme'")
            .unwrap();
        assert_eq!(decision(&sidecar, &upload()), "Allow");
        sql(&path, "UPDATE registered_user SET superadmin = superadmin");
        assert_eq!(decision(&sidecar, &upload()), "Allow");
        connection.execute_batch(demo).unwrap();
        assert_eq!(decision(&sidecar, &upload()), "Deny");
    }
}

/// An added table that does as the shipped ones do drops nothing else from memory.
#[test]
fn a_table_of_an_operator_that_notes_its_changes_is_trusted() {
    let sidecar = quickstart();
    let path = sidecar.path("tenancy.db");
    let trigger = |operation: &str, row: &str| {
        format!(
            "CREATE TRIGGER frozen_{operation} AFTER {operation} ON frozen
             BEGIN
               INSERT INTO tenancy_change (entity_type, entity_id)
               VALUES ('Peppol::Organisation', {row}.organisation_id);
             END;"
        )
    };
    sql(
        &path,
        &format!(
            "CREATE TABLE frozen (organisation_id TEXT PRIMARY KEY) STRICT;
             INSERT INTO tenancy_noted (name, entity_type) VALUES ('frozen', 'Peppol::Organisation');
             {}{}{}{}",
            trigger("INSERT", "NEW"),
            trigger("UPDATE", "NEW"),
            trigger("DELETE", "OLD"),
            view("EXISTS (SELECT 1 FROM frozen WHERE organisation_id = id)"),
        ),
    );
    let loads = || {
        let text = sidecar.get("/metrics").text;
        let mut lines = text.lines();
        let line = lines.find(|line| line.starts_with("peppol_authz_cache_misses_total "));
        line.map(str::to_owned).unwrap_or_else(|| panic!("{text}"))
    };
    assert_eq!(decision(&sidecar, &upload()), "Allow");
    let before = loads();
    sql(
        &path,
        "INSERT INTO organisation (id, mode) VALUES ('another', 'DEMO')",
    );
    assert_eq!(decision(&sidecar, &upload()), "Allow");
    assert_eq!(loads(), before);
    sql(&path, "INSERT INTO frozen VALUES ('acme')");
    assert_eq!(decision(&sidecar, &upload()), "Deny");
}

/// The list says of each table the types that its triggers really write.
#[test]
fn the_list_of_noted_tables_is_what_triggers_do() {
    let sidecar = quickstart();
    let connection = Connection::open(sidecar.path("tenancy.db")).unwrap();
    connection
        .execute_batch(
            "INSERT INTO access_point VALUES ('ap-noted', 'TEST', 'acme');
             INSERT INTO invitation VALUES ('i-noted', 'acme', 'i@acme.example', 'orgmember');
             INSERT INTO legal_entity VALUES ('le-noted', 'acme');
             INSERT INTO document VALUES ('d-noted', 'le-noted', 'in');
             INSERT INTO sub_account VALUES ('s-noted', 'acme', 0);
             INSERT INTO account VALUES ('s-noted@acme.example', NULL, 's-noted');
             INSERT INTO sub_account_legal_entity VALUES ('s-noted', 'le-noted');
             INSERT INTO participant VALUES ('iso6523-actorid-upis::0007:noted', 'acme', 'TEST');
             INSERT INTO party_authorization
             VALUES ('iso6523-actorid-upis::0007:noted', 'anna', 'x', 1, 1, 1, 1);",
        )
        .unwrap();
    let rows = |sql: &str| -> BTreeSet<(String, String)> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().map(Result::unwrap).collect()
    };
    let named = rows("SELECT name, entity_type FROM tenancy_noted WHERE NOT derived");
    let tables: BTreeSet<&String> = named.iter().map(|(table, _)| table).collect();
    assert_eq!(tables.len(), 12);
    let mut noted = BTreeSet::new();
    for table in tables {
        let column: String = connection
            .query_row(
                "SELECT name FROM pragma_table_info(?1) LIMIT 1",
                [table],
                |row| row.get(0),
            )
            .unwrap();
        connection
            .execute_batch(&format!(
                "DELETE FROM tenancy_change; UPDATE {table} SET {column} = {column}"
            ))
            .unwrap();
        let types = rows("SELECT DISTINCT entity_type, '' FROM tenancy_change");
        assert!(!types.is_empty(), "{table} has no rows");
        noted.extend(types.into_iter().map(|(name, _)| (table.clone(), name)));
    }
    assert_eq!(noted, named);
}
