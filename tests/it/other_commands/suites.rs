//! `test`: suites that pass, fail, or cannot be run, and what is said of them.

use quick_junit::{Report, TestCaseStatus};

use super::{Author, Ended, FIXTURE, SUITE, assert_says, tester};
use crate::author::POLICIES;

/// The suite with one more case.
fn with_case(case: &str) -> Author {
    let author = tester();
    let text = author.read(SUITE) + "\n[[case]]\n" + case;
    author.write(SUITE, &text);
    author
}

#[test]
fn a_suite_that_passes_is_0() {
    let ended = tester().run(&["test"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // Two cases ask both actions.
    assert_says(&ended, &["8 questions, 0 failed"]);
    assert!(!ended.stdout.contains("FAILED"), "{ended:?}");
}

#[test]
fn a_failure_says_what_was_asked_expected_and_decided_and_from_what() {
    let author = tester();
    author.edit(SUITE, "deny = [\"BARRED\"]", "allow = true");
    let ended = author.run(&["test"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_says(
        &ended,
        &[
            "who is barred opens nothing",
            "Desk::\\\"blue\\\"",
            "\"open\"",
            "  expected Allow, got Deny codes [BARRED]\n",
            "  because   policy desk/not-barred, rule DSK-3, code BARRED\n",
            "slice     User::\"ann\"",
            "\"active\":true",
            "tags {\"blue\":true}",
            "slice     Desk::\"blue\"",
            "8 questions, 1 failed",
        ],
    );
    // Once each.
    for once in ["expected", "Deny"] {
        assert_eq!(ended.stdout.matches(once).count(), 1, "{ended:?}");
    }
    // Attributes that no policy asked for are not shown.
    assert!(!ended.stdout.contains("\"red\":false"), "{ended:?}");
}

/// An answer has to be exactly the one that a case expects.
#[test]
fn a_case_that_expects_something_else_fails() {
    let ann_opens = "name = \"n\"\nprincipal = 'User::\"ann\"'\naction = \"open\"\nresource = 'Desk::\"red\"'\n";
    let bob_opens_blue = "name = \"n\"\nprincipal = 'User::\"bob\"'\naction = \"open\"\nresource = 'Desk::\"blue\"'\n";
    let eve = "name = \"n\"\nprincipal = 'User::\"eve\"'\nresource = 'Desk::\"red\"'\n";
    for (case, failure) in [
        (format!("{ann_opens}deny = []\n"), Some("got Allow")),
        (
            format!("{ann_opens}deny = [\"BARRED\"]\n"),
            Some("got Allow"),
        ),
        (
            format!("{ann_opens}allow = true\nrules = []\n"),
            Some("rules: expected [], got [DSK-1]"),
        ),
        (
            format!("{ann_opens}allow = true\nrules = [\"DSK-1\", \"DSK-2\"]\n"),
            Some("rules: expected"),
        ),
        (
            format!("{ann_opens}allow = true\nobligations = []\n"),
            Some("obligations: expected [], got [LOCK_AGAIN]"),
        ),
        (format!("{ann_opens}allow = true\n"), None),
        (format!("{bob_opens_blue}deny = [\"INACTIVE\"]\n"), None),
        (
            format!("{bob_opens_blue}deny = [\"BARRED\"]\n"),
            Some("codes: expected [BARRED], got [INACTIVE]"),
        ),
        (
            format!("{bob_opens_blue}deny = []\n"),
            Some("codes: expected [], got [INACTIVE]"),
        ),
        (
            format!("{bob_opens_blue}deny = [\"INACTIVE\"]\nrules = [\"DSK-3\"]\n"),
            Some("rules: expected [DSK-3], got [USR-1]"),
        ),
        (
            format!("{bob_opens_blue}allow = true\n"),
            Some("expected Allow, got Deny"),
        ),
        // An action that is not listed has to be denied.
        (
            format!("{eve}allow = []\n"),
            Some("expected Deny, got Allow"),
        ),
        (
            format!("{eve}allow = [\"open\", \"close\"]\n"),
            Some("expected Allow, got Deny"),
        ),
        (format!("{eve}allow = [\"close\"]\n"), None),
        (
            format!("{eve}allow = [\"close\", \"burn\"]\n"),
            Some("`burn` cannot be asked"),
        ),
        // A question that is none is no denial.
        (
            format!("{ann_opens}context = {{ force = 1 }}\ndeny = []\n"),
            Some("no decision: "),
        ),
        (
            format!("{}allow = []\n", eve.replace("User::", "Nobody::")),
            Some("principal"),
        ),
    ] {
        let ended = with_case(&case).run(&["test"]);
        let code = if failure.is_some() { 4 } else { 0 };
        assert_eq!(ended.code, Some(code), "{case}\n{ended:?}");
        assert_says(&ended, failure.as_slice());
    }
}

#[test]
fn a_denial_has_all_its_codes() {
    let author = tester();
    author.edit(
        FIXTURE,
        "\"active\": true, \"name\": \"Ann\"",
        "\"active\": false, \"name\": \"Ann\"",
    );
    let ended = author.run(&["test"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_says(
        &ended,
        &["codes: expected [BARRED], got [BARRED, INACTIVE]"],
    );
}

fn assert_cannot_run(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for word in words {
        assert!(ended.stderr.contains(word), "{word}: {ended:?}");
    }
}

#[test]
fn a_suite_that_cannot_be_run_is_1_and_named() {
    for (old, new, word) in [
        ("fixture = ", "fixtures = ", "fixture"),
        ("[[case]]", "[[case]", "TOML"),
        (
            "deny = [\"BARRED\"]",
            "deny = [\"BARRED\"]\nallow = true",
            "who is barred opens nothing",
        ),
        ("deny = [\"BARRED\"]\n", "", "who is barred opens nothing"),
        (
            "deny = [\"BARRED\"]",
            "allow = false",
            "who is barred opens nothing",
        ),
        ("deny = [\"BARRED\"]", "denied = [\"BARRED\"]", "denied"),
        (
            "allow = [\"close\"]",
            "deny = [\"BARRED\"]",
            "a stranger closes",
        ),
        ("action = \"open\"", "action = \"burn\"", "burn"),
    ] {
        let author = tester();
        author.edit(SUITE, old, new);
        assert_cannot_run(&author.run(&["test"]), &["desk.toml", word]);
    }
    let author = tester();
    author.edit(SUITE, "desk.json", "missing.json");
    assert_cannot_run(&author.run(&["test"]), &["missing.json"]);
    for (old, new) in [("\"active\": false", "\"active\": 0"), ("[\n", "{")] {
        let author = tester();
        author.edit(FIXTURE, old, new);
        assert_cannot_run(&author.run(&["test"]), &["desk.json"]);
    }
    assert_cannot_run(&Author::new().run(&["test"]), &["tests/policies"]);
    let author = tester();
    std::fs::remove_file(author.path(SUITE)).unwrap();
    assert_cannot_run(&author.run(&["test"]), &["tests/policies", "no suites"]);
    assert_cannot_run(&tester().run(&["test", "missing.toml"]), &["missing.toml"]);
}

#[test]
fn suites_are_named_one_by_one_or_by_directory() {
    let author = tester();
    author.write(
        "more/a.toml",
        &author
            .read(SUITE)
            .replace("desk.json", "../tests/policies/desk.json"),
    );
    author.write("more/notes.txt", "not a suite");
    for (paths, count) in [
        (&["tests/policies"][..], 8),
        (&[SUITE], 8),
        (&["more"], 8),
        (&["more", "tests/policies"], 16),
        (&["more/a.toml", SUITE], 16),
    ] {
        let ended = author.run(&[&["test"], paths].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_says(&ended, &[&format!("{count} questions, 0 failed")]);
    }
}

#[test]
fn a_fixture_may_be_tenancy_documents() {
    let author = Author::empty();
    author.write("t/f.ndjson", "{\"type\":\"USER\",\"id\":\"u\",\"email\":\"U@x\",\"emailVerified\":true,\"superadmin\":false}\n");
    let suite = "fixture = \"f.ndjson\"\n[[case]]\nname = \"n\"\nprincipal = 'Peppol::User::\"u\"'\n\
                 resource = 'Peppol::Platform::\"platform\"'\nallow = [\"createOrganisation\"]\n";
    author.write("t/s.toml", suite);
    let ended = author.run(&["test", "t"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_says(&ended, &["1 question, 0 failed"]);
    author.write("t/f.ndjson", "{\"type\":\"USER\"}\n");
    assert_cannot_run(&author.run(&["test", "t"]), &["f.ndjson:1:", "USER"]);
}

#[test]
fn results_are_junit_for_a_server() {
    let author = tester();
    author.edit(SUITE, "deny = [\"BARRED\"]", "deny = [\"ELSE\"]");
    author.edit(
        SUITE,
        "a stranger closes",
        "a <stranger> & \\\"friend\\\" closes \\u0007 é",
    );
    let ended = author.run(&["test", "--junit", "out.xml"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let report = Report::deserialize_from_str(&author.read("out.xml")).unwrap();
    assert_eq!((report.tests, report.failures, report.errors), (8, 1, 0));
    let [suite] = report.test_suites.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(suite.name.as_str(), SUITE);
    let names: Vec<_> = suite
        .test_cases
        .iter()
        .map(|case| case.name.as_str())
        .collect();
    assert!(
        names.contains(&"who is barred opens nothing: open"),
        "{names:?}"
    );
    assert!(
        names
            .iter()
            .any(|name| name.starts_with("a <stranger> & \"friend\" closes ")),
        "{names:?}"
    );
    let failed: Vec<_> = suite
        .test_cases
        .iter()
        .filter(|case| matches!(case.status, TestCaseStatus::NonSuccess { .. }))
        .collect();
    assert_eq!(failed.len(), 1);
    let TestCaseStatus::NonSuccess {
        message,
        description,
        ..
    } = &failed[0].status
    else {
        panic!("{failed:?}");
    };
    let message = message.as_ref().unwrap().as_str();
    assert_eq!(message, "codes: expected [ELSE], got [BARRED]");
    assert!(
        description
            .as_ref()
            .unwrap()
            .as_str()
            .contains("desk/not-barred")
    );
    // It is written where nothing fails, too, and its place has to be there.
    let author = tester();
    assert_eq!(author.run(&["test", "--junit", "out.xml"]).code, Some(0));
    let report = Report::deserialize_from_str(&author.read("out.xml")).unwrap();
    assert_eq!((report.tests, report.failures), (8, 0));
    assert_cannot_run(
        &author.run(&["test", "--junit", "missing/out.xml"]),
        &["missing/out.xml"],
    );
}

/// Suites decide by the policies that are named.
#[test]
fn a_changed_policy_is_noticed() {
    let author = tester();
    author.edit(
        POLICIES,
        "unless { principal.active };",
        "unless { principal.actve };",
    );
    let ended = author.run(&["test"]);
    // It does not even load.
    assert_eq!(ended.code, Some(3), "{ended:?}");
    for (condition, code, noticed) in [
        // Its rule is held by nothing then.
        (
            "when { false };",
            3,
            &["lists policy `desk/not-inactive`, which is switched off"][..],
        ),
        (
            "when { principal.active };",
            4,
            &[
                "an owner opens and closes",
                "who is not active does nothing",
            ],
        ),
    ] {
        let author = tester();
        author.edit(POLICIES, "unless { principal.active };", condition);
        let ended = author.run(&["test"]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        for text in noticed {
            let said = [&ended.stdout, &ended.stderr];
            assert!(said.iter().any(|said| said.contains(text)), "{ended:?}");
        }
    }
}
