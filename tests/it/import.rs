//! Tenancy documents into the store, through the program: every form that they
//! come in, what they replace, and what the store then says.

mod faults;
mod identifiers;
mod ignored;
mod large;
mod taken;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use rusqlite::Connection;
use rusqlite::types::Value as Column;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::sidecar::{program, project};
use crate::store::DOCUMENTS;

/// A database that documents are imported into.
struct Target {
    directory: TempDir,
}

/// The end of an import.
#[derive(Debug)]
struct SqliteImport {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Target {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn source(&self) -> String {
        format!("sqlite:{}", self.path("tenancy.db").display())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn import(&self, files: &[&Path]) -> SqliteImport {
        let output = program()
            .args(["import", "--tenancy", &self.source()])
            .args(files)
            .output();
        SqliteImport::from(output.unwrap())
    }

    /// Begins to import what is written to its standard input.
    fn importing(&self) -> Child {
        program()
            .args(["import", "--tenancy", &self.source(), "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn import_text(&self, text: &str) -> SqliteImport {
        self.import(&[&self.file("documents.ndjson", text)])
    }

    /// Imports one a line, and says the state that holds them.
    fn import_all(&self, documents: &[Value]) -> String {
        self.import_text(&lines(documents)).revision()
    }

    /// All that the base tables hold; the order of rows is that of their keys.
    fn rows(&self) -> Vec<String> {
        let connection = Connection::open(self.path("tenancy.db")).unwrap();
        let names = |sql: &str| -> Vec<String> {
            let mut statement = connection.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| row.get(0));
            rows.unwrap().map(Result::unwrap).collect()
        };
        // Without the names of histories, which are drawn at random.
        let tables = names(
            "SELECT name FROM sqlite_master
             WHERE type = 'table' AND name <> 'tenancy_history' ORDER BY name",
        );
        let mut all = Vec::new();
        for table in tables {
            let columns = names(&format!(
                "SELECT name FROM pragma_table_info('{table}') WHERE name <> 'mark'"
            ));
            let sql = format!("SELECT {} FROM \"{table}\"", columns.join(", "));
            let columns = columns.len();
            let mut statement = connection.prepare(&sql).unwrap();
            let rows = statement.query_map([], |row| {
                (0..columns)
                    .map(|i| row.get::<_, Column>(i))
                    .collect::<Result<Vec<_>, _>>()
            });
            all.extend(
                rows.unwrap()
                    .map(|row| format!("{table} {:?}", row.unwrap())),
            );
        }
        all
    }

    /// The attributes of an entity, as its view says.
    fn view(&self, view: &str, id: &str, column: &str) -> Option<Column> {
        let connection = Connection::open(self.path("tenancy.db")).unwrap();
        let sql = format!("SELECT \"{column}\" FROM \"Peppol::{view}\" WHERE id = ?1");
        connection.query_row(&sql, [id], |row| row.get(0)).ok()
    }

    /// Asks one question of the command line.
    fn ask(&self, principal: &str, action: &str, resource: &str, context: &Value) -> Value {
        let output = program()
            .args(["authorize", "--json", "--tenancy", &self.source()])
            .args(["--principal", principal, "--action", action])
            .args(["--resource", resource, "--context", &context.to_string()])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 2)), "{said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl SqliteImport {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The last line of standard output names the state.
    fn revision(&self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        let last = self.stdout.lines().last().unwrap();
        let revision = last.strip_prefix("tenancyRevision ");
        revision.unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }
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

pub(crate) fn user(id: &str, email: &str) -> Value {
    json!({"type": "USER", "id": id, "email": email, "emailVerified": true, "superadmin": false})
}

pub(crate) fn organisation(id: &str) -> Value {
    json!({
        "type": "ORGANISATION", "id": id, "legalIdentifierCode": "SE_ORGNR", "legalIdentifier": id,
        "organisationMode": "SHARED", "modeChangeRequest": null, "contacts": [],
    })
}

#[test]
fn one_a_line_in_an_array_or_over_several_lines_is_the_same() {
    let documents = fixture();
    let expected = Target::new();
    expected.import_all(&documents);
    let rows = expected.rows();
    assert!(
        rows.iter().any(|row| row.starts_with("document ")),
        "{rows:?}"
    );
    let array = Value::Array(documents.clone());
    let pretty: String = documents
        .iter()
        .map(|document| serde_json::to_string_pretty(document).unwrap() + "\n")
        .collect();
    for text in [
        array.to_string(),
        serde_json::to_string_pretty(&array).unwrap(),
        pretty,
        lines(&documents).replace('\n', "\r\n"),
        format!("\u{feff}{}", lines(&documents)),
        format!("\n\n  {}", lines(&documents).trim_end()),
    ] {
        let target = Target::new();
        let ended = target.import_text(&text);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(target.rows(), rows);
    }
}

#[test]
fn standard_input_and_several_files_are_read() {
    let documents = fixture();
    let expected = Target::new();
    let revision = expected.import_all(&documents);

    let piped = Target::new();
    let mut child = program()
        .args(["import", "--tenancy", &piped.source(), "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(lines(&documents).as_bytes()).unwrap();
    drop(input);
    let ended = SqliteImport::from(child.wait_with_output().unwrap());
    // Of another history, after as many records.
    let records = |revision: &str| revision.split(['-', '.']).nth(1).unwrap().to_owned();
    assert_eq!(records(&ended.revision()), records(&revision));
    assert_eq!(piped.rows(), expected.rows());

    // A later file may name documents of an earlier one, and the other way round.
    let (first, second) = documents.split_at(7);
    for order in [[first, second], [second, first]] {
        let target = Target::new();
        let files = [
            target.file("1.ndjson", &lines(order[0])),
            target.file("2.json", &Value::Array(order[1].to_vec()).to_string()),
        ];
        let ended = target.import(&[&files[0], &files[1]]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(target.rows(), expected.rows());
    }
}

#[test]
fn an_organisation_imports_as_its_api_gives_it() {
    let target = Target::new();
    let ended = target.import(&[&project("tests/it/fixtures/organisation.json")]);
    let revision = ended.revision();
    let id = "a33d7cda-c8f4-461c-b001-33ebd034144f";
    let view = |column| target.view("Organisation", id, column);
    let text = |text: &str| Some(Column::Text(text.to_owned()));
    assert_eq!(view("mode"), text("WHITELABEL"));
    assert_eq!(view("modeChangeRequest"), Some(Column::Null));
    assert_eq!(view("contactTypes"), text("[\"BUSINESS\",\"TECHNICAL\"]"));
    assert_eq!(view("participantLimit"), Some(Column::Integer(10)));
    let again = target.import(&[&project("tests/it/fixtures/organisation.json")]);
    assert_eq!(again.revision(), revision);
}

#[test]
fn importing_the_same_again_changes_nothing() {
    let target = Target::new();
    let mut documents = fixture();
    let revision = target.import_all(&documents);
    let rows = target.rows();
    assert_eq!(target.import_all(&documents), revision);
    // In another order, and with contacts in another order, it is the same.
    documents.reverse();
    for document in &mut documents {
        if let Some(contacts) = document["contacts"].as_array_mut() {
            contacts.reverse();
        }
        if let Some(ids) = document["legalEntityIds"].as_array_mut() {
            ids.reverse();
        }
    }
    assert_eq!(target.import_all(&documents), revision);
    assert_eq!(target.import_all(&[]), revision);
    assert_eq!(target.rows(), rows);
    // A change is another state, and back is not the one before.
    let mut changed = documents.clone();
    for document in &mut changed {
        if document["type"] == "DOCUMENT" {
            document["direction"] = json!("SENT");
        }
    }
    let other = target.import_all(&changed);
    assert_ne!(other, revision);
    assert_ne!(target.import_all(&documents), other);
}

#[test]
fn what_is_named_may_come_later() {
    let (forwards, backwards) = (Target::new(), Target::new());
    let mut documents = fixture();
    forwards.import_all(&documents);
    documents.reverse();
    backwards.import_all(&documents);
    assert_eq!(backwards.rows(), forwards.rows());
}

#[test]
fn a_later_document_replaces_an_earlier_one_of_the_same_key() {
    let mut first = organisation("acme");
    first["participantLimit"] = json!(3);
    first["contacts"] = json!([{"contactType": "BUSINESS"}]);
    first["modeChangeRequest"] = json!("SHARED");
    let second = organisation("acme");
    let limit = |target: &Target| target.view("Organisation", "acme", "participantLimit");
    let contacts = |target: &Target| target.view("Organisation", "acme", "contactTypes");
    let request = |target: &Target| target.view("Organisation", "acme", "modeChangeRequest");
    // In one file, in two files, in two imports.
    let one = Target::new();
    one.import_all(&[first.clone(), second.clone()]);
    let two = Target::new();
    let files = [
        two.file("z.ndjson", &lines(std::slice::from_ref(&first))),
        two.file("a.ndjson", &lines(std::slice::from_ref(&second))),
    ];
    two.import(&[&files[0], &files[1]]).revision();
    let three = Target::new();
    three.import_all(std::slice::from_ref(&first));
    assert_eq!(limit(&three), Some(Column::Integer(3)));
    three.import_all(std::slice::from_ref(&second));
    for target in [one, two, three] {
        assert_eq!(limit(&target), Some(Column::Integer(10)));
        assert_eq!(contacts(&target), Some(Column::Text("[]".to_owned())));
        assert_eq!(request(&target), Some(Column::Null));
    }
}

#[test]
fn what_a_document_replaces_it_replaces_whole() {
    let target = Target::new();
    let mut documents = fixture();
    target.import_all(&documents);
    let edges = |target: &Target, table: &str| {
        let rows = target.rows();
        rows.iter()
            .filter(|row| row.starts_with(&format!("{table} ")))
            .count()
    };
    assert_eq!(edges(&target, "sub_account_legal_entity"), 2);
    let mut sub_account = documents
        .iter()
        .find(|document| document["id"] == "sa-1")
        .cloned()
        .unwrap();
    sub_account["legalEntityIds"] = json!(["le-2", "le-2"]);
    target.import_all(std::slice::from_ref(&sub_account));
    assert_eq!(edges(&target, "sub_account_legal_entity"), 1);
    // A member role is its own key: another one stands beside it.
    let role = json!({"type": "MEMBERSHIP", "userId": "anna", "organisationId": "acme", "memberRole": "orgmember"});
    let before = edges(&target, "membership");
    target.import_all(&[role]);
    assert_eq!(edges(&target, "membership"), before + 1);
    // One authorization for each user and participant, however it is spelt.
    documents.retain(|document| document["type"] == "PARTY_AUTHORIZATION");
    let before = edges(&target, "party_authorization");
    for document in &mut documents {
        document["participantId"] = json!("iso6523-actorid-upis::0088:ABC");
        document["permissions"]["canManageHook"] = json!(true);
    }
    target.import_all(&documents);
    assert_eq!(edges(&target, "party_authorization"), before);
}

#[test]
fn members_that_are_not_named_and_their_order_do_not_matter() {
    let plain = Target::new();
    plain.import_all(&fixture());
    let shuffled: String = fixture()
        .iter()
        .map(|document| {
            let mut members: Vec<_> = document.as_object().unwrap().iter().collect();
            members.reverse();
            let members: Vec<_> = members
                .into_iter()
                .map(|(name, value)| format!("{}: {value}", json!(name)))
                .collect();
            format!(
                "{{\"before\": {{\"id\": [1, {{}}]}}, {}, \"TYPE\": \"X\", \"after\": null}}\n",
                members.join(", ")
            )
        })
        .collect();
    let target = Target::new();
    let ended = target.import_text(&shuffled);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(target.rows(), plain.rows());
}

#[test]
fn the_documents_of_the_quickstart_import() {
    let target = Target::new();
    let file = project("examples/quickstart/tenancy.ndjson");
    let revision = target.import(&[&file]).revision();
    assert_eq!(target.import(&[&file]).revision(), revision);
}
