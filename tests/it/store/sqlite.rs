//! The embedded database: how its file is made, opened, upgraded and shared.

use std::path::Path;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use peppol_authz_database::{Sqlite, SqliteOptions};
use peppol_authz_engine::store::{Changes, Revision, Store, StoreError};
use rusqlite::Connection;

use super::{DOCUMENTS, imported, runtime, shipped, uid};
use crate::deciding::open;
use crate::sidecar::{program, project};

/// The version of the tables that this program makes.
const VERSION: i64 = 9;

fn number(path: &Path, pragma: &str) -> i64 {
    Connection::open(path)
        .unwrap()
        .query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))
        .unwrap()
}

fn refused(path: &Path) -> StoreError {
    match Sqlite::open(path, SqliteOptions::default()) {
        Ok(_) => panic!("`{}` is taken", path.display()),
        Err(error) => error,
    }
}

/// Answers about the shipped schema: it has been migrated.
fn assert_usable(store: &Sqlite) {
    let schema = shipped();
    store.check(&schema).unwrap();
    runtime().block_on(async {
        let mut snapshot = store.snapshot(&schema, None).await.unwrap();
        let rows = snapshot.entities(&[uid("Peppol::User", "ghost")]).await;
        assert_eq!(rows.unwrap(), [None]);
    });
}

#[test]
fn a_file_that_is_missing_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new.db");
    let store = open(&path);
    assert_usable(&store);
    let mode: String = Connection::open(&path)
        .unwrap()
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
    assert_eq!(number(&path, "user_version"), VERSION);
    // And is taken as it is the next time.
    drop(store);
    assert_usable(&open(&path));
    assert_eq!(number(&path, "user_version"), VERSION);
}

#[test]
fn every_reference_is_a_foreign_key_that_holds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tenancy.db");
    imported(&path);
    let connection = Connection::open(&path).unwrap();
    connection
        .pragma_update(None, "foreign_keys", true)
        .unwrap();
    for wrong in [
        "INSERT INTO membership VALUES ('ghost', 'acme', 'orgadmin')",
        "INSERT INTO membership VALUES ('anna', 'ghost', 'orgadmin')",
        "INSERT INTO access_point VALUES ('ap', 'TEST', 'ghost')",
        "INSERT INTO participant VALUES ('p', 'ghost', 'TEST')",
        "INSERT INTO party_authorization VALUES ('ghost', 'anna', 'n', 1, 1, 1, 1)",
        "INSERT INTO party_authorization VALUES ('iso6523-actorid-upis::0088:def', 'ghost', 'n', 1, 1, 1, 1)",
        "INSERT INTO legal_entity VALUES ('le', 'ghost')",
        "INSERT INTO sub_account VALUES ('sa', 'ghost', 0)",
        "INSERT INTO sub_account_legal_entity VALUES ('ghost', 'le-1')",
        "INSERT INTO sub_account_legal_entity VALUES ('sa-1', 'ghost')",
        "INSERT INTO document VALUES ('d', 'ghost', 'SENT')",
        "INSERT INTO account VALUES ('x@y', 'ghost', NULL)",
        "DELETE FROM organisation WHERE id = 'acme'",
    ] {
        let error = connection.execute_batch(wrong).unwrap_err().to_string();
        assert!(error.contains("FOREIGN KEY"), "{wrong}: {error}");
    }
    let broken: i64 = connection
        .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(broken, 0);
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tenancy.db");
    drop(imported(&path));
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let error = refused(&path);
    assert!(matches!(error, StoreError::Version(_)), "{error:?}");
    let text = error.to_string();
    for part in ["tenancy.db", "newer version", "99", &VERSION.to_string()] {
        assert!(text.contains(part), "{text}");
    }
    let source = format!("sqlite:{}", path.display());
    for command in ["serve", "import"] {
        let output = program()
            .args([command, "--tenancy", &source])
            .args((command == "import").then(|| project(DOCUMENTS)))
            .args((command == "serve").then_some("--listen=127.0.0.1:0"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{command}: {said}");
        assert!(said.contains("newer version"), "{command}: {said}");
    }
    assert_eq!(number(&path, "user_version"), 99);
    assert_eq!(users(&path), 2);
}

fn users(path: &Path) -> i64 {
    Connection::open(path)
        .unwrap()
        .query_row("SELECT count(*) FROM registered_user", [], |row| row.get(0))
        .unwrap()
}

#[test]
fn a_database_of_version_0_is_upgraded() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.db");
    std::fs::write(&empty, "").unwrap();
    assert_usable(&open(&empty));
    // Marked as this program's, as one that was stopped before its first table.
    let marked = directory.path().join("marked.db");
    drop(open(&directory.path().join("other.db")));
    let mark = number(&directory.path().join("other.db"), "application_id");
    assert_ne!(mark, 0);
    Connection::open(&marked)
        .unwrap()
        .pragma_update(None, "application_id", mark)
        .unwrap();
    assert_usable(&open(&marked));
    assert_eq!(number(&marked, "user_version"), VERSION);
}

/// With all that it holds: the same rows in every view, and a revision that goes on
/// from where it was.
#[test]
fn a_database_of_version_1_is_upgraded() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (
        directory.path().join("old.db"),
        directory.path().join("new.db"),
    );
    drop(imported(&new));
    drop(open(&old));
    let mark = number(&old, "application_id");
    std::fs::remove_file(&old).unwrap();
    let connection = Connection::open(&old).unwrap();
    let first = std::fs::read_to_string(project("schema/sqlite/migrations/1-tenancy/up.sql"));
    connection.execute_batch(&first.unwrap()).unwrap();
    connection
        .execute("ATTACH ?1 AS other", [new.to_str().unwrap()])
        .unwrap();
    for table in TABLES {
        let sql = format!("INSERT INTO main.{table} SELECT * FROM other.{table}");
        connection.execute_batch(&sql).unwrap();
    }
    connection.execute_batch("DETACH other").unwrap();
    let before: i64 = connection
        .query_row("SELECT revision FROM tenancy_revision", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert!(before > 10);
    for (pragma, value) in [("user_version", 1), ("application_id", mark)] {
        connection.pragma_update(None, pragma, value).unwrap();
    }
    drop(connection);
    let store = open(&old);
    assert_eq!(number(&old, "user_version"), VERSION);
    let snapshot = runtime()
        .block_on(store.snapshot(&shipped(), None))
        .unwrap();
    let upgraded = snapshot.revision().clone();
    assert_eq!(upgraded.as_record(), Some((before as u64, 0)));
    drop(snapshot);
    let views = |path: &Path| -> Vec<String> {
        let connection = Connection::open(path).unwrap();
        let mut statement = connection
            .prepare("SELECT name FROM sqlite_master WHERE type = 'view' AND name LIKE 'Peppol::%' ORDER BY 1")
            .unwrap();
        let names: Vec<String> = statement
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let mut rows = Vec::new();
        for name in names {
            let mut statement = connection
                .prepare(&format!("SELECT * FROM \"{name}\" ORDER BY 1, 2"))
                .unwrap();
            let columns = statement.column_count();
            let mut found = statement.query([]).unwrap();
            while let Some(row) = found.next().unwrap() {
                let values = (0..columns).map(|i| format!("{:?}", row.get_ref(i).unwrap()));
                rows.push(format!("{name} {}", values.collect::<Vec<_>>().join(" ")));
            }
        }
        rows
    };
    assert_eq!(views(&old), views(&new));
    assert!(views(&old).len() > 20);
    // And goes on from there.
    let documents = std::fs::read_to_string(project(DOCUMENTS)).unwrap();
    let again = super::import(&store, &documents).unwrap();
    assert_eq!(again.revision.name(), upgraded.name());
    let verified = documents.replace("\"emailVerified\":false", "\"emailVerified\":true");
    let changed = super::import(&store, &verified).unwrap();
    assert_ne!(changed.revision.name(), again.revision.name());
    let number = |revision: &Revision| revision.as_record().unwrap().0;
    assert!(number(&changed.revision) > number(&again.revision));
}

/// Records of programs that write without end do not fill the disk; who has seen none
/// of those that are gone takes everything as changed.
#[test]
fn many_records_are_pruned_when_it_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tenancy.db");
    let store = imported(&path);
    let schema = shipped();
    let old = runtime().block_on(store.snapshot(&schema, None)).unwrap();
    let old = old.revision().clone();
    let connection = Connection::open(&path).unwrap();
    let count = || -> i64 {
        let sql = "SELECT count(*) FROM tenancy_change WHERE entity_type IS NOT NULL";
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let write = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 25000)
        INSERT INTO tenancy_change (entity_type, entity_id) SELECT 'Peppol::User', n FROM n";
    connection.execute_batch(write).unwrap();
    let before = state_since(&store, &schema, None).0;
    drop(store);
    let store = open(&path);
    assert_eq!(count(), 10_000);
    let (now, changes) = state_since(&store, &schema, Some(&old));
    assert_eq!(now.name(), before.name());
    assert_eq!(changes, Changes::Everything);
}

fn state_since(
    store: &Sqlite,
    schema: &Arc<peppol_authz_engine::schema::Schema>,
    since: Option<&Revision>,
) -> (Revision, Changes) {
    let snapshot = runtime().block_on(store.snapshot(schema, since)).unwrap();
    (snapshot.revision().clone(), snapshot.changes().clone())
}

/// The base tables, in an order in which references hold.
const TABLES: [&str; 11] = [
    "registered_user",
    "organisation",
    "membership",
    "access_point",
    "participant",
    "party_authorization",
    "legal_entity",
    "sub_account",
    "sub_account_legal_entity",
    "account",
    "document",
];

#[test]
fn what_is_no_database_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("notes.txt");
    std::fs::write(
        &text,
        "nothing to see here, and long enough to be looked at ".repeat(20),
    )
    .unwrap();
    for path in [
        text.as_path(),
        directory.path(),
        &directory.path().join("missing/tenancy.db"),
    ] {
        let error = refused(path);
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        let shown = path.display().to_string();
        assert!(error.to_string().contains(&shown), "{error}");
    }
}

#[test]
fn threads_that_open_a_new_file_at_once_all_can_use_it() {
    for _ in 0..25 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new.db");
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| assert_usable(&open(&path))))
                .collect();
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        });
        assert_eq!(number(&path, "user_version"), VERSION);
        assert_ne!(number(&path, "application_id"), 0);
    }
}

#[test]
fn processes_that_import_into_a_new_file_at_once_all_succeed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new.db");
    let source = format!("sqlite:{}", path.display());
    let children: Vec<_> = (0..6)
        .map(|_| {
            let mut command: Command = program();
            command
                .args(["import", "--tenancy", &source])
                .arg(project(DOCUMENTS))
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    let mut last_lines = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let text = String::from_utf8(output.stdout).unwrap();
        last_lines.push(text.lines().last().unwrap().to_owned());
    }
    // All but the first found everything there already.
    last_lines.dedup();
    assert_eq!(last_lines.len(), 1, "{last_lines:?}");
    assert_eq!(users(&path), 2);
}

#[test]
fn no_more_read_at_once_than_there_are_readers() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tenancy.db");
    drop(imported(&path));
    let options = SqliteOptions {
        readers: 2,
        ..SqliteOptions::default()
    };
    let store = Sqlite::open(&path, options).unwrap();
    let schema = shipped();
    runtime().block_on(async {
        let first = store.snapshot(&schema, None).await.unwrap();
        let second = store.snapshot(&schema, None).await.unwrap();
        let mut third = pin!(store.snapshot(&schema, None));
        let mut looking = Context::from_waker(Waker::noop());
        assert!(matches!(third.as_mut().poll(&mut looking), Poll::Pending));
        drop(first);
        let third = third.await.unwrap();
        assert_eq!(third.revision(), second.revision());
    });
}

/// A read that is given up half-way does not take its reader with it.
#[test]
fn a_read_that_is_given_up_costs_no_reader() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tenancy.db");
    drop(imported(&path));
    let options = SqliteOptions {
        readers: 1,
        ..SqliteOptions::default()
    };
    let store = Arc::new(Sqlite::open(&path, options).unwrap());
    let schema = shipped();
    runtime().block_on(async {
        for _ in 0..20 {
            let mut snapshot = store.snapshot(&schema, None).await.unwrap();
            let anna = [uid("Peppol::User", "anna")];
            let mut read = snapshot.entities(&anna);
            let mut looking = Context::from_waker(Waker::noop());
            let _ = read.as_mut().poll(&mut looking);
        }
        let mut snapshot = store.snapshot(&schema, None).await.unwrap();
        let rows = snapshot.entities(&[uid("Peppol::User", "anna")]).await;
        assert!(rows.unwrap()[0].is_some());
    });
}
