//! A database of another program: its own tables, and views for this one. It is
//! read as it is, and never written to.

use std::path::Path;
use std::sync::Arc;

use peppol_authz_engine::schema::Schema;
use peppol_authz_engine::store::{Store, StoreError};
use rusqlite::Connection;

use super::GROUPS;
use crate::deciding::open;

const ALBUMS: &str = r#"
    CREATE TABLE changes (count INTEGER NOT NULL);
    INSERT INTO changes VALUES (41);
    CREATE VIEW tenancy_revision AS SELECT count + 1 AS revision FROM changes;
    CREATE TABLE groups (name TEXT);
    INSERT INTO groups VALUES ('a'), ('b'), ('c');
    CREATE TABLE group_in (child TEXT, parent TEXT);
    INSERT INTO group_in VALUES ('a', 'b'), ('b', 'nowhere'), ('b', 'c');
    CREATE TABLE albums (name TEXT, secret INTEGER, size INTEGER, title TEXT);
    INSERT INTO albums VALUES ('x', 1, -1, ''), ('y', 0, 9223372036854775807, NULL);
    CREATE VIEW "Group" AS SELECT name AS id FROM groups;
    CREATE VIEW "Group.parents" AS SELECT child AS id, 'Group' AS type, parent FROM group_in;
    CREATE VIEW "Album" AS
      SELECT name AS id, iif(secret, 'SECRET', 'OPEN') AS kind, size, title, 'more' AS surplus FROM albums;
    CREATE VIEW "Album.parents" AS
      SELECT 'x' AS id, 'Group' AS type, column1 AS parent FROM (VALUES ('a'), ('c'));
    CREATE TABLE "Album.tags" (id TEXT, key TEXT, value TEXT);
    INSERT INTO "Album.tags" VALUES ('x', '', '["","a"]'), ('x', 'k', '[]'), ('y', 'none', NULL);
"#;

pub(super) fn albums(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(ALBUMS).unwrap();
    connection
}

/// All that is in a database's schema, and the numbers in its header.
fn contents(connection: &Connection) -> Vec<String> {
    let mut statement = connection
        .prepare(
            "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_master ORDER BY 1",
        )
        .unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    let mut contents: Vec<String> = rows.map(Result::unwrap).collect();
    for number in ["user_version", "application_id"] {
        let value: i64 = connection
            .query_row(&format!("PRAGMA {number}"), [], |row| row.get(0))
            .unwrap();
        contents.push(format!("{number} {value}"));
    }
    contents
}

#[test]
fn it_is_not_migrated() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    let connection = albums(&path);
    // Its numbers mean what its own program means by them.
    connection
        .execute_batch("PRAGMA user_version = 77; PRAGMA application_id = 12345")
        .unwrap();
    let before = contents(&connection);
    let store = open(&path);
    let schema = Arc::new(Schema::parse(GROUPS).unwrap());
    store.check(&schema).unwrap();
    let snapshot = super::runtime()
        .block_on(store.snapshot(&schema, None))
        .unwrap();
    assert_eq!(&**snapshot.revision().name(), "42");
    assert_eq!(contents(&connection), before);
}

#[test]
fn what_a_view_lacks_is_named_before_anything_is_asked() {
    let schema = Arc::new(Schema::parse(GROUPS).unwrap());
    for (sql, view, column) in [
        (
            "DROP VIEW \"Album\"; CREATE VIEW \"Album\" AS SELECT name AS id, size, title FROM albums",
            "`Album`",
            "`kind`",
        ),
        (
            "DROP VIEW \"Album\"; CREATE VIEW \"Album\" AS SELECT name AS id, 'OPEN' AS kind, size FROM albums",
            "`Album`",
            "`title`",
        ),
        (
            "DROP VIEW \"Group\"; CREATE VIEW \"Group\" AS SELECT name FROM groups",
            "`Group`",
            "`id`",
        ),
        ("DROP TABLE \"Album.tags\"", "`Album.tags`", "`key`"),
        (
            "DROP TABLE \"Album.tags\"; CREATE VIEW \"Album.tags\" AS SELECT 1 AS id, 2 AS value",
            "`Album.tags`",
            "`key`",
        ),
        ("DROP VIEW \"Album.parents\"", "`Album.parents`", "`parent`"),
        (
            "DROP VIEW \"Group.parents\"; CREATE VIEW \"Group.parents\" AS SELECT 1 AS id, 2 AS parent",
            "`Group.parents`",
            "`type`",
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("own.db");
        albums(&path).execute_batch(sql).unwrap();
        match open(&path).check(&schema) {
            Err(StoreError::Misfit(text)) => {
                assert!(
                    text.contains(view) && text.contains(column),
                    "{sql}: {text}"
                );
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
}

/// A type without a view is not served, and nothing is wrong with that.
#[test]
fn a_type_without_a_view_is_not_served() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    albums(&path)
        .execute_batch(
            "DROP VIEW \"Album\"; DROP VIEW \"Album.parents\"; DROP TABLE \"Album.tags\"",
        )
        .unwrap();
    let store = open(&path);
    let schema = Arc::new(Schema::parse(GROUPS).unwrap());
    store.check(&schema).unwrap();
    assert!(!store.serves(&"Album".parse().unwrap()));
    assert!(store.serves(&"Group".parse().unwrap()));
}

/// Albums are in groups: what a group is in says what an album is in.
#[test]
fn a_type_that_views_refer_to_is_spoken_of() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    albums(&path)
        .execute_batch("DROP VIEW \"Group\"; DROP VIEW \"Group.parents\"")
        .unwrap();
    let store = open(&path);
    let schema = Arc::new(Schema::parse(GROUPS).unwrap());
    store.check(&schema).unwrap();
    let (album, group) = ("Album".parse().unwrap(), "Group".parse().unwrap());
    assert!(store.serves(&album) && !store.serves(&group));
    assert!(store.speaks_of(&album, &schema) && store.speaks_of(&group, &schema));
}
