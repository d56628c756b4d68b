//! Own tables whose ids are numbers, or are compared in another way: what is loaded is byte for
//! byte what was asked for.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::postgres::server::SHARED;
use crate::sidecar::{Sidecar, Start};

const SCHEMA: &str = r#"
entity Folder;
entity User tags String;
entity Doc in [Folder] = { title?: String } tags String;
action read appliesTo { principal: User, resource: Doc };
"#;

/// The forbids name one row each by its id, and one a parent and a tag.
const POLICIES: &str = r#"
@id("p/all") permit (principal, action, resource);
@id("p/doc") forbid (principal, action, resource == Doc::"7");
@id("p/user") forbid (principal == User::"7", action, resource);
@id("p/folder") forbid (principal, action, resource in Folder::"7");
@id("p/tag") forbid (principal, action, resource) when { resource.hasTag("7") };
"#;

fn start(source: &str) -> Sidecar {
    let start = Start::new().policies(SCHEMA, POLICIES);
    start.with(&["--tenancy", source]).start()
}

/// The verdict, or the code of the denial or error.
fn read(sidecar: &Sidecar, user: &str, doc: &str) -> String {
    let question = json!({
        "principal": {"type": "User", "id": user}, "action": "Action::\"read\"",
        "resource": {"type": "Doc", "id": doc},
    });
    let reply = sidecar.post("/v1/is_authorized", &question);
    let answer = reply.json();
    let code = answer["reasons"][0]["code"]
        .as_str()
        .or(answer["code"].as_str());
    match (answer["decision"].as_str(), code) {
        (Some("Allow"), _) => "Allow".to_owned(),
        (_, Some(code)) => code.to_owned(),
        (decision, None) => format!("{decision:?}"),
    }
}

fn by(sidecar: &Sidecar, user: &str, doc: &str) -> Value {
    let question = json!({
        "principal": {"type": "User", "id": user}, "action": "Action::\"read\"",
        "resource": {"type": "Doc", "id": doc},
    });
    sidecar.ask(&question)["diagnostics"]["reason"].clone()
}

const TABLES: &str = r#"
CREATE VIEW tenancy_revision AS SELECT 1 AS revision;
CREATE TABLE folders (number INTEGER PRIMARY KEY);
CREATE TABLE users (number INTEGER PRIMARY KEY);
CREATE TABLE docs (number INTEGER PRIMARY KEY, title TEXT, folder INTEGER);
CREATE TABLE marks (doc INTEGER, mark INTEGER, value TEXT, PRIMARY KEY (doc, mark));
INSERT INTO folders VALUES (1), (7);
INSERT INTO users VALUES (1), (7);
INSERT INTO docs VALUES (1, 'one', 1), (7, 'seven', 1), (8, 'below', 7), (9, 'marked', 1), (12, NULL, 1);
INSERT INTO marks VALUES (9, 7, 'x'), (12, 8, 'x');
CREATE VIEW "Folder" AS SELECT number AS id FROM folders;
CREATE VIEW "User" AS SELECT number AS id FROM users;
CREATE VIEW "User.tags" AS SELECT number AS id, number AS key, 'x' AS value FROM users WHERE false;
CREATE VIEW "Doc" AS SELECT number AS id, title FROM docs;
CREATE VIEW "Doc.parents" AS SELECT number AS id, 'Folder' AS type, folder AS parent FROM docs;
CREATE VIEW "Doc.tags" AS SELECT doc AS id, mark AS key, value FROM marks;
"#;

/// Spellings of the number 7 that are not its text.
const SEVENS: [&str; 9] = [
    "07", "7.0", "+7", "7e0", "70e-1", "007", "7.", "0x7", "7.00",
];

#[test]
fn a_number_in_sqlite_is_asked_for_as_it_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch(TABLES)
        .unwrap();
    let sidecar = start(&format!("sqlite:{}", path.display()));
    assert_eq!(read(&sidecar, "1", "1"), "Allow");
    assert_eq!(read(&sidecar, "1", "12"), "Allow");
    assert_eq!(by(&sidecar, "1", "7"), json!(["p/doc"]));
    assert_eq!(by(&sidecar, "7", "1"), json!(["p/user"]));
    assert_eq!(by(&sidecar, "1", "8"), json!(["p/folder"]));
    assert_eq!(by(&sidecar, "1", "9"), json!(["p/tag"]));
    for seven in SEVENS {
        assert_eq!(read(&sidecar, "1", seven), "UNKNOWN_RESOURCE", "{seven}");
        assert_eq!(read(&sidecar, seven, "1"), "UNKNOWN_PRINCIPAL", "{seven}");
    }
    for blank in [" 7", "7 ", "\t7"] {
        assert_eq!(read(&sidecar, "1", blank), "MALFORMED_QUESTION");
    }
}

/// A text that is compared without case, and one whose affinity makes numbers of it.
#[test]
fn a_text_in_sqlite_is_asked_for_as_it_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    let tables = TABLES
        .replace(
            "docs (number INTEGER PRIMARY KEY",
            "docs (number TEXT COLLATE NOCASE PRIMARY KEY",
        )
        .replace(
            "users (number INTEGER PRIMARY KEY",
            "users (number NUMERIC PRIMARY KEY",
        )
        + "INSERT INTO docs VALUES ('ab', 'x', 1); INSERT INTO users VALUES ('7.5');";
    Connection::open(&path)
        .unwrap()
        .execute_batch(&tables)
        .unwrap();
    let sidecar = start(&format!("sqlite:{}", path.display()));
    assert_eq!(read(&sidecar, "1", "ab"), "Allow");
    assert_eq!(read(&sidecar, "7.5", "ab"), "Allow");
    assert_eq!(read(&sidecar, "1", "AB"), "UNKNOWN_RESOURCE");
    for user in SEVENS.into_iter().chain(["7.50", "75e-1"]) {
        assert_eq!(read(&sidecar, user, "ab"), "UNKNOWN_PRINCIPAL", "{user}");
    }
}

/// The id of a row is found by the index of its column.
#[test]
fn a_number_in_sqlite_is_found_by_its_index() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(TABLES).unwrap();
    let sql = "EXPLAIN QUERY PLAN SELECT CAST(id AS TEXT), title FROM \"Doc\" \
               WHERE id = ?1 AND CAST(id AS TEXT) COLLATE BINARY = ?1";
    let mut statement = connection.prepare(sql).unwrap();
    let plan: String = statement.query_row(["7"], |row| row.get(3)).unwrap();
    assert!(plan.starts_with("SEARCH"), "{plan}");
}

/// PostgreSQL compares no number with a text, so nothing is answered; text is compared as it is.
#[test]
fn in_postgres_no_other_spelling_is_loaded() {
    for (kind, plain) in [
        ("integer", None),
        ("numeric", None),
        ("char(8)", Some("1")),
        ("text", Some("1")),
    ] {
        let database = SHARED.database();
        let tables = TABLES
            .replace(
                "number INTEGER PRIMARY KEY",
                &format!("number {kind} PRIMARY KEY"),
            )
            .replace("folder INTEGER", &format!("folder {kind}"))
            .replace(
                "(doc INTEGER, mark INTEGER",
                &format!("(doc {kind}, mark {kind}"),
            );
        let quoted = |text: &str| text.replace("(9, 7,", "('9', '7',");
        database.sql(&quoted(&tables));
        let sidecar = start(&database.url());
        if let Some(doc) = plain {
            assert_eq!(read(&sidecar, "1", doc), "Allow", "{kind}");
            assert_eq!(by(&sidecar, "1", "7"), json!(["p/doc"]), "{kind}");
            assert_eq!(by(&sidecar, "1", "9"), json!(["p/tag"]), "{kind}");
        }
        for seven in SEVENS {
            assert_ne!(read(&sidecar, "1", seven), "Allow", "{kind} {seven}");
            assert_ne!(read(&sidecar, seven, "1"), "Allow", "{kind} {seven}");
        }
    }
}
