//! `test --coverage` and `test --drop-one`: what the suites do not test.

use super::{Author, SUITE, assert_says, tester};
use crate::author::{POLICIES, RULES, SCHEMA};

/// Removes a case by its name.
fn without_case(author: &Author, name: &str) {
    let text = author.read(SUITE);
    let cases: Vec<_> = text.split("\n[[case]]\n").collect();
    let kept: Vec<_> = cases
        .iter()
        .filter(|case| !case.starts_with(&format!("name = \"{name}\"")))
        .copied()
        .collect();
    assert_eq!(kept.len(), cases.len() - 1, "{name}");
    author.write(SUITE, &kept.join("\n[[case]]\n"));
}

#[test]
fn a_suite_that_tests_everything_is_0() {
    let ended = tester().run(&["test", "--coverage", "--drop-one"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_says(
        &ended,
        &[
            "policies: 4 tested, 0 not",
            "rules: 6 tested, 0 not",
            "4 policies left out in turn, 0 not missed",
        ],
    );
}

#[test]
fn what_no_case_tests_is_named_and_is_4() {
    for (case, said) in [
        (
            "who is barred opens nothing",
            &["desk/not-barred", "DSK-3"][..],
        ),
        (
            "who is not active does nothing",
            &["desk/not-inactive", "USR-1"],
        ),
        ("nobody is denied", &["GEN-1"]),
    ] {
        let author = tester();
        without_case(&author, case);
        let ended = author.run(&["test", "--coverage"]);
        assert_eq!(ended.code, Some(4), "{ended:?}");
        for id in said {
            assert_says(&ended, &[&format!("  not tested: {id}\n")]);
        }
        let untested = ended.stdout.matches("not tested: ").count();
        assert_eq!(untested, said.len(), "{ended:?}");
        // Without being asked for, it does not matter.
        assert_eq!(author.run(&["test"]).code, Some(0));
    }
}

#[test]
fn an_action_that_no_case_asks_is_named() {
    let author = tester();
    author.edit(SCHEMA, "action open, close", "action open, close, paint");
    author.edit(
        SUITE,
        "allow = [\"open\", \"close\"]",
        "action = \"close\"\nallow = true",
    );
    author.edit(
        SUITE,
        "allow = [\"close\"]",
        "action = \"close\"\nallow = true",
    );
    let ended = author.run(&["test", "--coverage"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_says(&ended, &["action never asked: paint"]);
    assert_eq!(
        ended.stdout.matches("action never asked").count(),
        1,
        "{ended:?}"
    );
}

/// A group of actions cannot be asked, so no case has to.
#[test]
fn a_group_of_actions_need_not_be_asked() {
    let author = tester();
    author.edit(
        SCHEMA,
        "action open, close",
        "action use;\naction open, close in [use]",
    );
    let ended = author.run(&["test", "--coverage"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_case_that_covers_a_rule_that_is_none_is_4() {
    let author = tester();
    author.edit(
        SUITE,
        "covers = [\"GEN-1\"]",
        "covers = [\"GEN-1\", \"GEN-9\"]",
    );
    let ended = author.run(&["test", "--coverage"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_says(&ended, &["covered, but not in `rules.toml`: GEN-9"]);
    assert_eq!(author.run(&["test"]).code, Some(0));
}

#[test]
fn a_case_that_fails_covers_nothing() {
    let author = tester();
    author.edit(
        SUITE,
        "deny = [\"UNKNOWN_PRINCIPAL\"]",
        "deny = [\"UNKNOWN_RESOURCE\"]",
    );
    let ended = author.run(&["test", "--coverage"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_says(&ended, &["not tested: GEN-1"]);
}

#[test]
fn a_policy_that_no_case_misses_is_named() {
    // The same twice: either may go.
    let author = tester();
    let twin = "\n@id(\"desk/not-inactive-either\")\n@rule(\"USR-1\")\n@code(\"INACTIVE\")\n@message(\"m\")\n\
                forbid (principal, action, resource)\nunless { principal.active };\n";
    author.write(POLICIES, &(author.read(POLICIES) + twin));
    author.list_policies();
    let ended = author.run(&["test", "--coverage", "--drop-one"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_says(
        &ended,
        &[
            "policies: 5 tested, 0 not",
            "FAILED no case misses `desk/not-inactive`",
            "FAILED no case misses `desk/not-inactive-either`",
            "5 policies left out in turn, 2 not missed",
        ],
    );
    assert_eq!(
        ended.stdout.matches("no case misses").count(),
        2,
        "{ended:?}"
    );
    // One that no case asks about at all.
    let author = tester();
    without_case(&author, "who is barred opens nothing");
    let ended = author.run(&["test", "--drop-one"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_says(&ended, &["FAILED no case misses `desk/not-barred`"]);
}

/// It may not be what the set needs to be valid, either.
#[test]
fn the_only_policy_may_be_left_out() {
    let author = tester();
    std::fs::remove_file(author.path(RULES)).unwrap();
    author.write(
        POLICIES,
        "@id(\"desk/all\")\npermit (principal, action, resource);\n",
    );
    author.write(
        SUITE,
        "fixture = \"desk.json\"\n[[case]]\nname = \"n\"\nprincipal = 'User::\"ann\"'\n\
         resource = 'Desk::\"red\"'\nallow = [\"open\", \"close\"]\n",
    );
    let ended = author.run(&["test", "--drop-one"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_says(&ended, &["1 policy left out in turn, 0 not missed"]);
}
