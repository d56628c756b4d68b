//! A view that finds a tag by its key, and would be looked through for an entity, is asked by the keys alone.

use std::sync::Arc;

use peppol_authz_engine::schema::{Schema, Value};
use peppol_authz_engine::store::{Store, TagKeys, Tags};
use rusqlite::Connection;

use crate::deciding::open;
use crate::postgres::{open as open_postgres, server::SHARED};
use crate::store::{runtime, uid};

const SCHEMA: &str =
    "entity User tags Bool; action see appliesTo { principal: User, resource: User };";

/// All tags of a user, if they are read together, and the one that there is.
fn read(store: &dyn Store) -> (Option<Tags>, Tags) {
    let schema = Arc::new(Schema::parse(SCHEMA).unwrap());
    store.check(&schema).unwrap();
    let user = uid("User", "u7");
    runtime().block_on(async {
        let mut snapshot = store.snapshot(&schema, None).await.unwrap();
        let few = snapshot
            .few_tags(std::slice::from_ref(&user), 64)
            .await
            .unwrap();
        let key = TagKeys::Only(vec!["k7".into()]);
        let one = snapshot.tags(&[(user, key)]).await.unwrap();
        (few[0].clone(), one[0].clone())
    })
}

fn the_one() -> Tags {
    Tags::from([("k7".into(), Value::Bool(true))])
}

#[test]
fn in_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    for (number, (index, together)) in [
        ("(key, id)", false),
        ("(id, key)", true),
        ("(key, id); CREATE INDEX more ON grants (id)", true),
    ]
    .into_iter()
    .enumerate()
    {
        let path = directory.path().join(format!("{number}.db"));
        let connection = Connection::open(&path).unwrap();
        let tables = format!(
            "CREATE TABLE tenancy_revision (revision INTEGER NOT NULL);
             INSERT INTO tenancy_revision VALUES (1);
             CREATE TABLE \"User\" (id TEXT PRIMARY KEY);
             CREATE TABLE grants (id TEXT NOT NULL, key TEXT NOT NULL);
             CREATE UNIQUE INDEX one ON grants {index};
             CREATE VIEW \"User.tags\" AS SELECT id, key, 1 AS value FROM grants;
             INSERT INTO \"User\" VALUES ('u7');
             INSERT INTO grants VALUES ('u7', 'k7'), ('u8', 'k7');"
        );
        connection.execute_batch(&tables).unwrap();
        let (few, one) = read(&open(&path));
        assert_eq!(one, the_one());
        assert_eq!(few, together.then(the_one), "{index}");
    }
}

#[test]
fn in_postgres() {
    let database = SHARED.database();
    database.sql(
        "CREATE TABLE \"User\" (id text PRIMARY KEY);
         CREATE TABLE grants (key text, id text, PRIMARY KEY (key, id));
         CREATE VIEW \"User.tags\" AS SELECT id, key, true AS value FROM grants;
         INSERT INTO \"User\" VALUES ('u7');
         INSERT INTO grants VALUES ('k7', 'u7');
         ANALYZE grants",
    );
    // A page is looked through sooner than an index.
    assert_eq!(
        read(&open_postgres(&database)),
        (Some(the_one()), the_one())
    );
    database.sql(
        "INSERT INTO grants SELECT 'o' || n, 'v' || n FROM generate_series(1, 100000) AS n; ANALYZE grants",
    );
    assert_eq!(read(&open_postgres(&database)), (None, the_one()));
    database.sql("CREATE INDEX by_id ON grants (id)");
    assert_eq!(
        read(&open_postgres(&database)),
        (Some(the_one()), the_one())
    );
}
