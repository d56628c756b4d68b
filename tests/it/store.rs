//! One suite for every tenancy store: [`conforms`] is given a store and the rows that it
//! should hold. A store's test file is an opener and a call; what only SQLite does has tests
//! of its own.

mod derived;
mod foreign;
mod given_up;
mod members;
mod revisions;
mod sqlite;

use std::path::Path;
use std::sync::{Arc, LazyLock};

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use peppol_authz_database::{Import, Imported, Sqlite};
use peppol_authz_engine::policy::Sources;
use peppol_authz_engine::schema::{Row, Schema, Value, transitive_ancestors};
use peppol_authz_engine::store::{
    EntitiesFile, EntitiesLimits, Snapshot, Store, StoreError, TagKeys, Tags,
};
use tokio::runtime::Runtime;

use crate::deciding::open;
use crate::sidecar::project;

pub(crate) const DOCUMENTS: &str = "tests/it/fixtures/tenancy.ndjson";
const ENTITIES: &str = "tests/it/fixtures/tenancy.entities.json";

/// Groups in groups, which the shipped schema has none of.
pub(crate) const GROUPS: &str = r#"
    entity Kind enum ["OPEN", "SECRET"];
    entity Group in [Group];
    entity Album in [Group] = { kind: Kind, size: Long, title?: String } tags Set<String>;
    entity Viewer;
    action view appliesTo { principal: Viewer, resource: Album };
"#;

/// The shipped schema.
pub(crate) fn shipped() -> Arc<Schema> {
    static SCHEMA: LazyLock<Arc<Schema>> =
        LazyLock::new(|| Arc::new(Schema::parse(&Sources::shipped().schema.text).unwrap()));
    Arc::clone(&SCHEMA)
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

pub(crate) fn uid(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.parse().unwrap(), EntityId::new(id))
}

pub(crate) fn import(store: &Sqlite, documents: &str) -> Result<Imported, String> {
    let inputs = vec![("documents".to_owned(), documents.as_bytes())];
    store
        .import(&Import::new().unwrap(), inputs, &mut |_| {})
        .map_err(|error| error.to_string())
}

/// A database that holds the documents of the fixture.
pub(crate) fn imported(path: &Path) -> Sqlite {
    let store = open(path);
    let documents = std::fs::read_to_string(project(DOCUMENTS)).unwrap();
    assert_eq!(import(&store, &documents).unwrap().documents, 20);
    store
}

/// Entities as rows, with all their ancestors.
fn rows(schema: &Schema, json: &[u8]) -> Vec<Row> {
    let json = serde_json::from_slice(json).unwrap();
    let mut rows = schema.entities(&json).unwrap();
    let parents: Vec<_> = rows
        .iter()
        .map(|row| (row.uid.clone(), row.ancestors.clone()))
        .collect();
    let of = |uid: &EntityUid| {
        let found = parents.iter().find(|(child, _)| child == uid);
        found.map_or(Vec::new(), |(_, parents)| parents.clone())
    };
    for row in &mut rows {
        row.ancestors = transitive_ancestors(&row.ancestors, &row.uid, usize::MAX, of).unwrap();
    }
    rows
}

/// A row without its tags, its ancestors in an order.
fn bare(row: &Row) -> Row {
    let mut bare = Row {
        tags: Tags::new(),
        ..row.clone()
    };
    bare.ancestors.sort();
    bare
}

async fn entities(snapshot: &mut dyn Snapshot, uids: &[EntityUid]) -> Vec<Option<Row>> {
    let found = snapshot.entities(uids).await.unwrap();
    assert_eq!(found.len(), uids.len());
    found
        .into_iter()
        .map(|row| row.as_ref().map(bare))
        .collect()
}

/// The rows that the documents of the fixture are.
pub(crate) fn fixture_rows(schema: &Schema) -> Vec<Row> {
    rows(schema, &std::fs::read(project(ENTITIES)).unwrap())
}

/// Holds a store to what the trait promises, over the rows that it should hold.
pub(crate) fn conforms(store: &dyn Store, schema: &Arc<Schema>, rows: &[Row]) {
    store.check(schema).unwrap();
    serves_its_types(store, rows);
    runtime().block_on(async {
        reads_entities(store, schema, rows).await;
        reads_tags(store, schema, rows).await;
        reads_few_tags(store, schema, rows).await;
        names_its_state(store, schema, rows).await;
    });
    serves_its_types(store, rows);
}

fn serves_its_types(store: &dyn Store, rows: &[Row]) {
    for row in rows {
        assert!(store.serves(row.uid.type_name()), "{}", row.uid);
    }
    for other in ["Peppol::Nobody", "User", "peppol::user", "Mode"] {
        let other: EntityTypeName = other.parse().unwrap();
        assert!(!store.serves(&other), "{other}");
    }
}

async fn reads_entities(store: &dyn Store, schema: &Arc<Schema>, rows: &[Row]) {
    let mut snapshot = store.snapshot(schema, None).await.unwrap();
    let snapshot = &mut *snapshot;
    assert_eq!(entities(snapshot, &[]).await, []);
    // One at a time, all at once, and backwards with gaps between.
    for row in rows {
        let found = entities(snapshot, std::slice::from_ref(&row.uid)).await;
        assert_eq!(found, [Some(bare(row))]);
    }
    let all: Vec<_> = rows.iter().map(|row| row.uid.clone()).collect();
    let held: Vec<_> = rows.iter().map(|row| Some(bare(row))).collect();
    assert_eq!(entities(snapshot, &all).await, held);
    let (mut asked, mut expected) = (Vec::new(), Vec::new());
    for row in rows.iter().rev() {
        let kind = row.uid.type_name().to_string();
        let id: &str = row.uid.id().as_ref();
        for other in [
            "ghost".to_owned(),
            String::new(),
            format!("{id}\0"),
            format!("{id} "),
            "' OR '1'='1".to_owned(),
            "\"; DROP TABLE organisation; --".to_owned(),
            "%".to_owned(),
        ] {
            asked.push(uid(&kind, &other));
            expected.push(None);
        }
        asked.push(row.uid.clone());
        expected.push(Some(bare(row)));
        // And once more.
        asked.push(row.uid.clone());
        expected.push(Some(bare(row)));
    }
    assert_eq!(entities(snapshot, &asked).await, expected);
}

async fn reads_tags(store: &dyn Store, schema: &Arc<Schema>, rows: &[Row]) {
    let mut snapshot = store.snapshot(schema, None).await.unwrap();
    let only = |keys: &[&str]| {
        let mut keys: Vec<Arc<str>> = keys.iter().map(|key| Arc::from(*key)).collect();
        keys.sort();
        TagKeys::Only(keys)
    };
    assert_eq!(snapshot.tags(&[]).await.unwrap(), []);
    let (mut asked, mut expected) = (Vec::new(), Vec::new());
    for row in rows {
        let mut expect = |keys: TagKeys, tags: Tags| {
            asked.push((row.uid.clone(), keys));
            expected.push(tags);
        };
        expect(TagKeys::All, row.tags.clone());
        expect(only(&[]), Tags::new());
        expect(only(&["ghost", "' OR '1'='1", "%"]), Tags::new());
        for (key, value) in &row.tags {
            let one = Tags::from([(Arc::clone(key), value.clone())]);
            expect(only(&[&**key]), one.clone());
            expect(only(&["ghost", &**key]), one);
        }
        let keys: Vec<_> = row.tags.keys().map(|key| &**key).collect();
        expect(only(&keys), row.tags.clone());
    }
    if let Some(row) = rows.first() {
        let ghost = uid(&row.uid.type_name().to_string(), "ghost");
        asked.extend([(ghost.clone(), TagKeys::All), (ghost, only(&["ghost"]))]);
        expected.extend([Tags::new(), Tags::new()]);
    }
    assert_eq!(snapshot.tags(&asked).await.unwrap(), expected);
}

/// All tags of entities that have few, and no part of those of others.
async fn reads_few_tags(store: &dyn Store, schema: &Arc<Schema>, rows: &[Row]) {
    let mut snapshot = store.snapshot(schema, None).await.unwrap();
    assert_eq!(snapshot.few_tags(&[], 1).await.unwrap(), []);
    let mut uids: Vec<_> = rows.iter().map(|row| row.uid.clone()).collect();
    let mut tags: Vec<_> = rows.iter().map(|row| row.tags.clone()).collect();
    for row in rows {
        for id in ["ghost", "\0", "' OR '1'='1", "%"] {
            uids.push(uid(&row.uid.type_name().to_string(), id));
            tags.push(Tags::new());
        }
        // And once more.
        uids.push(row.uid.clone());
        tags.push(row.tags.clone());
    }
    for most in [0, 1, 2, 3, 64] {
        let found = snapshot.few_tags(&uids, most).await.unwrap();
        assert_eq!(found.len(), uids.len());
        for ((uid, tags), few) in uids.iter().zip(&tags).zip(found) {
            let alone = snapshot.few_tags(std::slice::from_ref(uid), most).await;
            assert_eq!(alone.unwrap(), std::slice::from_ref(&few), "{uid}");
            match few {
                Some(few) => assert!(few == *tags && few.len() <= most, "{uid}: {few:?}"),
                // A view may say the same more than once, and then has more rows.
                None => assert!(most < 64, "{uid}: {tags:?}"),
            }
        }
    }
}

/// One state has one name, for however many read it and however often.
async fn names_its_state(store: &dyn Store, schema: &Arc<Schema>, rows: &[Row]) {
    let mut first = store.snapshot(schema, None).await.unwrap();
    let revision = first.revision().clone();
    assert!(!revision.name().is_empty());
    let mut second = store.snapshot(schema, None).await.unwrap();
    let uids: Vec<_> = rows.iter().map(|row| row.uid.clone()).collect();
    let (one, two) = (
        entities(&mut *first, &uids).await,
        entities(&mut *second, &uids).await,
    );
    assert_eq!(one, two);
    assert_eq!(*first.revision(), revision);
    assert_eq!(*second.revision(), revision);
    drop(first);
    drop(second);
    let third = store.snapshot(schema, None).await.unwrap();
    assert_eq!(*third.revision(), revision);
}

#[test]
fn sqlite_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let store = imported(&directory.path().join("tenancy.db"));
    let schema = shipped();
    conforms(&store, &schema, &fixture_rows(&schema));
}

#[test]
fn an_entities_file_conforms() {
    let store = EntitiesFile::open(&project(ENTITIES), EntitiesLimits::default()).unwrap();
    let schema = shipped();
    conforms(&store, &schema, &fixture_rows(&schema));
}

fn groups_json() -> serde_json::Value {
    serde_json::json!([
        {"uid": {"type": "Group", "id": "a"}, "attrs": {}, "parents": [{"type": "Group", "id": "b"}]},
        {"uid": {"type": "Group", "id": "b"}, "attrs": {}, "parents": [
            {"type": "Group", "id": "nowhere"}, {"type": "Group", "id": "c"},
        ]},
        {"uid": {"type": "Group", "id": "c"}, "attrs": {}, "parents": []},
        {"uid": {"type": "Album", "id": "x"}, "attrs": {"kind": "SECRET", "size": -1, "title": ""},
         "parents": [{"type": "Group", "id": "a"}, {"type": "Group", "id": "c"}],
         "tags": {"": ["", "a"], "k": []}},
        {"uid": {"type": "Album", "id": "y"}, "attrs": {"kind": "OPEN", "size": 9_223_372_036_854_775_807_i64},
         "parents": []},
    ])
}

#[test]
fn an_entities_file_with_parents_conforms() {
    let schema = Arc::new(Schema::parse(GROUPS).unwrap());
    let json = groups_json().to_string();
    let store = EntitiesFile::parse(json.as_bytes()).unwrap();
    conforms(&store, &schema, &rows(&schema, json.as_bytes()));
}

#[test]
fn sqlite_with_parents_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    foreign::albums(&path);
    let schema = Arc::new(Schema::parse(GROUPS).unwrap());
    let json = groups_json().to_string();
    conforms(&open(&path), &schema, &rows(&schema, json.as_bytes()));
}

#[test]
fn an_entities_file_that_does_not_fit_is_told_by_check() {
    let schema = Arc::new(Schema::parse(GROUPS).unwrap());
    let album = |more: serde_json::Value| {
        let mut album = serde_json::json!({
            "uid": {"type": "Album", "id": "x"}, "attrs": {"kind": "OPEN", "size": 1}, "parents": [],
        });
        for (name, value) in more.as_object().unwrap() {
            album[name] = value.clone();
        }
        album
    };
    let check = |json: serde_json::Value| {
        let store = EntitiesFile::parse(json.to_string().as_bytes()).unwrap();
        store.check(&schema)
    };
    let one = |more| check(serde_json::json!([album(more)]));
    one(serde_json::json!({})).unwrap();
    for wrong in [
        serde_json::json!({"uid": {"type": "Nothing", "id": "x"}}),
        serde_json::json!({"uid": {"type": "Album"}}),
        serde_json::json!({"attrs": {"kind": "OPEN"}}),
        serde_json::json!({"attrs": {"kind": "OPEN", "size": null}}),
        serde_json::json!({"attrs": {"kind": "OPEN", "size": 1.5}}),
        serde_json::json!({"attrs": {"kind": "CLOSED", "size": 1}}),
        serde_json::json!({"attrs": {"kind": "OPEN", "size": 1, "colour": "red"}}),
        serde_json::json!({"attrs": []}),
        serde_json::json!({"tags": {"k": "a"}}),
        serde_json::json!({"tags": []}),
        serde_json::json!({"parents": [{"type": "Viewer", "id": "v"}]}),
        serde_json::json!({"parents": {"type": "Group", "id": "a"}}),
        serde_json::json!({"attributes": {}}),
    ] {
        let error = one(wrong.clone()).err();
        assert!(matches!(error, Some(StoreError::Misfit(_))), "{wrong}");
    }
    let twice = serde_json::json!([
        album(serde_json::json!({})),
        album(serde_json::json!({"tags": {"k": []}}))
    ]);
    check(twice).unwrap_err();
    let group = |id: &str, parent: &str| serde_json::json!({"uid": {"type": "Group", "id": id}, "attrs": {}, "parents": [{"type": "Group", "id": parent}]});
    check(serde_json::json!([
        group("a", "b"),
        group("b", "c"),
        group("c", "a")
    ]))
    .unwrap_err();
    check(serde_json::json!([group("a", "a")])).unwrap_err();
    for text in ["", "{}", "[", "[{}] {}", "[{\"uid\": {}, \"uid\": {}}]"] {
        EntitiesFile::parse(text.as_bytes()).unwrap_err();
    }
    let missing =
        EntitiesFile::open(Path::new("/nowhere/entities.json"), EntitiesLimits::NONE).unwrap_err();
    assert!(
        missing.to_string().contains("/nowhere/entities.json"),
        "{missing}"
    );
}

#[test]
fn an_entities_file_is_named_by_its_contents() {
    let schema = Arc::new(Schema::parse(GROUPS).unwrap());
    let name = |text: &str| {
        let store = EntitiesFile::parse(text.as_bytes()).unwrap();
        let snapshot = runtime().block_on(store.snapshot(&schema, None)).unwrap();
        Arc::clone(snapshot.revision().name())
    };
    let text = groups_json().to_string();
    assert_eq!(name(&text), name(&text));
    assert_ne!(name(&text), name(&text.replace("SECRET", "OPEN")));
}

/// The values that the fixture's rows are compared with are what they seem.
#[test]
fn a_row_holds_what_its_document_said() {
    let directory = tempfile::tempdir().unwrap();
    let store = imported(&directory.path().join("tenancy.db"));
    let schema = shipped();
    let anna = uid("Peppol::User", "anna");
    let (rows, tags) = runtime().block_on(async {
        let mut snapshot = store.snapshot(&schema, None).await.unwrap();
        let rows = snapshot
            .entities(std::slice::from_ref(&anna))
            .await
            .unwrap();
        let tags = snapshot.tags(&[(anna, TagKeys::All)]).await.unwrap();
        (rows, tags)
    });
    let row = rows[0].as_ref().unwrap();
    let mail = uid("Peppol::EmailAddress", "anna@acme.example");
    assert_eq!(row.attributes["email"], Value::Entity(mail.into()));
    assert_eq!(row.attributes["emailVerified"], Value::Bool(true));
    let role = |role| Value::Entity(uid("Peppol::MemberRole", role).into());
    let both = Value::Set([role("ApUser"), role("orgadmin")].into());
    assert_eq!(tags[0]["acme"], both);
}
