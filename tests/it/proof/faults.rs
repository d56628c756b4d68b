//! Files that are no invariants, and answers that are no proofs.

use super::{lines, scripted, with_invariant, with_solver};
use crate::author::{Author, POLICIES, SCHEMA};

const HOLDS: &str = r#"@invariant("never allows")
forbid (principal, action, resource) unless { principal.active };"#;

#[track_caller]
fn assert_refused(text: &str, line: usize, said: &str) {
    let author = with_invariant(text);
    for command in ["prove", "check"] {
        let ended = author.run(&[command]);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.stderr.contains(said), "{ended:?}");
        let place = format!("invariants/it.cedar:{line}:");
        assert!(ended.stderr.contains(&place), "{ended:?}");
    }
}

#[test]
fn what_is_no_invariant_is_shown_with_its_place() {
    assert_refused(
        "forbid (principal, action, resource);",
        1,
        "`@invariant` is one of `never allows`, `always denies`",
    );
    assert_refused(
        "@invariant(\"sometimes allows\")\nforbid (principal, action, resource);",
        1,
        "`@invariant` is one of",
    );
    assert_refused(
        "@invariant(\"never allows\")\npermit (principal, action, resource);",
        1,
        "`never allows` is said of forbids",
    );
    assert_refused(
        "@invariant(\"implies\")\nforbid (principal, action, resource);",
        1,
        "`implies` is said of what a permit allows",
    );
    assert_refused(
        "@invariant(\"always denies\")\nforbid (principal, action, resource);",
        1,
        "`always denies` wants a `@code`",
    );
    assert_refused(
        "@invariant(\"never allows\")\nforbid (principal, action, resource);\n\
         @invariant(\"always denies\")\nforbid (principal, action, resource);",
        1,
        "all policies of an invariant have one `@invariant`",
    );
    assert_refused(
        "@invariant(\"never allows\")\nforbid (principal, action, resource)\nwhen { principal.awake };",
        3,
        "awake",
    );
}

#[test]
fn rules_and_codes_are_those_of_the_list() {
    let author = with_invariant(&format!("@rule(\"NONE-1\")\n{HOLDS}"));
    let ended = author.run(&["check"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("no rule `NONE-1`"), "{ended:?}");
    let author = with_invariant(&format!("@rule(\"USR-1\")\n@code(\"BARRED\")\n{HOLDS}"));
    let ended = author.run(&["check"]);
    assert!(
        ended
            .stderr
            .contains("code `BARRED` is not one of its rule's"),
        "{ended:?}"
    );
}

/// Invariants decide nothing: they are no part of the set that is served.
#[test]
fn invariants_are_no_policies() {
    let plain = Author::new().run(&["check"]);
    let author = Author::new();
    let permit = "@id(\"it/all\")\n@invariant(\"is implied by\")\n@rule(\"DSK-2\")\npermit (\n  principal,\n  action == Action::\"close\",\n  resource\n)\nwhen { principal.active };\n";
    author.write("policies/invariants/it.cedar", permit);
    let checked = author.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let revision = |text: &str| text.rsplit(' ').next().unwrap().to_owned();
    assert_eq!(revision(&plain.stdout), revision(&checked.stdout));
    assert!(
        checked.stdout.starts_with("ok: 4 policies, 1 invariant, "),
        "{checked:?}"
    );
}

#[test]
fn an_invariant_about_nothing_is_a_failure() {
    let text = r#"@invariant("never allows") forbid (principal, action, resource)
        when { principal.active && !principal.active };"#;
    let ended = with_invariant(text).run(&["prove", "it"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended.stdout.contains("about no request at all"),
        "{ended:?}"
    );
}

#[test]
fn a_name_that_there_is_not_is_wrong_usage() {
    let ended = with_invariant(HOLDS).run(&["prove", "it", "thing"]);
    assert_eq!(ended.code, Some(64), "{ended:?}");
    assert!(
        ended.stderr.contains("there is no invariant `thing`"),
        "{ended:?}"
    );
}

#[test]
fn without_a_solver_it_is_said_how_to_get_it() {
    let author = with_invariant(HOLDS);
    for arguments in [&["prove"][..], &["diff", "policies", "."]] {
        let ended = with_solver(&author, "/nowhere/cvc5", arguments);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("`/nowhere/cvc5`"), "{ended:?}");
        assert!(ended.stderr.contains("apt-get install cvc5"), "{ended:?}");
    }
}

/// A solver that does not know, that ends, that answers something else, that never
/// answers: none of them proves anything.
#[test]
fn what_the_solver_cannot_say_is_a_failure() {
    let answering = |answer: &str| {
        format!("while read -r line; do case $line in *check-sat*) {answer};; esac; done")
    };
    let solvers = [
        (answering("echo unknown"), "the solver cannot say"),
        (answering("exit 3"), "the solver has failed"),
        (answering("echo perhaps"), "the solver has failed"),
        (
            answering("echo '(error \"out of memory\")'"),
            "the solver has failed",
        ),
        (
            "while read -r line; do :; done".to_owned(),
            "has not answered within 1s",
        ),
    ];
    for (script, said) in solvers {
        let author = with_invariant(HOLDS);
        let solver = scripted(&author, &script);
        let ended = with_solver(&author, &solver, &["prove", "it", "--timeout", "1"]);
        assert_eq!(ended.code, Some(4), "{script}: {ended:?}");
        assert!(ended.stdout.contains(said), "{script}: {ended:?}");
        assert!(!ended.stdout.contains("proved it"), "{script}: {ended:?}");
    }
}

/// The solver that says "it holds" to everything is believed; what it finds is not,
/// unless the engine decides it so.
#[test]
fn what_is_found_is_confirmed_by_the_engine() {
    let author = with_invariant(HOLDS);
    author.write(
        SCHEMA,
        &author
            .read(SCHEMA)
            .replace("active: Bool", "active: Bool, size: Long"),
    );
    // It can fail, and the engine denies then, where Cedar passes over it.
    author.edit(
        POLICIES,
        "unless { principal.active }",
        "unless { principal.active || principal.size + 1 < 5 }",
    );
    let ended = author.run(&["prove", "--json"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let all = lines(&ended);
    let fails = all
        .iter()
        .find(|line| line["invariant"] == "no-policy-fails")
        .unwrap();
    for finding in fails["findings"].as_array().unwrap() {
        assert_eq!(finding["result"], "refuted", "{finding}");
        let found = &finding["counterexample"];
        assert_eq!(found["decision"], "Deny");
        assert!(
            found["codes"]
                .as_array()
                .unwrap()
                .contains(&"EVALUATION_ERROR".into()),
            "{found}"
        );
        let size = found["entities"]
            .as_array()
            .unwrap()
            .iter()
            .find_map(|e| e["attrs"].get("size"));
        assert_eq!(size.unwrap().as_i64(), Some(i64::MAX), "{found}");
    }
    assert_eq!(fails["findings"].as_array().unwrap().len(), 2, "{fails}");
}

/// By Cedar, which passes over a forbid that fails, the inactive may; the engine denies.
#[test]
fn what_the_engine_decides_otherwise_is_said_to_be_that() {
    let author = with_invariant(HOLDS);
    let schema = author.read(SCHEMA);
    author.write(
        SCHEMA,
        &schema.replace("active: Bool", "active: Bool, size: Long"),
    );
    author.edit(
        POLICIES,
        "unless { principal.active }",
        "unless { principal.size + 1 < 5 && principal.active }",
    );
    let ended = author.run(&["prove", "it", "--json"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let findings = lines(&ended)[0]["findings"].clone();
    for finding in findings.as_array().unwrap() {
        assert_eq!(finding["result"], "unconfirmed", "{finding}");
        assert_eq!(finding["counterexample"]["decision"], "Deny", "{finding}");
    }
    let written = author.run(&["prove", "it", "--write", "found"]);
    assert_eq!(written.code, Some(4), "{written:?}");
    // It is no case: the policies decide it rightly.
    assert!(!author.path("found").exists(), "{written:?}");
}

#[test]
fn an_invariant_that_can_fail_proves_nothing() {
    let text = r#"@invariant("never allows") forbid (principal, action, resource)
        when { context has force && principal.size + 1 < 5 && !principal.active };"#;
    let author = with_invariant(text);
    author.write(
        SCHEMA,
        &author
            .read(SCHEMA)
            .replace("active: Bool", "active: Bool, size: Long"),
    );
    let ended = author.run(&["prove", "it"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended.stdout.contains("the invariant itself can fail"),
        "{ended:?}"
    );
}

/// Also where it fails on one kind of request, and is about another.
#[test]
fn an_invariant_that_always_fails_is_about_nothing() {
    let text = r#"@invariant("never allows") forbid (principal, action == Action::"open", resource)
        when { 9223372036854775807 + 1 == principal.size };
        @invariant("never allows") forbid (principal, action == Action::"close", resource)
        unless { principal.active };"#;
    let author = with_invariant(text);
    let schema = author.read(SCHEMA);
    author.write(
        SCHEMA,
        &schema.replace("active: Bool", "active: Bool, size: Long"),
    );
    let ended = author.run(&["prove", "it"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended
            .stdout
            .contains("the invariant itself can fail: `it/policy0`"),
        "{ended:?}"
    );
}

/// A directory that is called otherwise would pass for years.
#[test]
fn without_invariants_nothing_is_proved() {
    let author = Author::new();
    let ended = author.run(&["prove"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("there are no invariants"),
        "{ended:?}"
    );
    assert_eq!(author.run(&["prove", "no-policy-fails"]).code, Some(0));
}

/// A finding that cannot be written is reported all the same.
#[test]
fn a_case_that_is_there_takes_no_finding_away() {
    let author = with_invariant(
        r#"@invariant("never allows") forbid (principal, action == Action::"close", resource);"#,
    );
    author.write("found/it-1.json", "");
    let ended = author.run(&["prove", "--write", "found"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("`found/it-1.json`"), "{ended:?}");
    assert!(
        ended.stdout.contains("refuted: close by User on Desk"),
        "{ended:?}"
    );
    assert!(
        ended
            .stdout
            .ends_with("1 invariant and `no-policy-fails`, 1 not proved\n"),
        "{ended:?}"
    );
}
