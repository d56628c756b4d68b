//! Views that compare ids without regard to case, as an operator's own may: an id in
//! another spelling is another entity all the same.

use std::sync::Arc;

use peppol_authz_engine::schema::Schema;
use peppol_authz_engine::store::{Store, TagKeys};

use super::open;
use super::server::SHARED;
use crate::store::{GROUPS, runtime, uid};

/// The type that ids have, and what it takes to have it.
const TYPES: [(&str, &str); 3] = [
    (
        "CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        "text COLLATE anycase",
    ),
    ("CREATE EXTENSION citext", "citext"),
    // For comparison: this is compared byte by byte anyway.
    ("", "varchar(20)"),
];

fn tables(prepare: &str, ty: &str) -> String {
    format!(
        r#"{prepare};
        CREATE TABLE groups (name {ty} PRIMARY KEY);
        INSERT INTO groups VALUES ('team');
        CREATE TABLE albums (name {ty} PRIMARY KEY, title text);
        INSERT INTO albums VALUES ('Summer', 'x');
        CREATE TABLE captions (album {ty}, lang {ty}, words text[], PRIMARY KEY (album, lang));
        INSERT INTO captions VALUES ('Summer', 'en', '{{sun}}');
        CREATE VIEW "Group" AS SELECT name AS id FROM groups;
        CREATE VIEW "Group.parents" AS SELECT name AS id, '' AS type, '' AS parent FROM groups WHERE false;
        CREATE VIEW "Album" AS SELECT name AS id, 'OPEN' AS kind, 1 AS size, title FROM albums;
        CREATE VIEW "Album.parents" AS SELECT name AS id, 'Group' AS type, 'team' AS parent FROM albums;
        CREATE VIEW "Album.tags" AS SELECT album AS id, lang AS key, words AS value FROM captions;"#
    )
}

#[test]
fn an_id_in_another_spelling_is_another_entity() {
    let available = SHARED
        .named("postgres")
        .sql("SELECT name FROM pg_available_extensions WHERE name = 'citext'");
    for (prepare, ty) in TYPES {
        if ty == "citext" && available.is_empty() {
            continue;
        }
        let database = SHARED.database();
        database.sql(&tables(prepare, ty));
        let equal = database.sql("SELECT count(*) FROM albums WHERE name = 'SUMMER'");
        assert_eq!(equal == "1", !ty.starts_with("varchar"), "{ty}");
        let (store, schema) = (open(&database), Arc::new(Schema::parse(GROUPS).unwrap()));
        let album = |id| uid("Album", id);
        let keys = |keys: &[&str]| TagKeys::Only(keys.iter().map(|key| Arc::from(*key)).collect());
        runtime().block_on(async {
            let mut snapshot = store.snapshot(&schema, None).await.unwrap();
            // Together, in either order, and alone.
            for ids in [
                &["Summer", "SUMMER"][..],
                &["summer", "Summer", "SUMMER"],
                &["SUMMER"],
                &["Summer"],
            ] {
                let uids: Vec<_> = ids.iter().map(|id| album(id)).collect();
                let rows = snapshot.entities(&uids).await.unwrap();
                let tags: Vec<_> = uids.iter().map(|uid| (uid.clone(), TagKeys::All)).collect();
                let tags = snapshot.tags(&tags).await.unwrap();
                for ((id, row), tags) in ids.iter().zip(rows).zip(tags) {
                    let is_it = *id == "Summer";
                    assert_eq!(row.is_some(), is_it, "{ty}: {id} of {ids:?}");
                    assert_eq!(tags.len(), usize::from(is_it), "{ty}: {id} of {ids:?}");
                    if let Some(row) = row {
                        assert_eq!(row.uid, album("Summer"));
                        assert_eq!(row.ancestors, [uid("Group", "team")]);
                    }
                }
            }
            let asked = [
                (album("Summer"), keys(&["EN", "en"])),
                (album("Summer"), keys(&["EN"])),
                (album("SUMMER"), keys(&["en"])),
            ];
            let tags = snapshot.tags(&asked).await.unwrap();
            let found: Vec<Vec<&str>> = tags
                .iter()
                .map(|tags| tags.keys().map(|key| &**key).collect())
                .collect();
            assert_eq!(found, [vec!["en"], vec![], vec![]], "{ty}");
        });
    }
}
