//! A read that is given up in the middle.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use peppol_authz_database::{Sqlite, SqliteOptions};
use peppol_authz_engine::schema::Schema;
use peppol_authz_engine::store::{Candidates, Condition, Snapshot, Store};
use rusqlite::Connection;

/// A view that never comes to an end: a wait for a thread that reads it never ends.
const ENDLESS: &str = r#"
    CREATE VIEW tenancy_revision AS SELECT 1 AS revision;
    CREATE VIEW "User" AS
      WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x > 0)
      SELECT 'u' AS id FROM n WHERE x < 0;
"#;

/// Gives a read of such a view up after a while, on the only worker that there is: a read that held it would never
/// be given up.
fn ends(read: impl AsyncFnOnce(&mut dyn Snapshot) + Send + 'static) {
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("endless.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(ENDLESS).unwrap();
        let store = Sqlite::open(&path, SqliteOptions::default()).unwrap();
        let schema = Arc::new(Schema::parse("entity User;").unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut snapshot = store.snapshot(&schema, None).await.unwrap();
            let read = read(&mut *snapshot);
            let given_up = tokio::time::timeout(Duration::from_millis(200), read).await;
            assert!(given_up.is_err(), "the view has come to an end");
        });
        // Waits for the threads that still read.
        drop(runtime);
        ended.send(()).unwrap();
    });
    let found = end.recv_timeout(Duration::from_secs(60));
    assert!(found.is_ok(), "a thread still reads what nobody waits for");
}

#[test]
fn a_search_of_sqlite_that_is_given_up_ends() {
    ends(async |snapshot| {
        let wanted = Candidates {
            of: "User".parse().unwrap(),
            condition: Condition::Always,
            after: None,
            limit: 10,
        };
        let _ = snapshot.candidates(&wanted).await;
    });
}

#[test]
fn a_read_of_an_entity_that_takes_long_leaves_its_worker_and_ends_when_it_is_given_up() {
    ends(async |snapshot| {
        let _ = snapshot.entities(&["User::\"u\"".parse().unwrap()]).await;
    });
}
