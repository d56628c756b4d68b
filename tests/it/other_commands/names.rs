//! A name that is not known is answered with the one that was probably meant.

use super::{SUITE, tester};
use crate::author::{POLICIES, RULES};
use crate::sidecar::{program, project};

/// The answer of a command over the quickstart to a question.
fn said(arguments: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let tenancy = format!("sqlite:{}", directory.path().join("t.db").display());
    let imported = program()
        .args(["import", "--tenancy", &tenancy])
        .arg(project("examples/quickstart/tenancy.ndjson"))
        .output()
        .unwrap();
    assert!(imported.status.success(), "{imported:?}");
    let (command, rest) = arguments.split_first().unwrap();
    let ended = program()
        .args([command, "--tenancy", &tenancy])
        .args(rest)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    String::from_utf8(ended.stderr).unwrap()
}

fn asked(principal: &str, action: &str, context: &str) -> String {
    let resource = "Peppol::Organisation::\"acme\"";
    said(&[
        "authorize",
        "--principal",
        principal,
        "--action",
        action,
        "--resource",
        resource,
        "--context",
        context,
    ])
}

const ANNA: &str = "Peppol::User::\"anna\"";

#[test]
fn in_a_question() {
    for (principal, action, context, meant) in [
        ("User::\"anna\"", "getOrganisation", "{}", "Peppol::User"),
        (
            "Pepol::User::\"anna\"",
            "getOrganisation",
            "{}",
            "Peppol::User",
        ),
        (ANNA, "getOrganization", "{}", "getOrganisation"),
        (ANNA, "get_organisation", "{}", "getOrganisation"),
        (
            ANNA,
            "Peppol::Action::\"getOrganization\"",
            "{}",
            "Peppol::Action::\"getOrganisation\"",
        ),
        (
            ANNA,
            "Action::\"getOrganisation\"",
            "{}",
            "Peppol::Action::\"getOrganisation\"",
        ),
        (
            ANNA,
            "requestModeChange",
            "{\"requestMode\": \"SHARED\"}",
            "requestedMode",
        ),
        (
            ANNA,
            "requestModeChange",
            "{\"requestedMode\": \"shared\"}",
            "SHARED",
        ),
    ] {
        let said = asked(principal, action, context);
        let words = format!("did you mean `{meant}`?");
        assert!(said.contains(&words), "{words}: {said}");
    }
    // Nothing is guessed.
    let said = asked("Person::\"anna\"", "getOrganisation", "{}");
    assert!(!said.contains("did you mean"), "{said}");
    let said = asked(ANNA, "fly", "{}");
    assert!(
        said.contains("`action`") && !said.contains("did you mean"),
        "{said}"
    );
}

#[test]
fn in_a_search() {
    let resource = "Peppol::Organisation::\"acme\"";
    let action = ["--action", "getOrganisation", "--resource", resource];
    let said = said(&[&["search", "--principal", "User"], &action[..]].concat());
    assert!(said.contains("did you mean `Peppol::User`?"), "{said}");
}

#[test]
fn in_policies_and_their_rules() {
    for (file, old, new, meant) in [
        (POLICIES, "@rule(\"USR-1\")", "@rule(\"URS-1\")", "USR-1"),
        (
            POLICIES,
            "@code(\"INACTIVE\")",
            "@code(\"INACTIV\")",
            "INACTIVE",
        ),
        (POLICIES, "LOCK_AGAIN", "LOCK-AGAIN", "LOCK_AGAIN"),
        (
            POLICIES,
            "@message(\"the user is not",
            "@mesage(\"the user is not",
            "message",
        ),
        // By Cedar itself.
        (POLICIES, "principal.active", "principal.activ", "active"),
    ] {
        let author = tester();
        author.edit(file, old, new);
        let ended = author.run(&["check"]);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        let words = format!("did you mean `{meant}`");
        assert!(ended.stderr.contains(&words), "{words}: {ended:?}");
    }
    assert!(tester().read(RULES).contains("LOCK_AGAIN"));
}

#[test]
fn in_a_suite() {
    let author = tester();
    author.edit(SUITE, "action = \"open\"", "action = \"opne\"");
    let ended = author.run(&["test"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let words = "there is no action `opne`; did you mean `open`?";
    assert!(ended.stderr.contains(words), "{ended:?}");
}

#[test]
fn in_settings() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("authz.toml");
    std::fs::write(&config, "[server]\nconections = 1\n").unwrap();
    let ended = program()
        .args(["migrate", "--config"])
        .arg(&config)
        .env("PEPPOL_AUTHZ_CACHE__BYTE", "1")
        .current_dir(directory.path())
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(64), "{ended:?}");
    let said = String::from_utf8(ended.stderr).unwrap();
    for meant in ["connections", "PEPPOL_AUTHZ_CACHE__BYTES"] {
        assert!(said.contains(&format!("did you mean `{meant}`?")), "{said}");
    }
}
