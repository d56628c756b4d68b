//! `check`: what an author sees of policies and schema, and what CI reads of it.

mod files;
mod format;
mod lints;
mod openapi;
mod routes;

use serde_json::Value;

use crate::author::{Author, Ended, POLICIES, RULES, SCHEMA};
use crate::sidecar::{program, project};

/// The faults of `check --json`, one a line.
pub(crate) fn json(ended: &Ended) -> Vec<Value> {
    let lines = ended.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// File, line and severity of each.
fn places(faults: &[Value]) -> Vec<(String, u64, String)> {
    faults
        .iter()
        .map(|fault| {
            let text = |member: &str| fault[member].as_str().unwrap().to_owned();
            (
                text("file"),
                fault["line"].as_u64().unwrap(),
                text("severity"),
            )
        })
        .collect()
}

#[test]
fn a_set_without_a_fault_is_0() {
    let ended = Author::new().run(&["check"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended
            .stdout
            .starts_with("ok: 4 policies, 0 invariants, 2 actions, 0 routes, level 1, "),
        "{ended:?}"
    );
    assert_eq!(ended.stderr, "");
    // For a program, no fault is no line.
    let ended = Author::new().run(&["check", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
}

#[test]
fn the_shipped_set_is_without_a_fault() {
    let inside = Author::empty().run(&["check"]);
    assert_eq!(inside.code, Some(0), "{inside:?}");
    // And those in the repository are the same.
    let output = program().current_dir(project(".")).arg("check").output();
    let beside = Ended::from(output.unwrap());
    assert_eq!(beside.code, Some(0), "{beside:?}");
    assert_eq!(beside.stdout, inside.stdout);
}

#[test]
fn what_lies_in_the_working_directory_is_checked_unless_another_is_named() {
    let author = Author::new();
    author.edit(POLICIES, "principal.active", "principal.awake");
    let ended = author.run(&["check"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(
        ended.stderr.contains("policies/desk.cedar:25:"),
        "{ended:?}"
    );
    // Another directory; the schema is still the one that lies there.
    author.write("other/desk.cedar", crate::author::POLICY_TEXT);
    let ended = author.run(&["check", "--policies", "other"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = author.run(&[
        "check",
        "--policies",
        "other",
        "--schema",
        "missing.cedarschema",
    ]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("missing.cedarschema"), "{ended:?}");
    let ended = author.run(&["check", "--policies", "missing"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("missing"), "{ended:?}");
    // Only one of the two lies there: the other is the shipped one.
    let author = Author::empty();
    author.write(
        "policies/p.cedar",
        "permit (principal is Peppol::User, action, resource);\n",
    );
    author.run(&["check", "--fix"]);
    let ended = author.run(&["check"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("ok: 1 policy, "), "{ended:?}");
}

#[test]
fn all_faults_of_all_files_are_said_at_once() {
    let author = Author::new();
    author.edit(
        POLICIES,
        "resource.owner == principal",
        "resource.keeper == principal",
    );
    author.edit(POLICIES, "principal.active", "principal.awake");
    author.write(
        "policies/broken.cedar",
        "permit (principal, action, resource)\nwhence { true };\n",
    );
    author.write(
        "policies/other.cedar",
        "permit (\n  principal,\n  action == Action::\"burn\",\n  resource\n);\n",
    );
    author.edit(RULES, "held_by = \"engine\"", "held_by = \"nobody\"");
    let ended = author.run(&["check", "--json"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let faults = json(&ended);
    let found = places(&faults);
    for (file, line) in [
        ("policies/broken.cedar", 2),
        ("policies/desk.cedar", 10),
        ("policies/desk.cedar", 25),
        ("policies/other.cedar", 3),
        ("policies/rules.toml", 28),
    ] {
        let fault = (file.to_owned(), line, "error".to_owned());
        assert!(found.contains(&fault), "{fault:?} in {found:#?}");
    }
    let mut sorted = found.clone();
    sorted.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    assert_eq!(found, sorted);
}

#[test]
fn a_schema_that_is_broken_hides_no_fault_of_a_policy() {
    let author = Author::new();
    author.edit(SCHEMA, "owner: User", "owner: Person");
    author.write(
        "policies/broken.cedar",
        "permit (principal, action resource);\n",
    );
    let ended = author.run(&["check", "--json"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let found = places(&json(&ended));
    let files: Vec<_> = found.iter().map(|(file, ..)| file.as_str()).collect();
    assert!(files.contains(&"policies/broken.cedar"), "{found:?}");
    assert!(files.contains(&SCHEMA), "{found:?}");
}

#[test]
fn a_fault_has_its_place_and_advice() {
    let author = Author::new();
    author.edit(POLICIES, "principal.active", "principal.actives");
    let ended = author.run(&["check", "--json"]);
    let faults = json(&ended);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    let fault = &faults[0];
    assert_eq!(fault["file"], POLICIES);
    // `unless { principal.actives }`
    assert_eq!(
        (&fault["line"], &fault["endLine"]),
        (&25.into(), &25.into())
    );
    assert_eq!(
        (&fault["column"], &fault["endColumn"]),
        (&10.into(), &27.into())
    );
    assert_eq!(fault["severity"], "error");
    assert!(
        fault["message"].as_str().unwrap().contains("actives"),
        "{fault}"
    );
    assert!(
        fault["help"].as_str().unwrap().contains("active"),
        "{fault}"
    );
    assert_eq!(ended.stderr, "");
}

#[test]
fn columns_are_counted_in_characters() {
    let author = Author::new();
    author.edit(
        POLICIES,
        "unless { principal.active }",
        "unless { \"äöü€𝄞\" == principal.actives }",
    );
    let faults = json(&author.run(&["check", "--json"]));
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert_eq!(
        (&faults[0]["column"], &faults[0]["endColumn"]),
        (&21.into(), &38.into())
    );
}

#[test]
fn a_reader_is_shown_the_line_with_a_caret() {
    let author = Author::new();
    author.edit(POLICIES, "principal.active", "principal.actives");
    let ended = author.run(&["check"]);
    assert_eq!(ended.code, Some(3));
    assert_eq!(ended.stdout, "");
    let said = &ended.stderr;
    assert!(said.contains("policies/desk.cedar:25:10"), "{said}");
    assert!(said.contains("unless { principal.actives }"), "{said}");
    assert!(said.contains('─') || said.contains('^'), "{said}");
    assert!(said.contains("did you mean `active`?"), "{said}");
}

#[test]
fn policies_that_would_be_a_silent_allow_are_3() {
    for (old, new) in [
        // Impossible: a warning of Cedar's.
        (
            "resource\n)\nwhen { resource.owner == principal }",
            "resource is User\n)",
        ),
        (
            "permit (\n  principal,\n  action == Action::\"close\"",
            "permit (\n  principal == ?resource,\n  action == Action::\"close\"",
        ),
        ("@id(\"desk/anyone-closes\")", "@id(\"desk/owner-opens\")"),
    ] {
        let author = Author::new();
        author.edit(POLICIES, old, new);
        let ended = author.run(&["check"]);
        assert_eq!(ended.code, Some(3), "{new}: {ended:?}");
    }
    let author = Author::new();
    author.write(POLICIES, "");
    let ended = author.run(&["check"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
}
