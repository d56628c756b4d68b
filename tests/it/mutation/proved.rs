//! Mutants that no suite could notice: left out where that is proved, and only there.

use super::{POLICIES, POLICY_TEXT, SCHEMA, SUITE, numbers, survivors, without};
use crate::author::{Author, Ended};
use crate::sidecar::program;

/// An author whose schema has one action, so that `action` is `action == …`.
fn with_one_action() -> Author {
    let author = without("other action");
    author.edit(SCHEMA, "enter, lock", "enter");
    author
}

fn mutate_with(author: &Author, solver: &str) -> Ended {
    let output = program()
        .current_dir(author.path("."))
        .args(["test", "--mutate"])
        .env("CVC5", solver)
        .output();
    Ended::from(output.unwrap())
}

#[test]
fn what_is_proved_to_change_no_answer_is_no_survivor() {
    let ended = with_one_action().run(&["test", "--mutate"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stderr, "");
    assert_eq!(numbers(&ended, "widen-scope"), Some([1, 0, 0, 1, 0]));
    assert_eq!(numbers(&ended, "all"), Some([8, 0, 7, 1, 0]));
}

#[test]
fn without_a_solver_nothing_is_left_out_and_how_to_get_one_is_said_once() {
    let author = with_one_action();
    // And a second one, in a policy like the first.
    let twin = POLICY_TEXT.replace("owner-enters", "owner-enters-too");
    author.write(POLICIES, &(POLICY_TEXT.to_owned() + &twin));
    let ended = mutate_with(&author, "/nowhere/cvc5");
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let widened: Vec<_> = survivors(&ended)
        .into_iter()
        .filter(|(operator, _)| operator == "widen-scope")
        .map(|(_, place)| place)
        .collect();
    assert_eq!(
        widened,
        ["policies/door.cedar:5:10", "policies/door.cedar:13:10"]
    );
    assert_eq!(
        ended.stderr.matches("/nowhere/cvc5").count(),
        1,
        "{ended:?}"
    );
    assert!(ended.stderr.contains("apt-get install cvc5"), "{ended:?}");
    assert!(ended.stderr.contains("not proved"), "{ended:?}");
    let [.., equivalent, _] = numbers(&ended, "all").unwrap();
    assert_eq!(equivalent, 0);
}

/// Where nothing is left to prove, none is asked for.
#[test]
fn a_suite_that_notices_all_needs_no_solver() {
    let ended = mutate_with(&without(""), "/nowhere/cvc5");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_survivor_comes_with_a_request_that_shows_what_is_missing() {
    let ended = without("other action").run(&["test", "--mutate"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    // It widens to the other action, for an owner who is active.
    for part in [
        "a case is missing",
        "action     Action::\"lock\"",
        "active = true",
        "Deny: NOT_PERMITTED",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

const FORBID: &str = "\n@id(\"door/only-active\")\n@code(\"INACTIVE\")\nforbid (\n  principal,\n  \
                      action == Action::\"enter\",\n  resource\n)\nunless { principal.active };\n";

/// The permit asks for what a forbid asks for anyway: nothing shows whether it does. Of a
/// forbid the code is seen.
#[test]
fn what_another_policy_forbids_anyway_is_no_survivor() {
    let author = without("not active");
    author.write(POLICIES, &(POLICY_TEXT.to_owned() + FORBID));
    let case = "[[case]]\nname = \"n\"\nprincipal = 'User::\"bob\"'\naction = \"enter\"\n\
                resource = '''Door::\"bob's\"'''\ndeny = [\"INACTIVE\"]\n";
    author.write(SUITE, &(author.read(SUITE) + case));
    let ended = author.run(&["test", "--mutate"]);
    assert_eq!(
        numbers(&ended, "drop-conjunct"),
        Some([2, 0, 1, 1, 0]),
        "{ended:?}"
    );
    // The forbid for all actions is another: who is not active and locks is told so.
    let place = "policies/door.cedar:14:10".to_owned();
    let expected = ["widen-scope", "add-action"].map(|name| (name.to_owned(), place.clone()));
    assert_eq!(survivors(&ended), expected, "{ended:?}");
    assert_eq!(ended.code, Some(4));
}

/// A policy that fails is a denial of its own, which no proof is about.
#[test]
fn what_may_fail_is_not_compared() {
    let author = with_one_action();
    author.edit(SCHEMA, "active: Bool", "active: Bool, age?: Long");
    author.edit(
        POLICIES,
        "principal.active",
        "principal.active && !(principal has age && principal.age + 1 > 9)",
    );
    let ended = author.run(&["test", "--mutate"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let places = survivors(&ended);
    assert!(
        places.contains(&(
            "widen-scope".to_owned(),
            "policies/door.cedar:5:10".to_owned()
        )),
        "{places:?}"
    );
    assert!(ended.stderr.contains("may fail"), "{ended:?}");
    let [.., equivalent, _] = numbers(&ended, "all").unwrap();
    assert_eq!(equivalent, 0);
}

/// A policy that never applies can be anything.
#[test]
fn a_policy_that_never_applies_may_be_left_out_or_flipped() {
    let author = without("");
    let never = "\n@id(\"door/never\")\npermit (\n  principal,\n  action == Action::\"lock\",\n  \
                 resource\n)\nwhen { principal.active && !principal.active };\n";
    author.write(POLICIES, &(POLICY_TEXT.to_owned() + never));
    let ended = author.run(&["test", "--mutate"]);
    assert_eq!(
        numbers(&ended, "drop-policy"),
        Some([2, 0, 1, 1, 0]),
        "{ended:?}"
    );
    assert_eq!(
        numbers(&ended, "flip-effect"),
        Some([2, 0, 1, 1, 0]),
        "{ended:?}"
    );
}

/// Two permits that say the same cannot be told apart in an answer. They can where one asks for an
/// obligation.
#[test]
fn what_another_permit_says_anyway_is_no_survivor() {
    let wide = "\n@id(\"door/active-enter\")\npermit (\n  principal,\n  \
                action == Action::\"enter\",\n  resource\n)\nwhen { principal.active };\n";
    let narrow = POLICY_TEXT.to_owned();
    let other = POLICY_TEXT.replace("permit (", "@obligation(\"KNOCK\")\npermit (");
    for (first, equivalent) in [(narrow, 1), (other, 0)] {
        let author = without("stranger");
        author.write(POLICIES, &(first + wide));
        let ended = author.run(&["test", "--mutate"]);
        // Both conjuncts of the first: without its owner it is the second; without
        // `active` it allows more.
        let [made, _, _, found, _] = numbers(&ended, "drop-conjunct").unwrap();
        assert_eq!((made, found), (2, equivalent), "{ended:?}");
        let [made, _, _, found, _] = numbers(&ended, "drop-policy").unwrap();
        assert_eq!((made, found), (2, equivalent), "{ended:?}");
    }
}
