//! Tenancy documents into PostgreSQL, through the program: what SQLite takes it takes,
//! what SQLite refuses it refuses, in the same words.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use peppol_authz_engine::store::{Store, TagKeys};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::open;
use super::server::{Database, SHARED};
use crate::deciding;
use crate::import::{organisation, user};
use crate::sidecar::{Start, program, project};
use crate::store::{DOCUMENTS, runtime, shipped, uid};

/// The same documents in a database of either kind.
struct Both {
    directory: TempDir,
    database: Database,
}

/// The end of an import.
#[derive(Debug, PartialEq, Eq)]
struct PostgresImport {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn import(source: &str, file: &str) -> Command {
    let mut command = program();
    command.args(["import", "--tenancy", source, file]);
    command
}

fn ended(child: Child) -> PostgresImport {
    let output = child.wait_with_output().unwrap();
    PostgresImport {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn spawn(mut command: Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

impl PostgresImport {
    /// The last line of standard output names the state.
    fn revision(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:?}");
        let last = self.stdout.lines().last().unwrap();
        last.strip_prefix("tenancyRevision ").unwrap()
    }
}

impl Both {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            database: SHARED.database(),
        }
    }

    fn sqlite(&self) -> PathBuf {
        self.directory.path().join("tenancy.db")
    }

    /// Imports a text into both.
    fn text(&self, text: &str) -> (PostgresImport, PostgresImport) {
        let file = self.directory.path().join("documents.ndjson");
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let sqlite = format!("sqlite:{}", self.sqlite().display());
        let children = [&sqlite, &self.database.url()].map(|source| spawn(import(source, file)));
        let [sqlite, postgres] = children.map(ended);
        (sqlite, postgres)
    }

    fn documents(&self, documents: &[Value]) -> (PostgresImport, PostgresImport) {
        self.text(&lines(documents))
    }

    /// All that the tables hold, records included.
    fn rows(&self) -> String {
        rows(&self.database)
    }

    /// Checks that both hold the same entities, with the same tags.
    fn assert_equal(&self) {
        let connection = Connection::open(self.sqlite()).unwrap();
        let mut uids = Vec::new();
        for kind in [
            "EmailAddress",
            "User",
            "Organisation",
            "AccessPoint",
            "Participant",
            "ParticipantIdentifier",
            "LegalEntity",
            "SubAccount",
            "Document",
        ] {
            let sql = format!("SELECT id FROM \"Peppol::{kind}\" ORDER BY id");
            let mut statement = connection.prepare(&sql).unwrap();
            let ids = statement.query_map([], |row| row.get::<_, String>(0));
            let ids: Vec<String> = ids.unwrap().map(Result::unwrap).collect();
            let counted = self
                .database
                .sql(&format!("SELECT count(*) FROM \"Peppol::{kind}\""));
            assert_eq!(counted, ids.len().to_string(), "{kind}");
            uids.extend(ids.iter().map(|id| uid(&format!("Peppol::{kind}"), id)));
        }
        let read = |store: &dyn Store| {
            runtime().block_on(async {
                let mut snapshot = store.snapshot(&shipped(), None).await.unwrap();
                let rows = snapshot.entities(&uids).await.unwrap();
                let all: Vec<_> = uids.iter().map(|uid| (uid.clone(), TagKeys::All)).collect();
                (rows, snapshot.tags(&all).await.unwrap())
            })
        };
        assert_eq!(
            read(&open(&self.database)),
            read(&deciding::open(&self.sqlite()))
        );
    }
}

fn rows(database: &Database) -> String {
    let tables = database.sql(
        "SELECT relname FROM pg_class
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname",
    );
    let each: Vec<String> = tables
        .lines()
        .map(|table| format!("SELECT '{table} ' || held::text FROM \"{table}\" AS held"))
        .collect();
    database.sql(&format!("{} ORDER BY 1", each.join(" UNION ALL ")))
}

fn lines(documents: &[Value]) -> String {
    documents
        .iter()
        .map(|document| format!("{document}\n"))
        .collect()
}

fn fixture() -> Vec<Value> {
    let text = std::fs::read_to_string(project(DOCUMENTS)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A document of the fixture of that type, with another value.
fn with(kind: &str, member: &str, value: Value) -> Value {
    let mut document = fixture().into_iter().find(|it| it["type"] == kind).unwrap();
    if value == "absent" {
        document.as_object_mut().unwrap().remove(member);
    } else {
        document[member] = value;
    }
    document
}

#[test]
fn the_same_documents_are_the_same_entities() {
    let both = Both::new();
    let mut documents = fixture();
    let (sqlite, postgres) = both.documents(&documents);
    assert_eq!(postgres.stdout.lines().next(), sqlite.stdout.lines().next());
    sqlite.revision();
    postgres.revision();
    both.assert_equal();
    // In another order, it changes nothing, and writes no record.
    let before = both.rows();
    assert!(before.contains("tenancy_change "), "{before}");
    documents.reverse();
    both.documents(&documents).1.revision();
    both.documents(&[]).1.revision();
    assert_eq!(both.rows(), before);
    // A replaced document is replaced whole.
    let changed = [
        with("SUB_ACCOUNT", "legalEntityIds", json!(["le-2", "le-2"])),
        with("ORGANISATION", "contacts", json!([])),
        with("PARTICIPANT", "organisationId", json!("globex")),
        with(
            "DOCUMENT",
            "direction",
            json!("SENT\t\\ \\u0000 \"\u{e9}\u{1f600}\\n"),
        ),
        // An attribute that nobody asks for may be anything.
        with("USER", "note", json!("\u{0}")),
        user("back\\slash", "back\\slash"),
    ];
    both.documents(&changed).1.revision();
    both.assert_equal();
}

#[test]
fn what_is_wrong_is_said_in_the_same_words() {
    let both = Both::new();
    both.documents(&fixture()).1.revision();
    let before = both.rows();
    let good = user("x", "x@x");
    let text = |document: &Value| format!("{}\n{document}\n{}\n", good, organisation("y"));
    let mut wrong: Vec<String> = [
        with("USER", "emailVerified", json!("absent")),
        with("USER", "emailVerified", json!(1)),
        with("USER", "email", json!("")),
        with("USER", "id", json!("a\u{0}b")),
        with("ORGANISATION", "organisationMode", json!("demo")),
        with("ORGANISATION", "participantLimit", json!(2.5)),
        with("MEMBERSHIP", "memberRole", json!("owner")),
        with("SUB_ACCOUNT", "legalEntityIds", json!("le-1")),
        with("SUB_ACCOUNT", "type", json!("PERSON")),
        // References to nothing.
        with("MEMBERSHIP", "userId", json!("ghost")),
        with("MEMBERSHIP", "organisationId", json!("ACME")),
        with("ACCESS_POINT", "organisationId", json!("ghost")),
        with("PARTICIPANT", "organisationId", json!("acme ")),
        with("PARTY_AUTHORIZATION", "userId", json!("ghost")),
        with("PARTY_AUTHORIZATION", "participantId", json!("0088:GHOST")),
        with("LEGAL_ENTITY", "organisationId", json!("ghost")),
        with("SUB_ACCOUNT", "organisationId", json!("ghost")),
        with("SUB_ACCOUNT", "legalEntityIds", json!(["le-1", "ghost"])),
        with("DOCUMENT", "legalEntityId", json!("ghost")),
        // Values that others hold.
        user("new", "ANNA@acme.example"),
        user("new", "foo@bar.com"),
        with("SUB_ACCOUNT", "email", json!("x@x")),
    ]
    .iter()
    .map(text)
    .collect();
    let mut taken = organisation("new");
    taken["legalIdentifier"] = json!("556123-4567");
    wrong.push(text(&taken));
    wrong.push(format!("{good}\n{{\"type\": }}\n"));
    wrong.push(format!(
        "{good}\n{}",
        good.to_string().replacen('{', "{\"superadmin\":true,", 1)
    ));
    for text in wrong {
        let (sqlite, postgres) = both.text(&text);
        assert_eq!(postgres, sqlite, "{text}");
        assert_eq!(postgres.code, Some(1), "{text}");
        assert!(
            postgres.stderr.contains("documents.ndjson:2: "),
            "{postgres:?}"
        );
        assert_eq!(both.rows(), before, "{text}");
    }
}

/// PostgreSQL cannot hold it, and SQLite can.
#[test]
fn a_nul_character_is_refused_with_its_line() {
    let both = Both::new();
    both.documents(&fixture()).1.revision();
    let before = both.rows();
    for text in ["a\u{0}", "\\\u{0}", "\u{0}"] {
        let documents = [
            user("x", "x@x"),
            organisation("y"),
            with("PARTY_AUTHORIZATION", "name", json!(text)),
        ];
        let (_, postgres) = both.documents(&documents);
        assert_eq!(postgres.code, Some(1), "{postgres:?}");
        for words in ["documents.ndjson:3: ", "NUL"] {
            assert!(postgres.stderr.contains(words), "{postgres:?}");
        }
        assert_eq!(both.rows(), before);
    }
    let name = with("PARTY_AUTHORIZATION", "name", json!("\\u0000 \\\\u0000"));
    both.documents(&[name]).1.revision();
    let held = both
        .database
        .sql("SELECT name FROM party_authorization WHERE name LIKE '%u0000%'");
    assert_eq!(held, "\\u0000 \\\\u0000");
}

#[test]
fn what_is_unique_may_be_exchanged() {
    let both = Both::new();
    let organisations = |one: &str, two: &str| {
        let mut both = [organisation("one"), organisation("two")];
        both[0]["legalIdentifier"] = json!(one);
        both[1]["legalIdentifier"] = json!(two);
        both
    };
    let users = |one: &str, two: &str| [user("one", one), user("two", two)];
    both.documents(&[users("a@x", "b@x"), organisations("1", "2")].concat());
    let (sqlite, postgres) =
        both.documents(&[users("b@x", "a@x"), organisations("2", "1")].concat());
    sqlite.revision();
    postgres.revision();
    both.assert_equal();
    let email = both
        .database
        .sql("SELECT email FROM \"Peppol::User\" WHERE id = 'one'");
    assert_eq!(email, "b@x");
}

#[test]
fn the_state_that_an_import_names_can_be_asked_for() {
    let both = Both::new();
    both.documents(&fixture()).1.revision();
    // It looks once an hour, or when it is asked for more.
    let sidecar = Start::new()
        .with(&["--tenancy", &both.database.url()])
        .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "1h")
        .start();
    for (verified, decision) in [(false, "Deny"), (true, "Allow"), (false, "Deny")] {
        let mut anna = user("anna", "anna@acme.example");
        anna["emailVerified"] = json!(verified);
        let (_, imported) = both.documents(&[anna]);
        let question = json!({
            "principal": "Peppol::User::\"anna\"",
            "action": "Peppol::Action::\"getOrganisation\"",
            "resource": "Peppol::Organisation::\"acme\"",
            "atLeast": imported.revision(),
        });
        assert_eq!(sidecar.ask(&question)["decision"], decision);
    }
}

#[test]
fn imports_at_once_all_land() {
    let database = SHARED.database();
    let directory = tempfile::tempdir().unwrap();
    // The first of them makes the tables.
    let children: Vec<Child> = (0..4)
        .map(|number| {
            let mut documents = vec![user("shared", "shared@x"), organisation("shared")];
            documents.extend((0..50).map(|i| {
                let id = format!("{number}-{i}");
                user(&id, &format!("{id}@x"))
            }));
            let file = directory.path().join(format!("{number}.ndjson"));
            std::fs::write(&file, lines(&documents)).unwrap();
            spawn(import(&database.url(), file.to_str().unwrap()))
        })
        .collect();
    for child in children {
        ended(child).revision();
    }
    assert_eq!(database.sql("SELECT count(*) FROM \"Peppol::User\""), "201");
    assert_eq!(
        database.sql("SELECT count(*) FROM \"Peppol::Organisation\""),
        "1"
    );
}
