//! A SQLite database whose tables and triggers are not as this program makes them: what they record
//! is not trusted.

use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::decision;
use super::noted::{is_seen_after, quickstart, sql, upload, view};
use crate::sidecar::Start;

/// A write with a record beside it, in one commit: the record alone shows no more than a write.
fn in_one_commit(write: &str) -> impl FnOnce(&Path) {
    let text = format!(
        "PRAGMA foreign_keys = off; BEGIN; {write};
         UPDATE registered_user SET superadmin = superadmin WHERE id = 'root'; COMMIT"
    );
    move |path| sql(path, &text)
}

const TO_DEMO: &str = "UPDATE organisation SET mode = 'DEMO' WHERE id = 'acme'";

/// A trigger of organisations in the place of the shipped one.
fn replaced(condition: &str, first: &str) -> String {
    format!(
        "DROP TRIGGER organisation_updated;
         CREATE TRIGGER organisation_updated AFTER UPDATE ON organisation {condition}
         BEGIN
           {first}
           INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Organisation', NEW.id);
         END;"
    )
}

#[test]
fn a_trigger_in_the_place_of_a_shipped_one() {
    for change in [
        replaced("WHEN 0", ""),
        replaced("", "SELECT RAISE(IGNORE);"),
        replaced("", "").replace("NEW.id", "'other'"),
        replaced("", "").replace("Peppol::Organisation", "Peppol::User"),
    ] {
        is_seen_after(&change, in_one_commit(TO_DEMO));
    }
}

/// In SQLite a trigger that was made later runs first.
#[test]
fn a_trigger_beside_the_shipped_ones() {
    for change in [
        "CREATE TRIGGER other AFTER UPDATE ON organisation BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER other AFTER UPDATE ON ORGANISATION BEGIN SELECT raise ( ignore ); END",
        "CREATE TRIGGER other BEFORE INSERT ON tenancy_change
         WHEN NEW.entity_type = 'Peppol::Organisation' BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER other AFTER INSERT ON Tenancy_Change
         BEGIN UPDATE tenancy_change SET entity_id = 'other' WHERE number = NEW.number; END",
        // By a table in between.
        "CREATE TABLE audit (id TEXT);
         CREATE TRIGGER other AFTER UPDATE ON organisation BEGIN INSERT INTO audit VALUES (NEW.id); END;
         CREATE TRIGGER another AFTER INSERT ON audit
         BEGIN UPDATE tenancy_change SET entity_id = 'x' WHERE entity_type = 'Peppol::Organisation'; END",
    ] {
        is_seen_after(change, |path| {
            // Of triggers on one event the order is nobody's promise.
            sql(path, "UPDATE registered_user SET superadmin = superadmin");
            in_one_commit(TO_DEMO)(path);
        });
    }
}

/// Rows that give way to others without a trigger that says so.
#[test]
fn a_row_that_is_replaced_without_a_record() {
    let cases = [
        (
            "DROP TRIGGER account_replacing_insert",
            "INSERT OR REPLACE INTO account VALUES ('anna@acme.example', 'nobody', NULL)",
        ),
        (
            "CREATE UNIQUE INDEX other ON organisation (participant_limit)",
            "INSERT OR REPLACE INTO organisation (id, mode, participant_limit) VALUES ('new', 'SHARED', 10)",
        ),
    ];
    for (change, write) in cases {
        is_seen_after(change, in_one_commit(write));
    }
}

/// The table is made anew with all of its triggers, and with other keys.
#[test]
fn a_table_that_was_made_anew_with_another_key() {
    let insert = "INSERT OR REPLACE INTO organisation";
    for (was, now, write) in [
        (
            "participant_limit     INTEGER",
            "participant_limit INTEGER UNIQUE",
            "(id, mode, participant_limit) VALUES ('new', 'SHARED', 10)",
        ),
        (
            "PRIMARY KEY NOT NULL",
            "PRIMARY KEY NOT NULL COLLATE NOCASE",
            "(id, mode) VALUES ('ACME', 'SHARED')",
        ),
        (
            ", WITHOUT ROWID",
            "",
            "(rowid, id, mode) SELECT rowid, 'new', 'SHARED' FROM organisation WHERE id = 'acme'",
        ),
    ] {
        let sidecar = quickstart();
        let path = sidecar.path("tenancy.db");
        let connection = Connection::open(&path).unwrap();
        let made = |kind: &str| -> Vec<String> {
            let sql = "SELECT sql FROM sqlite_schema
                WHERE tbl_name = 'organisation' AND type = ?1 AND sql IS NOT NULL";
            let mut statement = connection.prepare(sql).unwrap();
            let found = statement.query_map([kind], |row| row.get(0)).unwrap();
            found.map(Result::unwrap).collect()
        };
        let table = made("table").remove(0);
        assert!(table.contains(was), "{table}");
        let table = table.replacen(was, now, 1);
        let table = table.replacen("TABLE organisation", "TABLE organisation_new", 1);
        let more = [made("index"), made("trigger")].concat().join(";\n");
        connection
            .execute_batch(&format!(
                "PRAGMA foreign_keys = off; PRAGMA legacy_alter_table = on; BEGIN; {table};
                 INSERT INTO organisation_new SELECT * FROM organisation; DROP TABLE organisation;
                 ALTER TABLE organisation_new RENAME TO organisation; {more}; COMMIT"
            ))
            .unwrap();
        assert_eq!(decision(&sidecar, &upload()), "Allow");
        in_one_commit(&format!("{insert} {write}"))(&path);
        assert_eq!(decision(&sidecar, &upload()), "Deny", "{now}");
    }
}

/// A record names the entity of its row: a view that shows it in another one is not told of.
#[test]
fn a_view_that_shows_other_rows_of_its_table() {
    let by_another = "
        DROP VIEW \"Peppol::Organisation\"; CREATE VIEW others AS SELECT id, mode FROM organisation;
        CREATE VIEW \"Peppol::Organisation\" AS
        SELECT o.id, (SELECT mode FROM others WHERE others.id = 'globex') AS mode,
          NULL AS \"modeChangeRequest\", contact_types AS \"contactTypes\", 10 AS \"participantLimit\",
          0 AS participants, NULL AS \"onlyOrgadmin\"
        FROM Organisation AS o;";
    let columns = "mode_change_request AS \"modeChangeRequest\", contact_types AS \"contactTypes\",
          10 AS \"participantLimit\", 0 AS participants, NULL AS \"onlyOrgadmin\"";
    let by_a_common_table = format!(
        "DROP VIEW \"Peppol::Organisation\";
        CREATE VIEW \"Peppol::Organisation\" AS
        WITH every AS (SELECT * FROM organisation)
        SELECT id, (SELECT mode FROM every AS other WHERE other.id = 'globex') AS mode, {columns} FROM every;"
    );
    let by_a_view_with_a_window = format!(
        "DROP VIEW \"Peppol::Organisation\";
        CREATE VIEW windowed AS SELECT *, first_value(mode) OVER (ORDER BY id DESC) AS first FROM organisation;
        CREATE VIEW \"Peppol::Organisation\" AS SELECT id, first AS mode, {columns} FROM windowed;"
    );
    for change in [
        &view("(SELECT other.mode FROM organisation AS other WHERE other.id = 'globex') = 'DEMO'"),
        &view("(SELECT o.mode FROM main.organisation AS o WHERE o.id = 'globex') = 'DEMO'"),
        &view("(SELECT o.mode FROM \"main\" . [organisation] o WHERE o.id = 'globex') = 'DEMO'"),
        &view("first_value(mode) OVER (ORDER BY id DESC) = 'DEMO'"),
        by_another,
        &by_a_common_table,
        &by_a_view_with_a_window,
    ] {
        is_seen_after(change, |path| {
            sql(
                path,
                "UPDATE organisation SET mode = 'DEMO' WHERE id = 'globex'",
            );
        });
    }
}

/// A table that notes all of its changes, and of which a view gathers the rows of all entities.
#[test]
fn a_view_that_gathers_rows_of_others() {
    for gathered in [
        "(SELECT count(*) FROM frozen) > 0",
        "(SELECT max(organisation_id) FROM frozen) > ''",
        "id >= (SELECT organisation_id FROM frozen ORDER BY 1 LIMIT 1)",
        "'globex' IN (SELECT organisation_id FROM frozen UNION SELECT 'none')",
    ] {
        let change = own(
            "organisation_id TEXT PRIMARY KEY",
            NOTED,
            &triggers(RECORD, ""),
        );
        let single = "EXISTS (SELECT 1 FROM frozen WHERE organisation_id = organisation.id)";
        let change = change.replace(single, gathered);
        is_seen_after(&change, |path| {
            sql(path, "INSERT INTO frozen VALUES ('a'), ('globex')");
        });
    }
}

/// One trigger of a table does not stand for all the types that the table is noted for.
#[test]
fn a_trigger_of_one_type_does_not_stand_for_another() {
    let sidecar = quickstart();
    let path = sidecar.path("tenancy.db");
    sql(&path, "DROP TRIGGER participant_identifier_inserted");
    let create = json!({
        "principal": "Peppol::User::\"mia\"",
        "action": "Peppol::Action::\"createParticipant\"",
        "resource": "Peppol::Organisation::\"globex\"",
        "context": {"environment": "TEST", "participant": "0088:5790000435968"},
    });
    assert_eq!(decision(&sidecar, &create), "Allow");
    sql(
        &path,
        "INSERT INTO participant VALUES ('iso6523-actorid-upis::0088:5790000435968', 'acme', 'TEST')",
    );
    assert_eq!(decision(&sidecar, &create), "Deny");
}

/// A table of an operator's own that notes its changes, as far as they say.
fn own(columns: &str, noted: &str, triggers: &str) -> String {
    format!(
        "CREATE TABLE frozen ({columns});
         INSERT INTO tenancy_noted {noted};
         {triggers}
         {}",
        view("EXISTS (SELECT 1 FROM frozen WHERE organisation_id = organisation.id)")
    )
}

fn triggers(body: &str, when: &str) -> String {
    let of = |event: &str, row: &str| {
        format!(
            "CREATE TRIGGER frozen_{event} AFTER {event} ON frozen {when}
             BEGIN {} END;",
            body.replace("ROW", row)
        )
    };
    [
        of("INSERT", "NEW"),
        of("UPDATE", "NEW"),
        of("DELETE", "OLD"),
    ]
    .concat()
}

const NOTED: &str = "(name, entity_type) VALUES ('frozen', 'Peppol::Organisation')";
const RECORD: &str = "INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Organisation', ROW.organisation_id);";

#[test]
fn a_table_of_an_operator_that_does_not_note_all() {
    let key = "organisation_id TEXT PRIMARY KEY";
    let changes = [
        // The word of the operator alone.
        own(
            key,
            "(name, entity_type, derived) VALUES ('frozen', 'Peppol::Organisation', 1)",
            "",
        ),
        // Without a type, as it was written before there were types.
        own(key, "(name) VALUES ('frozen')", &triggers(RECORD, "")),
        own(
            key,
            NOTED,
            &triggers(&RECORD.replace("Organisation", "User"), ""),
        ),
        own(key, NOTED, &triggers(RECORD, "WHEN 0")),
        own(
            key,
            NOTED,
            &format!(
                "{} CREATE TRIGGER other AFTER INSERT ON frozen BEGIN SELECT RAISE(IGNORE); END;",
                triggers(RECORD, "")
            ),
        ),
    ];
    for change in changes {
        is_seen_after(&change, in_one_commit("INSERT INTO frozen VALUES ('acme')"));
    }
    // A row that gives way is another organisation's.
    let two = own(
        "id TEXT PRIMARY KEY, organisation_id TEXT",
        NOTED,
        &triggers(RECORD, ""),
    );
    let held = two.replace(
        "EXISTS (SELECT 1 FROM frozen WHERE organisation_id = organisation.id)",
        "NOT EXISTS (SELECT 1 FROM frozen WHERE organisation_id = organisation.id)",
    );
    let held = format!("{held}; INSERT INTO frozen VALUES ('1', 'acme')");
    is_seen_after(
        &held,
        in_one_commit("INSERT OR REPLACE INTO frozen VALUES ('1', 'globex')"),
    );
}

fn loads(sidecar: &crate::sidecar::Sidecar) -> String {
    let text = sidecar.get("/metrics").text;
    let mut lines = text.lines();
    let line = lines.find(|line| line.starts_with("peppol_authz_cache_misses_total "));
    line.map(str::to_owned).unwrap_or_else(|| panic!("{text}"))
}

/// An operator who adds columns, indexes and triggers that touch nothing of the shipped ones keeps what is in
/// memory.
#[test]
fn what_an_operator_may_add() {
    let sidecar = quickstart();
    let path = sidecar.path("tenancy.db");
    sql(
        &path,
        "ALTER TABLE organisation ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0 CHECK (suspended IN (0, 1));
         ALTER TABLE registered_user ADD COLUMN note TEXT;
         CREATE INDEX organisation_mode ON organisation (mode);
         CREATE TABLE audit (at TEXT PRIMARY KEY DEFAULT (datetime()), id TEXT);
         CREATE TRIGGER audit_organisation AFTER UPDATE ON organisation
         BEGIN INSERT INTO audit (at, id) VALUES (random(), NEW.id); END;
         CREATE TRIGGER check_organisation BEFORE UPDATE ON organisation WHEN NEW.id = 'never'
         BEGIN SELECT RAISE(ABORT, 'never'); END;",
    );
    sql(
        &path,
        &view("suspended = 1").replace("SELECT id", "-- as ever\n SELECT id"),
    );
    assert_eq!(decision(&sidecar, &upload()), "Allow");
    let before = loads(&sidecar);
    sql(
        &path,
        "INSERT INTO organisation (id, mode) VALUES ('another', 'DEMO');
         UPDATE organisation SET suspended = 1 WHERE id = 'another'",
    );
    assert_eq!(decision(&sidecar, &upload()), "Allow");
    assert_eq!(loads(&sidecar), before);
    sql(
        &path,
        "UPDATE organisation SET suspended = 1 WHERE id = 'acme'",
    );
    assert_eq!(decision(&sidecar, &upload()), "Deny");
}

/// The log names what is not as it should be, once.
#[test]
fn what_is_altered_is_named_once() {
    let mut sidecar = quickstart();
    let path = sidecar.path("tenancy.db");
    sql(
        &path,
        "DROP TRIGGER document_deleted; CREATE UNIQUE INDEX mine ON membership (member_role, user_id, organisation_id);
         DROP INDEX membership_organisation",
    );
    for _ in 0..3 {
        assert_eq!(decision(&sidecar, &upload()), "Allow");
        sql(&path, "UPDATE registered_user SET superadmin = superadmin");
    }
    let told = |log: &[Value]| -> Vec<String> {
        let altered = log.iter().filter_map(|record| record["altered"].as_str());
        altered.map(str::to_owned).collect()
    };
    let told = told(&sidecar.stop());
    assert_eq!(told.len(), 1, "{told:?}");
    for name in ["document_deleted", "mine", "membership_organisation"] {
        assert!(told[0].contains(name), "{told:?}");
    }
    // And so by a process that starts now.
    let source = format!("sqlite:{}", path.display());
    let mut started = Start::new().with(&["--tenancy", &source]).start();
    let log = started.stop();
    assert!(
        log.iter()
            .any(|record| record["altered"] == told[0].as_str()),
        "{log:#?}"
    );
}
