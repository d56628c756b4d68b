//! `init` writes a project, and an author goes on from there without building the program anew.

mod authoring;
mod kinds;
mod migrations;
mod misfits;
mod walk;

use crate::author::{Author, Ended};
use crate::sidecar::Start;

/// A directory with all that `init` writes.
fn project() -> Author {
    let author = Author::empty();
    let ended = author.run(&["init", "."]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    author
}

/// A command that does its work, and what it said.
fn runs(author: &Author, arguments: &[&str]) -> Ended {
    let ended = author.run(arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    ended
}

#[test]
fn what_is_written_holds_at_once() {
    let author = project();
    let ended = runs(&author, &["check"]);
    assert!(ended.stdout.starts_with("ok: "), "{ended:?}");
    assert_eq!(ended.stderr, "");
    let ended = runs(&author, &["test", "--coverage"]);
    assert!(ended.stdout.contains(" 0 failed"), "{ended:?}");
    let ended = runs(&author, &["prove"]);
    assert!(ended.stdout.ends_with(" 0 not proved\n"), "{ended:?}");
    let sidecar = Start::quickstart()
        .inside(&author.path("."))
        .with(&["--config", "peppol-authz.toml"])
        .start();
    let decision = sidecar.ask(&serde_json::json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": "Peppol::Organisation::\"acme\"",
    }));
    assert_eq!(decision["decision"], "Allow");
}

#[test]
fn the_next_steps_are_said() {
    let author = Author::empty();
    let ended = runs(&author, &["init", "mine/of acme"]);
    for step in [
        "cd mine/of acme",
        "peppol-authz check",
        "peppol-authz serve --config peppol-authz.toml",
        "schema/additions/README.md",
    ] {
        assert!(ended.stdout.contains(step), "{ended:?}");
    }
    for name in [
        "peppol-authz.toml",
        "policies/rules.toml",
        "policies/invariants/usr-6-superadmins-do-no-more.cedar",
        "schema/peppol.cedarschema",
        "schema/routes.toml",
        "schema/documents.cedarschema",
        "schema/sqlite/migrations/1-tenancy/up.sql",
        "schema/postgres/migrations/V1__tenancy.sql",
        "schema/additions/sqlite/views.sql",
        "schema/additions/postgres/template.sql",
        "tests/policies/matrix.golden",
    ] {
        let path = author.path("mine/of acme").join(name);
        assert!(path.is_file(), "{name}");
    }
}

#[test]
fn a_directory_that_is_not_empty_is_left_as_it_is() {
    let author = Author::empty();
    author.write("mine/notes.txt", "notes");
    for directory in ["mine", "mine/notes.txt"] {
        let ended = author.run(&["init", directory]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(directory), "{ended:?}");
    }
    let ended = author.run(&["init", "mine"]);
    assert!(ended.stderr.contains("is not empty"), "{ended:?}");
    let entries = std::fs::read_dir(author.path("mine")).unwrap();
    assert_eq!(entries.count(), 1);
}
