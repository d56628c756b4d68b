//! A store that fails or holds what does not fit: an error, never a decision.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use peppol_authz_database::{Sqlite, SqliteOptions};
use peppol_authz_engine::{Engine, Failure};
use rusqlite::Connection;
use serde_json::Value;

use crate::deciding::{Deciding, PERMIT_ALL, Refused, bundle, first_page, open, question};
use crate::in_process::KEEPS_NOTHING;

/// A database of another program: its own tables, and views for this one.
const SCHEMA: &str = r#"
    entity Mode enum ["ON", "OFF"];
    entity Group in [Group];
    entity User in [Group] = {
      active: Bool,
      level: Long,
      mode: Mode,
      boss?: User,
      words: Set<String>,
      address: { street: String, number?: Long },
      net: ipaddr,
      price: decimal,
      since: datetime,
    } tags User;
    entity Door = { locked: Bool };
    action enter appliesTo { principal: User, resource: Door };
"#;

const TABLES: &str = r#"
    CREATE TABLE tenancy_revision (revision INTEGER NOT NULL);
    INSERT INTO tenancy_revision VALUES (1);
    CREATE TABLE people (
      id, active, level, mode, boss, words, address, net, price, since, parent, parent_type, tag
    );
    CREATE TABLE "Group" (id);
    CREATE TABLE "Group.parents" (id, type, parent);
    CREATE TABLE "Door" (id, locked);
    INSERT INTO "Door" VALUES ('d', 0);
    CREATE VIEW "User" AS SELECT id, active, level, mode, boss, words, address, net, price, since FROM people;
    CREATE VIEW "User.parents" AS SELECT id, parent_type AS type, parent FROM people WHERE parent IS NOT NULL;
    CREATE VIEW "User.tags" AS SELECT id, 'k' AS key, tag AS value FROM people WHERE tag IS NOT NULL;
"#;

const PEOPLE: &str = r#"
    DELETE FROM people;
    INSERT INTO people VALUES (
      'ann', 1, 5, 'ON', NULL, '["a"]', '{"street": "s"}', '10.0.0.1', '1.5', '2024-01-01', 'g', 'Group', 'ann'
    );
"#;

/// Looks at the principal, one of its tags and its boss.
const POLICIES: &str = r#"
    @id("p/inactive") @code("INACTIVE")
    forbid (principal, action, resource) unless { principal.active };
    @id("p/tag") @code("TAG")
    forbid (principal, action, resource) when { principal.hasTag("k") && !principal.getTag("k").active };
    @id("p/boss") @code("BOSS")
    forbid (principal, action, resource) when { principal has boss && !principal.boss.active };
    @id("p/group") @code("GROUP")
    forbid (principal in Group::"bad", action, resource);
"#;

fn database(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(TABLES).unwrap();
    connection.execute_batch(PEOPLE).unwrap();
    connection
}

fn policies() -> String {
    PERMIT_ALL.to_owned() + POLICIES
}

fn enter() -> Value {
    question("User::\"ann\"", "enter", "Door::\"d\"")
}

/// An engine that keeps no entities in memory.
fn deciding(path: &Path) -> Deciding {
    Deciding::with_cache(open(path), bundle(SCHEMA, &policies()), 0)
}

#[test]
fn a_row_that_does_not_fit_the_schema_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    let connection = database(&path);
    let deciding = deciding(&path);
    deciding.assert_allowed(&enter());
    for (column, value) in [
        ("active", "NULL"),
        ("active", "2"),
        ("active", "'true'"),
        ("level", "NULL"),
        ("level", "5.5"),
        ("level", "'5'"),
        ("mode", "NULL"),
        ("mode", "'on'"),
        ("mode", "'SOMETHING'"),
        ("mode", "1"),
        ("boss", "7"),
        ("words", "NULL"),
        ("words", "'a'"),
        ("words", "'[1]'"),
        ("words", "'{}'"),
        ("words", "'[\"a\"'"),
        ("address", "'{}'"),
        ("address", "'{\"street\": null}'"),
        ("address", "'{\"street\": \"s\", \"number\": \"1\"}'"),
        ("address", "'{\"street\": \"s\", \"town\": \"t\"}'"),
        ("address", "'{\"street\": \"s\", \"street\": \"t\"}'"),
        ("net", "'10.0.0'"),
        ("price", "'1.23456'"),
        ("price", "1.5"),
        ("since", "'yesterday'"),
        ("words", "x'ff'"),
        ("parent_type", "'Nobody'"),
        ("parent_type", "'Door'"),
        ("tag", "1"),
    ] {
        let sql = format!("UPDATE people SET {column} = {value}");
        connection.execute_batch(&sql).unwrap();
        let failure = deciding.assert_fails(&enter());
        assert!(
            matches!(failure, Failure::Tenancy(_)),
            "{column} = {value}: {failure:?}"
        );
        // Nothing of what was there instead.
        assert!(!failure.to_string().contains("yesterday"), "{failure}");
        connection.execute_batch(PEOPLE).unwrap();
        deciding.assert_allowed(&enter());
    }
}

#[test]
fn a_row_that_does_not_fit_is_never_remembered_as_one_that_does() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    let connection = database(&path);
    let deciding = Deciding::over(open(&path), bundle(SCHEMA, &policies()));
    let set = |active: &str| {
        let sql = format!(
            "BEGIN; UPDATE people SET active = {active}; UPDATE tenancy_revision SET revision = revision + 1; COMMIT"
        );
        connection.execute_batch(&sql).unwrap();
    };
    deciding.assert_allowed(&enter());
    set("NULL");
    deciding.assert_fails(&enter());
    deciding.assert_fails(&enter());
    set("0");
    deciding.assert_denied(&enter(), &["INACTIVE", "TAG"]);
    set("1");
    deciding.assert_allowed(&enter());
}

#[test]
fn a_view_that_is_dropped_under_a_running_engine_is_an_error() {
    for view in ["User", "User.tags", "User.parents"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("own.db");
        let connection = database(&path);
        let deciding = deciding(&path);
        deciding.assert_allowed(&enter());
        connection
            .execute_batch(&format!("DROP VIEW \"{view}\""))
            .unwrap();
        let failure = deciding.assert_fails(&enter());
        let Failure::Tenancy(text) = failure else {
            panic!("{failure:?}");
        };
        assert!(text.contains(view), "{text}");
    }
}

#[test]
fn a_revision_that_cannot_be_read_is_an_error() {
    for sql in [
        "DROP TABLE tenancy_revision",
        "DELETE FROM tenancy_revision",
        "UPDATE tenancy_revision SET revision = 'x'",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("own.db");
        let connection = database(&path);
        let deciding = Deciding::over(open(&path), bundle(SCHEMA, &policies()));
        deciding.assert_allowed(&enter());
        connection.execute_batch(sql).unwrap();
        deciding.assert_fails(&enter());
        deciding.assert_fails(&enter());
    }
}

/// Without it every question would fail, and with one that does not change every
/// answer would be out of date: better to be told before the start.
#[test]
fn a_database_that_has_no_revision_is_refused_before_anything_is_asked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    database(&path)
        .execute_batch("DROP TABLE tenancy_revision")
        .unwrap();
    let Ok(store) = Sqlite::open(&path, SqliteOptions::default()) else {
        return;
    };
    let refused = Engine::new(Arc::new(store), bundle(SCHEMA, &policies()), KEEPS_NOTHING);
    let message = refused.err().expect("it is taken").to_string();
    assert!(message.contains("revision"), "{message}");
}

/// Two rows for one entity are an error: chance does not choose between them.
#[test]
fn two_rows_for_one_entity_are_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    let connection = database(&path);
    connection
        .execute_batch(
            "INSERT INTO people SELECT id, 0, level, mode, boss, words, address, net, price, since, parent, parent_type, tag \
             FROM people",
        )
        .unwrap();
    deciding(&path).assert_fails(&enter());
}

#[test]
fn contents_that_are_lost_under_a_running_engine_are_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    drop(database(&path));
    let deciding = deciding(&path);
    let length = path.metadata().unwrap().len();
    let noise: Vec<u8> = (0..length).map(|i| (i % 251) as u8 ^ 0x5a).collect();
    // In place: it is the same file, with other contents.
    let mut file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all(&noise).unwrap();
    let failure = deciding.assert_fails(&enter());
    assert!(matches!(failure, Failure::Unavailable(_)), "{failure:?}");
    deciding.assert_fails(&enter());
}

#[test]
fn a_file_that_is_emptied_under_a_running_engine_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    drop(database(&path));
    let deciding = deciding(&path);
    deciding.assert_allowed(&enter());
    for suffix in ["", "-wal"] {
        let name = path.with_file_name(format!("own.db{suffix}"));
        OpenOptions::new()
            .write(true)
            .open(&name)
            .and_then(|file| file.set_len(0))
            .unwrap();
    }
    deciding.assert_fails(&enter());
}

#[test]
fn parents_count_at_any_distance_and_tags_are_looked_into() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    let connection = database(&path);
    let deciding = deciding(&path);
    deciding.assert_allowed(&enter());
    let add = |child: &str, parent: &str| {
        let sql = "INSERT INTO \"Group.parents\" VALUES (?1, 'Group', ?2)";
        connection.execute(sql, [child, parent]).unwrap();
    };
    add("g", "middle");
    deciding.assert_allowed(&enter());
    add("middle", "bad");
    deciding.assert_denied(&enter(), &["GROUP"]);
    // A circle above does not hang, and does not hide anything.
    add("bad", "middle");
    deciding.assert_denied(&enter(), &["GROUP"]);
    connection
        .execute_batch("DELETE FROM \"Group.parents\"")
        .unwrap();
    deciding.assert_allowed(&enter());

    let insert = "INSERT INTO people SELECT 'eve', 0, level, mode, boss, words, address, net, price, since, NULL, NULL, NULL FROM people WHERE id = 'ann'";
    connection.execute_batch(insert).unwrap();
    let set = |column: &str| {
        let sql = format!("UPDATE people SET {column} = 'eve' WHERE id = 'ann'");
        connection.execute_batch(&sql).unwrap();
    };
    set("tag");
    deciding.assert_denied(&enter(), &["TAG"]);
    set("boss");
    deciding.assert_denied(&enter(), &["BOSS", "TAG"]);
    connection
        .execute_batch("UPDATE people SET boss = 'ghost'")
        .unwrap();
    deciding.assert_denied(&enter(), &["EVALUATION_ERROR", "TAG"]);
}

/// A row that cannot be used is not allowed, and the others are found without it.
#[test]
fn a_row_that_cannot_be_used_takes_no_search_down() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    let connection = database(&path);
    for (id, column, value) in [
        ("bad-words", "words", "'a'"),
        ("bad-mode", "mode", "'on'"),
        ("good", "level", "7"),
    ] {
        let insert = format!(
            "INSERT INTO people SELECT '{id}', active, level, mode, boss, words, address, net, price, since, parent, parent_type, tag FROM people WHERE id = 'ann';
             UPDATE people SET {column} = {value} WHERE id = '{id}';"
        );
        connection.execute_batch(&insert).unwrap();
    }
    let deciding = deciding(&path);
    let mut wanted = enter();
    wanted["principal"] = serde_json::json!({"type": "User"});
    let part = first_page(10, 100);
    let found = deciding.find(&wanted, &part).unwrap();
    let ids = found.entities.iter().map(|uid| uid.id().as_ref());
    assert_eq!(ids.collect::<Vec<&str>>(), ["ann", "good"]);
    // The known entities of a search have to be usable, as for a question.
    connection
        .execute_batch("UPDATE \"Door\" SET locked = 'no'")
        .unwrap();
    let failed = deciding.find(&wanted, &part);
    assert!(
        matches!(failed, Err(Refused::Failed(Failure::Tenancy(_)))),
        "{failed:?}"
    );
}
