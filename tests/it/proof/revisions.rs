//! Policies as they were at a revision of git.

use std::process::Command;

use crate::author::{Author, POLICIES, SCHEMA};

fn git(author: &Author, arguments: &[&str]) {
    let output = Command::new("git")
        .current_dir(author.path("."))
        .args([
            "-c",
            "user.name=Author",
            "-c",
            "user.email=author@example.org",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn committed(author: &Author, message: &str) {
    git(author, &["add", "-A"]);
    git(author, &["commit", "-q", "-m", message]);
}

/// `first` has the author's policies, `wider` lets the inactive in.
fn repository() -> Author {
    let author = Author::new();
    git(&author, &["init", "-q"]);
    committed(&author, "first");
    git(&author, &["tag", "first"]);
    author.edit(
        POLICIES,
        "principal.active",
        "principal.active || context has force",
    );
    committed(&author, "wider");
    git(&author, &["tag", "wider"]);
    author
}

#[test]
fn revisions_are_compared_with_each_other_and_with_what_lies_there() {
    let author = repository();
    let ended = author.run(&["diff", "first", "wider"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.ends_with("2 actions: 2 more\n"), "{ended:?}");
    let ended = author.run(&["diff", "wider", "first", "--no-wider"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.ends_with("2 actions: 2 less\n"), "{ended:?}");
    // Without the second it is what lies in the working directory.
    assert!(
        author
            .run(&["diff", "HEAD"])
            .stdout
            .ends_with("2 actions: 2 same\n")
    );
    author.edit(
        POLICIES,
        "principal.active || context has force",
        "principal.active",
    );
    assert!(
        author
            .run(&["diff", "HEAD"])
            .stdout
            .ends_with("2 actions: 2 less\n")
    );
    assert!(
        author
            .run(&["diff", "HEAD~1"])
            .stdout
            .ends_with("2 actions: 2 same\n")
    );
    assert_eq!(
        author
            .run(&["diff", "policies", "wider", "--no-wider"])
            .code,
        Some(4)
    );
}

/// A revision brings its schema along.
#[test]
fn the_schema_is_that_of_the_revision() {
    let author = repository();
    author.edit(SCHEMA, "active: Bool", "awake: Bool");
    let text = author
        .read(POLICIES)
        .replace("principal.active", "principal.awake");
    author.write(POLICIES, &text);
    let ended = author.run(&["diff", "HEAD"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    // The policies of HEAD are valid under its own schema, and not under the new one.
    assert!(
        ended.stderr.contains("HEAD:policies/desk.cedar:25:"),
        "{ended:?}"
    );
    assert!(
        ended.stderr.contains("do not fit the schema of `.`"),
        "{ended:?}"
    );
}

#[test]
fn other_places_are_named() {
    let author = repository();
    git(&author, &["mv", "policies", "rules"]);
    git(
        &author,
        &["mv", "schema/peppol.cedarschema", "types.cedarschema"],
    );
    committed(&author, "moved");
    let ended = author.run(&[
        "diff",
        "HEAD",
        "rules",
        "--policies",
        "rules",
        "--schema",
        "types.cedarschema",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = author.run(&["diff", "HEAD", "rules", "--schema", "types.cedarschema"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("policies"), "{ended:?}");
}

#[test]
fn what_is_no_revision_is_named() {
    let author = repository();
    for name in [
        "nothing",
        "-h",
        "--help-me",
        "first^{tree}",
        "HEAD:policies",
    ] {
        let ended = author.run(&["diff", "--", name]);
        assert_eq!(ended.code, Some(1), "{name}: {ended:?}");
        assert!(
            ended
                .stderr
                .contains(&format!("`{name}` is no directory, and git says")),
            "{name}: {ended:?}"
        );
    }
}

/// A schema that cannot be read is none that is not there: the working directory's would let
/// the old policies mean what they never did.
#[test]
fn a_schema_that_cannot_be_read_is_a_failure() {
    let author = repository();
    let schema = author.read(SCHEMA).into_bytes();
    std::fs::write(
        author.path(SCHEMA),
        [b"// \xff\n".to_vec(), schema.clone()].concat(),
    )
    .unwrap();
    committed(&author, "not text");
    std::fs::write(author.path(SCHEMA), schema).unwrap();
    let ended = author.run(&["diff", "HEAD", "--no-wider"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("is not UTF-8"), "{ended:?}");
    // One that there is not is the one that lies there.
    git(&author, &["rm", "-q", "--cached", SCHEMA]);
    git(&author, &["commit", "-q", "-m", "none"]);
    let ended = author.run(&["diff", "HEAD", "--no-wider"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
