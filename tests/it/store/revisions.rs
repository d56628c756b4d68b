//! Every state of the database has a name of its own, and a reader sees one.

use std::path::Path;
use std::sync::Arc;

use peppol_authz_database::Sqlite;
use peppol_authz_engine::schema::{Schema, Value};
use peppol_authz_engine::store::{Revision, Store, TagKeys};
use rusqlite::Connection;

use super::{DOCUMENTS, import, imported, runtime, shipped, uid};
use crate::sidecar::project;

fn revision(store: &Sqlite, schema: &Arc<Schema>) -> Revision {
    let snapshot = runtime().block_on(store.snapshot(schema, None)).unwrap();
    snapshot.revision().clone()
}

/// If the newest state holds another.
fn holds(store: &Sqlite, other: &Revision) -> Option<bool> {
    runtime().block_on(async {
        let mut snapshot = store.snapshot(&shipped(), None).await.unwrap();
        snapshot.holds(other).await.unwrap()
    })
}

fn database(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .pragma_update(None, "foreign_keys", true)
        .unwrap();
    connection
}

/// Writes by any program, and if they are noted, in this order: every row that is updated is,
/// since a view may read a column that was added later.
const WRITES: [(&str, bool); 42] = [
    ("INSERT INTO registered_user VALUES ('new', 1, 0)", true),
    (
        "UPDATE registered_user SET superadmin = 1 WHERE id = 'new'",
        true,
    ),
    (
        "UPDATE registered_user SET superadmin = 1 WHERE id = 'new'",
        true,
    ),
    ("INSERT INTO account VALUES ('new@x', 'new', NULL)", true),
    (
        "UPDATE account SET email = 'newer@x' WHERE user_id = 'new'",
        true,
    ),
    (
        "UPDATE account SET email = 'newer@x' WHERE user_id = 'new'",
        true,
    ),
    (
        "INSERT INTO organisation (id, mode) VALUES ('org', 'DEMO')",
        true,
    ),
    (
        "UPDATE organisation SET mode = 'SHARED' WHERE id = 'org'",
        true,
    ),
    (
        "UPDATE organisation SET mode_change_request = 'WHITELABEL' WHERE id = 'org'",
        true,
    ),
    (
        "UPDATE organisation SET contact_types = '[\"BUSINESS\"]' WHERE id = 'org'",
        true,
    ),
    (
        "UPDATE organisation SET participant_limit = 5 WHERE id = 'org'",
        true,
    ),
    (
        "UPDATE organisation SET participant_limit = 5 WHERE id = 'org'",
        true,
    ),
    (
        "INSERT INTO membership VALUES ('new', 'org', 'orgadmin')",
        true,
    ),
    (
        "INSERT INTO membership VALUES ('new', 'org', 'orgadmin') ON CONFLICT DO NOTHING",
        false,
    ),
    (
        "UPDATE membership SET member_role = 'ApUser' WHERE user_id = 'new'",
        true,
    ),
    ("DELETE FROM membership WHERE user_id = 'nobody'", false),
    ("DELETE FROM membership WHERE user_id = 'new'", true),
    (
        "INSERT INTO access_point VALUES ('ap', 'TEST', 'org')",
        true,
    ),
    (
        "UPDATE access_point SET organisation_id = NULL WHERE id = 'ap'",
        true,
    ),
    (
        "UPDATE access_point SET environment = 'PRODUCTION' WHERE id = 'ap'",
        true,
    ),
    ("DELETE FROM access_point WHERE id = 'ap'", true),
    ("INSERT INTO participant VALUES ('p', 'org', 'TEST')", true),
    (
        "UPDATE participant SET environment = 'PRODUCTION' WHERE id = 'p'",
        true,
    ),
    (
        "UPDATE participant SET organisation_id = 'acme' WHERE id = 'p'",
        true,
    ),
    (
        "INSERT INTO party_authorization VALUES ('p', 'new', 'n', 0, 0, 0, 0)",
        true,
    ),
    (
        "UPDATE party_authorization SET can_manage_hook = 1 WHERE participant_id = 'p'",
        true,
    ),
    (
        "UPDATE party_authorization SET can_manage_hook = 1 WHERE participant_id = 'p'",
        true,
    ),
    (
        "DELETE FROM party_authorization WHERE participant_id = 'p'",
        true,
    ),
    ("DELETE FROM participant WHERE id = 'p'", true),
    ("INSERT INTO legal_entity VALUES ('le', 'org')", true),
    (
        "UPDATE legal_entity SET organisation_id = 'acme' WHERE id = 'le'",
        true,
    ),
    ("INSERT INTO sub_account VALUES ('sa', 'acme', 0)", true),
    (
        "UPDATE sub_account SET full_access = 1 WHERE id = 'sa'",
        true,
    ),
    (
        "INSERT INTO sub_account_legal_entity VALUES ('sa', 'le')",
        true,
    ),
    (
        "DELETE FROM sub_account_legal_entity WHERE sub_account_id = 'sa'",
        true,
    ),
    ("INSERT INTO document VALUES ('d', 'le', 'SENT')", true),
    (
        "UPDATE document SET direction = 'RECEIVED' WHERE id = 'd'",
        true,
    ),
    ("DELETE FROM document WHERE id = 'd'", true),
    ("DELETE FROM sub_account WHERE id = 'sa'", true),
    ("DELETE FROM legal_entity WHERE id = 'le'", true),
    ("DELETE FROM organisation WHERE id = 'org'", true),
    ("DELETE FROM registered_user WHERE id = 'new'", true),
];

#[test]
fn a_write_of_any_program_to_any_table_is_another_state() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tenancy.db");
    let (store, schema) = (imported(&path), shipped());
    let connection = database(&path);
    let mut before = revision(&store, &schema);
    for (sql, changes) in WRITES {
        connection.execute_batch(sql).unwrap();
        let after = revision(&store, &schema);
        assert_eq!(after.name() != before.name(), changes, "{sql}");
        assert_eq!(holds(&store, &before), Some(true), "{sql}");
        assert_eq!(before.holds(&after) == Some(false), changes, "{sql}");
        before = after;
    }
}

#[test]
fn a_write_that_is_rolled_back_is_no_state() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tenancy.db");
    let (store, schema) = (imported(&path), shipped());
    let before = revision(&store, &schema);
    let connection = database(&path);
    connection
        .execute_batch("BEGIN; DELETE FROM membership; ROLLBACK")
        .unwrap();
    assert_eq!(revision(&store, &schema), before);
}

#[test]
fn an_import_names_the_state_that_holds_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tenancy.db");
    let (store, schema) = (imported(&path), shipped());
    let documents = std::fs::read_to_string(project(DOCUMENTS)).unwrap();
    let again = import(&store, &documents).unwrap();
    let before = revision(&store, &schema);
    assert_eq!(again.revision.name(), before.name());
    let verified = documents.replace("\"emailVerified\":false", "\"emailVerified\":true");
    let changed = import(&store, &verified).unwrap();
    assert_ne!(changed.revision.name(), before.name());
    assert_eq!(changed.revision.name(), revision(&store, &schema).name());
}

/// It reads as if nothing had been written after it began.
#[test]
fn a_snapshot_does_not_see_a_later_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tenancy.db");
    let (store, schema) = (imported(&path), shipped());
    let connection = database(&path);
    runtime().block_on(async {
        let mut before = store.snapshot(&schema, None).await.unwrap();
        // Nothing has been read yet: it began with the snapshot all the same.
        connection
            .execute_batch(
                "UPDATE registered_user SET email_verified = 0 WHERE id = 'anna';
                 DELETE FROM membership WHERE user_id = 'anna';
                 INSERT INTO organisation (id, mode) VALUES ('late', 'DEMO')",
            )
            .unwrap();
        let mut after = store.snapshot(&schema, None).await.unwrap();
        let (anna, late) = (
            uid("Peppol::User", "anna"),
            uid("Peppol::Organisation", "late"),
        );
        for (snapshot, verified, roles, there) in
            [(&mut before, true, 2, false), (&mut after, false, 0, true)]
        {
            let rows = snapshot
                .entities(&[anna.clone(), late.clone()])
                .await
                .unwrap();
            let row = rows[0].as_ref().unwrap();
            assert_eq!(row.attributes["emailVerified"], Value::Bool(verified));
            assert_eq!(rows[1].is_some(), there);
            let tags = snapshot
                .tags(&[(anna.clone(), TagKeys::All)])
                .await
                .unwrap();
            assert_eq!(tags[0].len(), roles);
        }
        let names = [&before, &after].map(|snapshot| snapshot.revision().clone());
        assert_eq!(before.holds(&names[1]).await.unwrap(), Some(false));
        assert_eq!(after.holds(&names[0]).await.unwrap(), Some(true));
    });
}
