//! One tag that cannot be used spoils the questions about it, and no others: all of them are read together, and
//! none is taken for another one or for none.

use std::sync::Arc;

use peppol_authz_engine::store::Store;
use rusqlite::Connection;
use serde_json::Value;

use crate::deciding::{Deciding, bundle, open, question};
use crate::postgres::{open as open_postgres, server::SHARED};

const SCHEMA: &str = r#"
    entity User tags Long;
    entity Org = { name: String };
    action see appliesTo { principal: User, resource: Org };
"#;

const POLICIES: &str = r#"
    @id("p") permit (principal, action, resource)
    when { principal.hasTag(resource.name) && principal.getTag(resource.name) > 0 };
"#;

const TABLES: &str = r#"
    CREATE TABLE "User" (id text PRIMARY KEY);
    CREATE TABLE "Org" (id text PRIMARY KEY, name text NOT NULL);
    CREATE TABLE grants (id text, key text, value text);
    CREATE INDEX by_id ON grants (id, key);
    INSERT INTO "User" VALUES ('ann'), ('bob');
    INSERT INTO "Org" VALUES ('good', 'good'), ('bad', 'bad'), ('none', 'none'), ('zero', 'zero'), ('null', 'null'),
      ('twice', 'twice'), ('empty', '');
    INSERT INTO grants VALUES ('ann', 'good', '1'), ('ann', 'bad', 'x'), ('ann', 'zero', '0'), ('ann', 'null', NULL),
      ('ann', '', '1'), ('bob', 'good', '1'), ('bob', 'zero', '0'), ('bob', 'null', NULL), ('bob', 'twice', '1'),
      ('bob', 'twice', '1');
"#;

/// As SQLite has them.
const REVISION: &str = "CREATE TABLE tenancy_revision (revision INTEGER NOT NULL); INSERT INTO tenancy_revision VALUES (1);";

fn see(user: &str, org: &str) -> Value {
    question(
        &format!("User::\"{user}\""),
        "see",
        &format!("Org::\"{org}\""),
    )
}

fn holds(store: impl Store + 'static) {
    let store: Arc<dyn Store> = Arc::new(store);
    // Each first, and each after each other one.
    for first in ["good", "bad", "none", "zero", "null", "empty"] {
        let deciding = Deciding::keeping(Arc::clone(&store), bundle(SCHEMA, POLICIES));
        for org in [first, "good", "bad", "none", "zero", "null", "empty"] {
            match org {
                "good" | "empty" => deciding.assert_allowed(&see("ann", org)),
                "bad" => drop(deciding.assert_fails(&see("ann", org))),
                _ => deciding.assert_denied(&see("ann", org), &["NOT_PERMITTED"]),
            }
        }
        // In one batch as well.
        let deciding = Deciding::keeping(Arc::clone(&store), bundle(SCHEMA, POLICIES));
        let all = ["good", "none", "twice", "null", "zero"].map(|org| see("bob", org));
        let decided = deciding.ask_all(&all.iter().collect::<Vec<_>>());
        let allowed = decided.into_iter().map(|decided| decided.unwrap().1);
        let allowed: Vec<String> = allowed.map(|verdict| format!("{verdict:?}")).collect();
        assert_eq!(allowed, ["Allow", "Deny", "Allow", "Deny", "Deny"]);
    }
}

#[test]
fn in_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(&(REVISION.to_owned() + TABLES))
        .unwrap();
    // A text that is no number is left as it is.
    let view = r#"CREATE VIEW "User.tags" AS SELECT id, key, CASE value WHEN 'x' THEN value ELSE
      CAST(value AS INTEGER) END AS value FROM grants"#;
    connection.execute_batch(view).unwrap();
    holds(open(&path));
}

/// The server refuses a statement that comes to such a value, and all that follow in its transaction.
#[test]
fn in_postgres() {
    let database = SHARED.database();
    database.sql(TABLES);
    database
        .sql(r#"CREATE VIEW "User.tags" AS SELECT id, key, value::bigint AS value FROM grants"#);
    holds(open_postgres(&database));
}

const OWNED: &str = r#"
    entity User tags Long;
    entity Owner = { ok: Bool };
    entity Org = { name: String, owner: Owner };
    action see appliesTo { principal: User, resource: Org };
"#;

const BY_OWNER: &str = r#"
    @id("p") permit (principal, action, resource)
    when { principal.hasTag(resource.name) && principal.getTag(resource.name) > 0 && resource.owner.ok };
"#;

/// An organisation for each owner and tag.
const OWNERS: &str = r#"
    CREATE TABLE "Owner" (id text PRIMARY KEY, ok boolean);
    INSERT INTO "Owner" VALUES ('yes', true), ('no', false), ('unusable', NULL);
    DROP TABLE "Org";
    CREATE TABLE "Org" AS SELECT o.id || '-' || t.key AS id, t.key AS name, o.id AS owner
    FROM "Owner" AS o CROSS JOIN (SELECT DISTINCT key FROM grants UNION SELECT 'none') AS t;
"#;

/// The owner of an organisation is read at once with the tags of who asks. Where one of both cannot be used, the
/// questions about it are an error, and no others.
fn holds_together(store: impl Store + 'static) {
    let store: Arc<dyn Store> = Arc::new(store);
    let asked = [
        "yes-good",
        "unusable-good",
        "yes-bad",
        "no-good",
        "yes-zero",
        "yes-none",
        "yes-good",
    ];
    for first in asked {
        for deciding in [Deciding::keeping, Deciding::keeping_nothing] {
            let deciding = deciding(Arc::clone(&store), bundle(OWNED, BY_OWNER));
            for org in std::iter::once(first).chain(asked) {
                match org {
                    "yes-good" => deciding.assert_allowed(&see("ann", org)),
                    "unusable-good" | "yes-bad" => drop(deciding.assert_fails(&see("ann", org))),
                    _ => deciding.assert_denied(&see("ann", org), &["NOT_PERMITTED"]),
                }
            }
        }
    }
}

#[test]
fn with_an_entity_in_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    let connection = Connection::open(&path).unwrap();
    let view = r#"CREATE VIEW "User.tags" AS SELECT id, key, CASE value WHEN 'x' THEN value ELSE
      CAST(value AS INTEGER) END AS value FROM grants"#;
    let all = [REVISION, TABLES, OWNERS, view].concat();
    connection.execute_batch(&all).unwrap();
    holds_together(open(&path));
}

#[test]
fn with_an_entity_in_postgres() {
    let database = SHARED.database();
    database.sql(TABLES);
    database.sql(OWNERS);
    database
        .sql(r#"CREATE VIEW "User.tags" AS SELECT id, key, value::bigint AS value FROM grants"#);
    holds_together(open_postgres(&database));
}

/// Tags that cannot be read are an error, also those of a user who is in memory.
fn fails_without_its_tags(store: Arc<dyn Store>, write: impl Fn(&str)) {
    let deciding = Deciding::keeping(store, bundle(SCHEMA, POLICIES));
    deciding.assert_allowed(&see("bob", "twice"));
    write(r#"DROP VIEW "User.tags""#);
    for org in ["good", "none", "zero", "twice"] {
        deciding.assert_fails(&see("bob", org));
    }
}

#[test]
fn tags_that_are_gone_from_sqlite_are_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    let connection = Connection::open(&path).unwrap();
    let view =
        r#"CREATE VIEW "User.tags" AS SELECT id, key, CAST(value AS INTEGER) AS value FROM grants"#;
    let all = [REVISION, TABLES, view].concat();
    connection.execute_batch(&all).unwrap();
    fails_without_its_tags(Arc::new(open(&path)), |sql| {
        connection.execute_batch(sql).unwrap();
    });
}

#[test]
fn tags_that_are_gone_from_postgres_are_an_error() {
    let database = SHARED.database();
    let view = r#"CREATE VIEW "User.tags" AS SELECT id, key, value::bigint AS value FROM grants"#;
    database.sql(&TABLES.replace("'x'", "'2'"));
    database.sql(view);
    fails_without_its_tags(Arc::new(open_postgres(&database)), |sql| {
        database.sql(sql);
    });
}

/// As the rows of a key are compared with a question's text by the rules of its column, those that are no text
/// are asked for by their keys.
#[test]
fn keys_that_are_no_text_are_those_that_a_read_by_the_key_finds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    let connection = Connection::open(&path).unwrap();
    let keys = TABLES
        .replace("key text", "key")
        .replace("'good', '1'", "7, '1'");
    connection
        .execute_batch(&(REVISION.to_owned() + &keys))
        .unwrap();
    let view = r#"CREATE VIEW "User.tags" AS SELECT id, key, CAST(value AS INTEGER) AS value FROM grants;
      INSERT INTO "Org" VALUES ('seven', '7')"#;
    connection.execute_batch(view).unwrap();
    let store: Arc<dyn Store> = Arc::new(open(&path));
    let [keeping, plain] = [Deciding::keeping, Deciding::keeping_nothing]
        .map(|deciding| deciding(Arc::clone(&store), bundle(SCHEMA, POLICIES)));
    for _ in 0..2 {
        for org in ["seven", "zero", "twice", "seven"] {
            let asked = see("bob", org);
            let [kept, anew] = [&keeping, &plain].map(|deciding| deciding.decide(&asked).verdict);
            assert_eq!(kept, anew, "{org}");
        }
    }
}
