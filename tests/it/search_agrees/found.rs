//! Faults that random searches have found, and cases that they meet too seldom.

use peppol_authz_database::Sqlite;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::deciding::{Deciding, bundle, first_page, open};
use crate::postgres::server::SHARED;

const SCHEMA: &str = r#"
type Info = { name?: String, folder?: Folder, words?: Set<String>, owner?: User };
entity User = { name: String, age: Long };
entity Folder in [Folder] tags String;
@whenAbsent("{\"seen\": false}")
entity Phone = { seen: Bool };
@lowercaseId("all")
entity Mail = { seen: Bool };
entity Doc in [Folder] = {
    mail?: Mail, phone?: Phone,
    info?: Info, words?: Set<String>, readers?: Set<User>, text?: String, size?: Long, owner?: User,
};
action see appliesTo {
    principal: User, resource: Doc, context: { words?: Set<String>, folders?: Set<Folder> },
};
"#;

/// Tables in place of views, with columns of some type; the principal is `u`.
fn tables(columns: &str, rows: &str) -> String {
    let mut all = vec![("id", "text")];
    for name in [
        "mail", "phone", "info", "words", "readers", "text", "size", "owner",
    ] {
        all.push((name, if name == "size" { "bigint" } else { "text" }));
    }
    let columns = columns
        .split(',')
        .filter_map(|it| it.trim().split_once(' '));
    for (name, of) in columns {
        all.iter_mut()
            .filter(|it| it.0 == name)
            .for_each(|it| it.1 = of);
    }
    let all: Vec<_> = all
        .iter()
        .map(|(name, of)| format!("\"{name}\" {of}"))
        .collect();
    format!(
        "CREATE TABLE \"User\" (id text, name text, age bigint);
         INSERT INTO \"User\" VALUES ('u', 'u', 1), ('o', 'o', 2), ('O', 'o', 2);
         CREATE TABLE \"Mail\" (id text, seen boolean);
         INSERT INTO \"Mail\" VALUES ('m', true);
         CREATE TABLE \"Phone\" (id text, seen boolean);
         INSERT INTO \"Phone\" VALUES ('m', true);
         CREATE TABLE \"Folder\" (id text);
         INSERT INTO \"Folder\" VALUES ('f'), ('g');
         CREATE TABLE \"Folder.parents\" (id text, type text, parent text);
         INSERT INTO \"Folder.parents\" VALUES ('f', 'Folder', 'g');
         CREATE TABLE \"Folder.tags\" (id text, key text, value text);
         CREATE TABLE \"Doc.parents\" (id text, type text, parent text);
         INSERT INTO \"Doc.parents\" VALUES ('d', 'Folder', 'f');
         CREATE TABLE \"Doc\" ({});\n{rows}",
        all.join(", ")
    )
}

fn ask(deciding: &Deciding, context: &Value, limit: usize) -> Vec<String> {
    let wanted = json!({
        "principal": "User::\"u\"",
        "action": "Action::\"see\"",
        "resource": {"type": "Doc"},
        "context": context,
    });
    let part = first_page(limit, 10_000);
    let found = deciding.find(&wanted, &part);
    let found = found.unwrap_or_else(|refused| panic!("{refused:?}"));
    let ids = found.entities.iter();
    ids.map(|uid| AsRef::<str>::as_ref(uid.id()).to_owned())
        .collect()
}

fn policy(when: &str) -> String {
    format!("@id(\"p/p\") permit (principal, action, resource) when {{ {when} }};")
}

fn on_sqlite(columns: &str, rows: &str, when: &str) -> Vec<String> {
    with_sqlite(columns, rows, |store| {
        ask(
            &Deciding::over(store, bundle(SCHEMA, &policy(when))),
            &json!({}),
            100,
        )
    })
}

fn with_sqlite<T>(columns: &str, rows: &str, then: impl FnOnce(Sqlite) -> T) -> T {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(&format!(
            "CREATE VIEW tenancy_revision AS SELECT 1 AS revision;{}",
            tables(columns, rows)
        ))
        .unwrap();
    then(open(&path))
}

fn on_postgres(columns: &str, rows: &str, when: &str) -> Vec<String> {
    let database = SHARED.database();
    database.sql(&format!(
        "CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE DOMAIN word AS text;{}",
        tables(columns, rows)
    ));
    let store = crate::postgres::open(&database);
    ask(
        &Deciding::over(store, bundle(SCHEMA, &policy(when))),
        &json!({}),
        100,
    )
}

fn on_both(columns: &str, rows: &str, when: &str) {
    for found in [on_sqlite("", rows, when), on_postgres(columns, rows, when)] {
        assert_eq!(found, ["d"], "{columns}: {when}");
    }
}

/// In JSON an entity may be written as an object.
#[test]
fn an_entity_that_is_an_object_in_json() {
    let row = r#"INSERT INTO "Doc" (id, info) VALUES ('d', '{"folder": {"type": "Folder", "id": "f"}, "owner": {"type": "User", "id": "o"}}');"#;
    for when in [
        "resource has info.folder && resource.info.folder in Folder::\"g\"",
        "resource has info.folder && !(resource.info.folder in Folder::\"h\")",
        "resource has info.folder && !resource.info.folder.hasTag(\"k\")",
        "resource has info.owner && resource.info.owner.age == 2",
        "resource has info.owner && resource.info.owner != User::\"u\"",
        "resource has info.owner && ![User::\"u\", User::\"v\"].contains(resource.info.owner)",
    ] {
        on_both("info jsonb", row, when);
    }
    // An id may be what the object looks like.
    let row = r#"INSERT INTO "User" VALUES ('{"id":"o"}', 'o', 2), ('{"id": "o", "type": "User"}', 'o', 3), ('{"type":"User","id":"o"}', 'o', 3);
        INSERT INTO "Doc" (id, info, readers) VALUES ('d', '{"owner":{"type":"User","id":"o"}}', '[{"type":"User","id":"o"}]');"#;
    for id in [
        r#"{\"id\": \"o\", \"type\": \"User\"}"#,
        r#"{\"type\":\"User\",\"id\":\"o\"}"#,
    ] {
        let columns = "info jsonb, readers jsonb";
        let other = format!("resource has info.owner && resource.info.owner != User::\"{id}\"");
        on_both(columns, row, &other);
        let lacks = format!("resource has readers && !resource.readers.contains(User::\"{id}\")");
        on_both(columns, row, &lacks);
    }
}

/// The known entity may be in itself, as it is in what is above it.
#[test]
fn who_is_in_what_is_found() {
    let row = "INSERT INTO \"Doc\" (id, owner) VALUES ('d', 'u'), ('e', 'o');";
    on_both("", row, "resource has owner && principal in resource.owner");
}

/// An entity that is nowhere may have attributes, and an id may be written in many ways.
#[test]
fn who_is_nowhere_and_who_is_spelled_otherwise() {
    let row = "INSERT INTO \"Doc\" (id, phone) VALUES ('d', 'nowhere'), ('e', 'm');";
    on_both("", row, "resource has phone && !resource.phone.seen");
    let row = "INSERT INTO \"Doc\" (id, mail) VALUES ('d', 'M'), ('e', NULL);";
    on_both("", row, "resource has mail && resource.mail.seen");
    on_both("", row, "resource has mail && resource.mail == Mail::\"m\"");
    on_both(
        "",
        row,
        "resource has mail && [Mail::\"m\", Mail::\"n\"].contains(resource.mail)",
    );
}

/// A string may hold JSON, in a column of whatever type.
#[test]
fn json_in_a_string() {
    let cases = [
        (
            "resource has info.name && resource.info.name == \"n\"",
            "info",
        ),
        (
            "resource has info.name && resource.info.name like \"n*\"",
            "info",
        ),
        ("!(resource has info.owner)", "info"),
        (
            "resource has words && !resource.words.contains(\"x\")",
            "words",
        ),
        (
            "resource has words && resource.words.contains(\"w\")",
            "words",
        ),
        ("resource has words && !resource.words.isEmpty()", "words"),
    ];
    for of in [
        "text",
        "word",
        "jsonb",
        "json",
        "varchar",
        "text COLLATE anycase",
    ] {
        for (when, column) in cases {
            let json = if column == "info" {
                r#"{"name": "n"}"#
            } else {
                r#"["w"]"#
            };
            let string = serde_json::to_string(json).unwrap();
            for text in [json, &string] {
                // A string in a column of text is read once.
                if of != "jsonb" && of != "json" && text == string {
                    continue;
                }
                let row = format!("INSERT INTO \"Doc\" (id, {column}) VALUES ('d', '{text}');");
                let found = on_postgres(&format!("{column} {of}"), &row, when);
                assert_eq!(found, ["d"], "{of}: {when}");
            }
        }
    }
}

/// `jsonb` cannot hold all that `json` can, and refuses it.
#[test]
fn json_that_jsonb_cannot_hold() {
    let rows = r#"INSERT INTO "Doc" (id, info, words) VALUES
        ('d', '{"name": "n"}', '["w"]'), ('e', '{"name": "\u0000"}', '["\u0000"]');"#;
    for when in [
        "resource has info.name && resource.info.name == \"n\"",
        "resource has words && resource.words.contains(\"w\")",
    ] {
        assert_eq!(on_postgres("info json, words json", rows, when), ["d"]);
    }
}

/// SQLite reads some texts only up to U+0000.
#[test]
fn texts_with_nul() {
    let rows = r#"INSERT INTO "Doc" (id, text, info, words) VALUES
        ('d', 'a' || char(0) || 'b', '{"name": "a\u0000b"}', '["a\u0000b"]');"#;
    for when in [
        "resource has text && resource.text like \"a*b\"",
        "resource has text && !(resource.text like \"a\")",
        "resource has info.name && resource.info.name like \"a*b\"",
        "resource has info.name && resource.info.name != \"a\"",
        "resource has words && !resource.words.contains(\"a\")",
    ] {
        assert_eq!(on_sqlite("", rows, when), ["d"], "{when}");
    }
}

/// A character with a meaning in a database's pattern stands for itself in one of Cedar.
#[test]
fn patterns() {
    let texts = [
        "a*b", "a?b", "a[b]", "[ab]", "a%b", "a_b", "axb", "AXB", "a\\b", "a'b", "[^a]",
    ];
    let mut rows = String::new();
    for text in texts {
        let text = text.replace('\'', "''");
        rows.push_str(&format!(
            "INSERT INTO \"Doc\" (id, text) VALUES ('{text}', '{text}');"
        ));
    }
    let database = SHARED.database();
    database.sql(&tables("", &rows));
    for text in texts {
        let pattern = text.replace('\\', "\\\\").replace('*', "\\*");
        let like = format!("resource has text && resource.text like \"{pattern}\"");
        let other = format!("resource has text && !(resource.text like \"{pattern}\")");
        let mut others = texts.to_vec();
        others.retain(|it| *it != text);
        others.sort_unstable();
        for (when, wanted) in [(like, vec![text]), (other, others)] {
            assert_eq!(on_sqlite("", &rows, &when), wanted, "{when}");
            let store = crate::postgres::open(&database);
            let found = ask(
                &Deciding::over(store, bundle(SCHEMA, &policy(&when))),
                &json!({}),
                100,
            );
            assert_eq!(found, wanted, "{when}");
        }
    }
}

/// A row without an id is nobody's, and the search goes on behind it.
#[test]
fn rows_without_an_id() {
    let mut rows = "INSERT INTO \"Doc\" (id) VALUES (NULL), (NULL), (NULL);".to_owned();
    for number in 0..40 {
        rows.push_str(&format!("INSERT INTO \"Doc\" (id) VALUES ('{number}');"));
    }
    assert_eq!(on_sqlite("", &rows, "true").len(), 40);
    assert_eq!(on_postgres("", &rows, "true").len(), 40);
    let few = with_sqlite("", &rows, |store| {
        ask(
            &Deciding::over(store, bundle(SCHEMA, &policy("true"))),
            &json!({}),
            3,
        )
    });
    assert_eq!(few, ["0", "1", "10"]);
}

/// PostgreSQL does not choose between two collations.
#[test]
fn columns_of_collations_that_differ() {
    let columns = "owner text COLLATE \"und-x-icu\", id text COLLATE \"sv-x-icu\"";
    let row = "INSERT INTO \"Doc\" (id, owner) VALUES ('d', 'o');
        ALTER TABLE \"User\" ALTER id TYPE text COLLATE \"de-x-icu\";";
    for when in [
        "resource has owner && resource.owner.age == 2",
        "resource has owner && resource.owner.name == \"o\"",
        "resource in Folder::\"g\"",
        "!(resource in Folder::\"h\")",
    ] {
        assert_eq!(on_postgres(columns, row, when), ["d"], "{when}");
    }
    let columns = "owner text COLLATE anycase";
    assert_eq!(
        on_postgres(
            columns,
            row,
            "resource has owner && resource.owner.name == \"o\""
        ),
        ["d"]
    );
}

/// A number may be in a column that patterns cannot be used on.
#[test]
fn numbers_in_a_column_of_text() {
    for (of, value) in [
        ("text COLLATE anycase", "+007"),
        ("numeric", "7"),
        ("text", "-1"),
    ] {
        let row = format!("INSERT INTO \"Doc\" (id, size) VALUES ('d', '{value}');");
        let when = "resource has size && resource.size < 8";
        assert_eq!(
            on_postgres(&format!("size {of}"), &row, when),
            ["d"],
            "{of}"
        );
    }
}

/// Ids are compared byte by byte, also where a column does not.
#[test]
fn columns_without_case() {
    let rows = "INSERT INTO \"Doc\" (id, owner, text) VALUES ('d', 'O', 'X'), ('D', 'o', 'x');";
    let columns = "id text COLLATE NOCASE, owner text COLLATE NOCASE, text text COLLATE NOCASE";
    let find = |when: &str| on_sqlite(columns, rows, when);
    assert_eq!(
        find("resource has owner && resource.owner == User::\"o\""),
        ["D"]
    );
    assert_eq!(find("resource has text && resource.text == \"X\""), ["d"]);
    assert_eq!(
        find("resource has text && resource.text like \"x*\""),
        ["D"]
    );
    assert_eq!(find("resource in Folder::\"g\""), ["d"]);
}

/// More than a statement may say is not said, and all is looked at.
#[test]
fn more_than_a_statement_may_hold() {
    let rows = "INSERT INTO \"Doc\" (id, text, words) VALUES ('d', 'x1', '[\"w1\"]');";
    let many =
        |prefix: &str| -> Vec<String> { (0..3000).map(|n| format!("{prefix}{n}")).collect() };
    let known: String = (0..300)
        .map(|n| format!("INSERT INTO \"Folder\" VALUES ('f{n}');\n"))
        .collect();
    let rows = &format!("{rows}{known}");
    let folders: Vec<Value> = (0..300)
        .map(|n| json!(format!("f{n}")))
        .chain([json!("g")])
        .collect();
    for (when, context) in [
        (
            "resource has text && context has words && context.words.contains(resource.text)",
            json!({"words": many("x")}),
        ),
        (
            "resource has text && context has words && !context.words.contains(resource.text)",
            json!({"words": many("y")}),
        ),
        (
            "resource has words && context has words && !resource.words.containsAny(context.words)",
            json!({"words": many("y")}),
        ),
        (
            "resource has words && context has words && !resource.words.containsAll(context.words)",
            json!({"words": many("w")}),
        ),
        (
            "context has folders && resource in context.folders",
            json!({"folders": folders.clone()}),
        ),
    ] {
        let found = with_sqlite("", rows, |store| {
            ask(
                &Deciding::over(store, bundle(SCHEMA, &policy(when))),
                &context,
                100,
            )
        });
        assert_eq!(found, ["d"], "{when}");
        let database = SHARED.database();
        database.sql(&tables("words jsonb", rows));
        let store = crate::postgres::open(&database);
        let found = ask(
            &Deciding::over(store, bundle(SCHEMA, &policy(when))),
            &context,
            100,
        );
        assert_eq!(found, ["d"], "{when}");
    }
    let policies: String = (0..1100)
        .map(|n| {
            let policy = policy(&format!("resource has text && resource.text == \"x{n}\""));
            policy.replace("p/p", &format!("p/{n}"))
        })
        .collect();
    let found = with_sqlite("", rows, |store| {
        ask(
            &Deciding::over(store, bundle(SCHEMA, &policies)),
            &json!({}),
            100,
        )
    });
    assert_eq!(found, ["d"]);
}
