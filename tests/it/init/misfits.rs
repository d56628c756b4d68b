//! `check` says what of a project does not fit together, and where.

use serde_json::Value;

use super::authoring::{add_column, add_rule, organisations_with, table_of};
use super::{project, runs};
use crate::author::{Author, Ended};

fn with_column() -> Author {
    let author = project();
    add_column(&author);
    add_rule(&author);
    runs(&author, &["check", "--fix"]);
    assert_eq!(runs(&author, &["check"]).stderr, "");
    author
}

/// The only fault: its file, its line's text, its severity and its message.
fn fault(author: &Author) -> (Ended, [String; 4]) {
    let ended = author.run(&["check", "--json"]);
    let faults: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(faults.len(), 1, "{ended:?}");
    let text = |name: &str| faults[0][name].as_str().unwrap().to_owned();
    let line = faults[0]["line"].as_u64().unwrap() as usize;
    let file = text("file");
    let at = author
        .read(&file)
        .lines()
        .nth(line - 1)
        .unwrap_or_default()
        .trim()
        .to_owned();
    let found = [file, at, text("severity"), text("message")];
    (ended, found)
}

#[track_caller]
fn says(author: &Author, file: &str, at: &str, severity: &str, words: &[&str]) {
    let (ended, found) = fault(author);
    assert_eq!(
        [&found[0], &found[1], &found[2]],
        [file, at, severity],
        "{found:?}"
    );
    for words in words {
        assert!(found[3].contains(words), "{words}: {found:?}");
    }
    let wanted = if severity == "error" { 3 } else { 0 };
    assert_eq!(ended.code, Some(wanted), "{ended:?}");
}

#[test]
fn an_attribute_that_no_column_gives() {
    let author = with_column();
    organisations_with(&author, "suspended AS halted");
    let ended = author.run(&["check"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let words =
        "the view `Peppol::Organisation` has no column `suspended` in SQLite and PostgreSQL";
    assert!(ended.stderr.contains(words), "{ended:?}");
    assert!(
        ended.stderr.contains("schema/peppol.cedarschema:72:"),
        "{ended:?}"
    );
    // And a column that no attribute reads.
    let words = "`Peppol::Organisation` has no attribute `halted`, so nothing reads the column";
    assert_eq!(ended.stderr.matches(words).count(), 2, "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("schema/additions/postgres/views.sql:"),
        "{ended:?}"
    );

    let author = with_column();
    let path = author.path("schema/additions/postgres/views.sql");
    std::fs::remove_file(path).unwrap();
    says(
        &author,
        "schema/peppol.cedarschema",
        "suspended: Bool,",
        "error",
        &["has no column `suspended` in PostgreSQL"],
    );
}

#[test]
fn a_member_of_a_document_that_goes_nowhere() {
    let author = with_column();
    author.edit(
        "schema/additions/documents.cedarschema",
        "suspended?: Bool",
        "suspended?: Bool,\nreason?: String",
    );
    let ended = author.run(&["check"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for database in ["SQLite", "PostgreSQL"] {
        let words = format!(
            "`reason` of `ORGANISATION` goes to no column: no statement of the import for {database} reads it"
        );
        assert!(ended.stderr.contains(&words), "{ended:?}");
    }
    assert!(
        ended.stderr.contains("documents.cedarschema:3:1"),
        "{ended:?}"
    );

    let author = with_column();
    let name = "schema/additions/documents.cedarschema";
    author.edit(
        name,
        "suspended?: Bool",
        "suspended?: Bool, organisationMode?: String",
    );
    says(
        &author,
        name,
        "type ORGANISATION = { suspended?: Bool, organisationMode?: String };",
        "error",
        &["`ORGANISATION` has the member `organisationMode` already"],
    );
    author.edit(
        name,
        "suspended?: Bool, organisationMode?: String",
        "suspended?: Bol",
    );
    says(
        &author,
        name,
        "type ORGANISATION = { suspended?: Bol };",
        "error",
        &["Bol"],
    );
}

#[test]
fn sql_that_fails() {
    let author = with_column();
    let name = "schema/additions/sqlite/migrations/1-suspended.sql";
    author.edit(
        name,
        "ALTER TABLE organisation",
        "-- as ever\nALTER TABLE organisations",
    );
    let (_, found) = fault(&author);
    assert_eq!([&found[0], &found[2]], [name, "error"], "{found:?}");
    assert!(
        found[1].starts_with("ALTER TABLE organisations"),
        "{found:?}"
    );
    assert!(
        found[3].contains("no such table: organisations"),
        "{found:?}"
    );
}

#[test]
fn a_table_whose_changes_nothing_notes() {
    let author = project();
    table_of(&author, "sqlite", "project", "Peppol::Project", 1);
    let name = "schema/additions/sqlite/migrations/1-project.sql";
    let text = author.read(name);
    let (table, _) = text.split_once("-- The triggers count only").unwrap();
    author.write(name, table);
    author.write(
        "schema/additions/sqlite/views.sql",
        "CREATE VIEW \"Peppol::Project\" AS SELECT id, organisation_id AS organisation FROM project;\n",
    );
    author.edit(
        "schema/peppol.cedarschema",
        "  entity Invitation = {",
        "  entity Project = { organisation: Organisation };\n\n  entity Invitation = {",
    );
    let ended = author.run(&["check"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for words in [
        "nothing notes the changes of project.id for Peppol::Project",
        "nothing notes the changes of project.organisation_id for Peppol::Project",
    ] {
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
}

#[test]
fn a_copy_of_what_is_inside_the_program() {
    let author = project();
    let name = "schema/sqlite/migrations/9-members-and-invitations/up.sql";
    let text = author.read(name);
    author.write(name, &format!("{text}-- more\n"));
    says(
        &author,
        name,
        "-- The last orgadmin of an organisation, the organisations of a user, and invitations.",
        "warning",
        &["is not read"],
    );
    author.write(name, &text);
    author.write("schema/postgres/migrations/V8__mine.sql", "SELECT 1;\n");
    says(
        &author,
        "schema/postgres/migrations/V8__mine.sql",
        "SELECT 1;",
        "warning",
        &["is not read"],
    );
}

/// The copies are those beside the schema, wherever the additions are.
#[test]
fn a_copy_beside_the_schema_where_additions_are_elsewhere() {
    let author = project();
    let moved = std::fs::rename(author.path("schema/additions"), author.path("mine"));
    moved.unwrap();
    let name = "schema/sqlite/import.sql";
    author.write(name, &(author.read(name) + "-- more\n"));
    for additions in [&["--additions", "mine"][..], &[]] {
        let ended = author.run(&[&["check"], additions].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let words = format!("`{name}`: the program has another one inside");
        assert!(ended.stderr.contains(&words), "{additions:?}: {ended:?}");
    }
}

/// A link back up is named, and not followed round and round.
#[test]
fn a_link_in_circles_is_named_once() {
    let author = project();
    std::os::unix::fs::symlink("..", author.path("schema/sqlite/up")).unwrap();
    std::os::unix::fs::symlink("../..", author.path("schema/postgres/up")).unwrap();
    let ended = author.run(&["check"]);
    assert_eq!(ended.code, Some(0), "{:.3000}", ended.stderr);
    assert_eq!(
        ended.stderr.matches("in it is read").count(),
        2,
        "{:.3000}",
        ended.stderr
    );
    for name in ["schema/sqlite/up", "schema/postgres/up"] {
        assert!(
            ended.stderr.contains(&format!("`{name}`: ")),
            "{:.3000}",
            ended.stderr
        );
    }
}

#[test]
fn a_migration_for_one_database_alone() {
    let author = with_column();
    let name = "schema/additions/postgres/migrations/2-more.sql";
    author.write(name, "CREATE TABLE more (id text PRIMARY KEY);\n");
    says(
        &author,
        name,
        "CREATE TABLE more (id text PRIMARY KEY);",
        "warning",
        &["no migration of this name for SQLite"],
    );
}
