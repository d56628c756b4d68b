//! `init` writes a project, and an author goes on from there without building the program anew.

mod authoring;
mod brought;
mod compared;
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
    // The policies of callers, which the settings name, are a part of it.
    for name in ["own.cedar", "own.CEDAR"] {
        let name = format!("policies/callers/{name}");
        author.write(
            &name,
            "permit (principal, action == Sidecar::Action::\"decde\", resource);\n",
        );
        let ended = author.run(&["check"]);
        assert_eq!(ended.code, Some(3), "{name}: {ended:?}");
        assert!(ended.stderr.contains("policies/callers"), "{ended:?}");
        std::fs::remove_file(author.path(&name)).unwrap();
    }
    author.write(
        "policies/callers/own.cedar",
        "permit(principal,action,resource);\n",
    );
    let ended = runs(&author, &["check", "--fix"]);
    assert!(
        ended
            .stdout
            .contains("formatted policies/callers/own.cedar"),
        "{ended:?}"
    );
    std::fs::remove_file(author.path("policies/callers/own.cedar")).unwrap();
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
        "cd 'mine/of acme'",
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

/// Names that a path has no room for fail late, when much is written already.
#[test]
fn what_fails_leaves_nothing_behind() {
    let author = Author::empty();
    let deep = "d".repeat(200);
    let mut long = deep.clone();
    while long.len() < 4040 - 200 {
        long = format!("{long}/{deep}");
    }
    long = format!("{long}/{}", "e".repeat(4040 - long.len()));
    let ended = author.run(&["init", &long]);
    assert_eq!(ended.code, Some(1), "{:.500}", ended.stderr);
    assert!(ended.stderr.contains("too long"), "{:.9000}", ended.stderr);
    let entries = std::fs::read_dir(author.path(".")).unwrap();
    assert_eq!(entries.count(), 0);
    // One that was there stays, and is empty.
    let made = std::process::Command::new("mkdir")
        .args(["-p", &long])
        .current_dir(author.path("."))
        .status();
    assert!(made.unwrap().success());
    let ended = author.run(&["init", &long]);
    assert_eq!(ended.code, Some(1), "{:.500}", ended.stderr);
    let listed = std::process::Command::new("ls")
        .args(["-A", &long])
        .current_dir(author.path("."))
        .output()
        .unwrap();
    assert!(
        listed.status.success() && listed.stdout.is_empty(),
        "{listed:?}"
    );
}

#[test]
fn a_link_that_leads_nowhere_is_no_directory() {
    let author = Author::empty();
    std::os::unix::fs::symlink("nowhere", author.path("mine")).unwrap();
    let ended = author.run(&["init", "mine"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("`mine`: it is a link to `nowhere`, which is not there"),
        "{ended:?}"
    );
    assert!(!author.path("nowhere").exists());
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
