//! `test --mutate`: which mistakes are made, and which of them a suite notices.

mod operators;
mod places;
mod proved;

use peppol_authz_author::{Mutant, MutationOperator, mutants};
use peppol_authz_engine::policy::{Sources, load};

use crate::author::{Author, Ended};

const SCHEMA: &str = "schema/peppol.cedarschema";
const POLICIES: &str = "policies/door.cedar";
const SUITE: &str = "tests/policies/door.toml";

const SCHEMA_TEXT: &str = r#"entity User = { active: Bool };
entity Door = { owner: User };
action enter, lock appliesTo { principal: User, resource: Door };
"#;

const POLICY_TEXT: &str = r#"// Whose door it is, goes through.
@id("door/owner-enters")
permit (
  principal,
  action == Action::"enter",
  resource
)
when { resource.owner == principal && principal.active };
"#;

const FIXTURE_TEXT: &str = r#"[
  {"uid": {"type": "User", "id": "ann"}, "attrs": {"active": true}, "parents": []},
  {"uid": {"type": "User", "id": "bob"}, "attrs": {"active": false}, "parents": []},
  {"uid": {"type": "Door", "id": "ann's"}, "attrs": {"owner": "ann"}, "parents": []},
  {"uid": {"type": "Door", "id": "bob's"}, "attrs": {"owner": "bob"}, "parents": []}
]
"#;

/// The cases: name, principal, action, owner of the door, and answer.
const CASES: [(&str, &str, &str, &str, &str); 4] = [
    ("owner", "ann", "enter", "ann's", "allow = true"),
    (
        "stranger",
        "ann",
        "enter",
        "bob's",
        "deny = [\"NOT_PERMITTED\"]",
    ),
    (
        "not active",
        "bob",
        "enter",
        "bob's",
        "deny = [\"NOT_PERMITTED\"]",
    ),
    (
        "other action",
        "ann",
        "lock",
        "ann's",
        "deny = [\"NOT_PERMITTED\"]",
    ),
];

/// An author whose suite has all cases but one.
fn without(case: &str) -> Author {
    let author = Author::empty();
    author.write(SCHEMA, SCHEMA_TEXT);
    author.write(POLICIES, POLICY_TEXT);
    author.write("tests/policies/door.json", FIXTURE_TEXT);
    let mut suite = String::from("fixture = \"door.json\"\n");
    for (name, principal, action, resource, answer) in CASES {
        if name != case {
            suite += &format!(
                "[[case]]\nname = \"{name}\"\nprincipal = 'User::\"{principal}\"'\n\
                 action = \"{action}\"\nresource = '''Door::\"{resource}\"'''\n{answer}\n"
            );
        }
    }
    author.write(SUITE, &suite);
    author
}

/// The numbers of an operator, or of `all`: made, invalid, killed, equivalent, survived.
fn numbers(ended: &Ended, operator: &str) -> Option<[usize; 5]> {
    let line = ended.stdout.lines().find_map(|line| {
        let (name, numbers) = line.split_once(' ')?;
        (name == operator).then_some(numbers)
    })?;
    let found: Vec<usize> = line
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    Some(found.try_into().unwrap())
}

/// Where survivors are said to be: operator, line and column.
fn survivors(ended: &Ended) -> Vec<(String, String)> {
    let faults = ended.stderr.split("no case notices `").skip(1);
    faults
        .map(|fault| {
            let (operator, rest) = fault.split_once('`').unwrap();
            let (_, rest) = rest.split_once("╭─[").unwrap();
            let (place, _) = rest.split_once(']').unwrap();
            (operator.to_owned(), place.to_owned())
        })
        .collect()
}

#[test]
fn a_suite_that_notices_every_mistake_is_0() {
    let ended = without("").run(&["test", "--mutate"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stderr, "");
    // By hand: one of each of these, and two conjuncts.
    for operator in [
        "drop-policy",
        "flip-effect",
        "widen-scope",
        "add-action",
        "drop-clause",
        "flip-clause",
        "flip-comparison",
    ] {
        assert_eq!(
            numbers(&ended, operator),
            Some([1, 0, 1, 0, 0]),
            "{operator}"
        );
    }
    assert_eq!(numbers(&ended, "drop-conjunct"), Some([2, 0, 2, 0, 0]));
    assert_eq!(numbers(&ended, "all"), Some([9, 0, 9, 0, 0]));
}

#[test]
fn what_no_case_notices_is_named_with_its_place_and_is_4() {
    let cases: [(&str, &[&str], &str, &str); 3] = [
        ("stranger", &["drop-conjunct"], "8:8", "left out"),
        ("not active", &["drop-conjunct"], "8:39", "left out"),
        (
            "other action",
            &["widen-scope", "add-action"],
            "5:10",
            "applies to `Action::\"lock\"` too",
        ),
    ];
    for (case, operators, place, says) in cases {
        let ended = without(case).run(&["test", "--mutate"]);
        assert_eq!(ended.code, Some(4), "{case}: {ended:?}");
        let place = format!("policies/door.cedar:{place}");
        let expected: Vec<_> = operators
            .iter()
            .map(|operator| ((*operator).to_owned(), place.clone()))
            .collect();
        assert_eq!(survivors(&ended), expected, "{case}: {ended:?}");
        assert!(ended.stderr.contains(says), "{ended:?}");
        let left = operators.len();
        assert_eq!(numbers(&ended, "all"), Some([9, 0, 9 - left, 0, left]));
        // A survivor fails only a run with `--mutate`.
        assert_eq!(without(case).run(&["test"]).code, Some(0));
    }
}

#[test]
fn the_order_and_the_text_are_the_same_each_time() {
    let author = without("owner");
    let first = author.run(&["test", "--mutate"]);
    assert_eq!(first.code, Some(4), "{first:?}");
    // Nothing is allowed then, so nothing is missed.
    let named: Vec<_> = survivors(&first)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(named, ["drop-policy", "flip-effect"], "{first:?}");
    for _ in 0..3 {
        let again = author.run(&["test", "--mutate"]);
        assert_eq!(
            (again.stdout, again.stderr),
            (first.stdout.clone(), first.stderr.clone())
        );
    }
}

#[test]
fn no_mutants_are_tried_while_a_suite_fails() {
    let author = without("");
    author.edit(SUITE, "allow = true", "deny = [\"NOT_PERMITTED\"]");
    let ended = author.run(&["test", "--mutate"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stdout.contains("no mutants are tried"), "{ended:?}");
    assert_eq!(numbers(&ended, "all"), None);
}

/// A golden matrix notices as a case does.
#[test]
fn a_matrix_notices_too() {
    let author = without("not active");
    author.write(
        SUITE,
        &(author.read(SUITE)
            + "[matrix]\ngolden = \"door.golden\"\n[matrix.actors]\nbob = 'User::\"bob\"'\n\
               [matrix.resources]\ndoor = '''Door::\"bob's\"'''\n"),
    );
    assert_eq!(author.run(&["test", "--update"]).code, Some(0));
    let ended = author.run(&["test", "--mutate"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(numbers(&ended, "all"), Some([9, 0, 9, 0, 0]));
}

/// Codes are a part of the answer, for a case as for a caller.
#[test]
fn another_code_is_noticed_where_a_case_says_which() {
    let forbid = "\n@id(\"door/not-locked\")\n@code(\"LOCKED\")\nforbid (\n  principal,\n  \
                  action == Action::\"lock\",\n  resource\n);\n";
    // An unlocked desk is denied without the policy as well, by another code.
    for (answer, missed) in [("deny = [\"LOCKED\"]", 0), ("allow = [\"enter\"]", 1)] {
        let author = without("other action");
        author.write(POLICIES, &(POLICY_TEXT.to_owned() + forbid));
        let asked = if missed == 0 {
            "action = \"lock\"\n"
        } else {
            ""
        };
        let case = format!(
            "[[case]]\nname = \"lock\"\nprincipal = 'User::\"ann\"'\n{asked}\
             resource = '''Door::\"ann's\"'''\n{answer}\n"
        );
        author.write(SUITE, &(author.read(SUITE) + &case));
        let ended = author.run(&["test", "--mutate"]);
        assert_eq!(
            numbers(&ended, "drop-policy"),
            Some([2, 0, 2 - missed, 0, missed]),
            "{ended:?}"
        );
    }
}

/// A mutant that the validator refuses could never be in force.
#[test]
fn mutants_that_are_not_valid_are_counted_and_not_tried() {
    let author = without("");
    author.edit(SCHEMA, "owner: User", "owner?: User");
    author.edit(
        POLICIES,
        "resource.owner == principal",
        "resource has owner && resource.owner == principal",
    );
    let ended = author.run(&["test", "--mutate"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // Without `resource has owner` it may not be looked at.
    assert_eq!(numbers(&ended, "drop-conjunct"), Some([3, 1, 2, 0, 0]));
}

/// Conventions do not make a mutant invalid: a permit with a `@code` breaks one.
#[test]
fn a_broken_convention_is_no_reason_to_try_nothing() {
    let author = Author::new();
    author.write(
        "t/f.json",
        r#"[{"uid": {"type": "User", "id": "ann"}, "attrs": {"active": true, "name": "A"}, "parents": []},
            {"uid": {"type": "Desk", "id": "d"}, "attrs": {"owner": "ann", "key": "d"}, "parents": []}]"#,
    );
    author.write(
        "t/s.toml",
        "fixture = \"f.json\"\n[[case]]\nname = \"n\"\nprincipal = 'User::\"ann\"'\naction = \"open\"\n\
         resource = 'Desk::\"d\"'\nallow = true\nrules = [\"DSK-1\"]\n",
    );
    let ended = author.run(&["test", "t", "--mutate"]);
    // Four policies, of which two forbid, with codes.
    let [made, invalid, ..] = numbers(&ended, "flip-effect").unwrap();
    assert_eq!((made, invalid), (4, 0), "{ended:?}");
}

/// All mutants of a policy, of that operator or of all.
fn made(schema: &str, policy: &str, operator: Option<MutationOperator>) -> Vec<Mutant> {
    let author = Author::empty();
    author.write(SCHEMA, schema);
    author.write(POLICIES, policy);
    let (policies, schema) = (author.path("policies"), author.path(SCHEMA));
    let sources = Sources::read(Some(&policies), Some(&schema), None).unwrap();
    let bundle = load(&sources).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let found = mutants(&bundle).unwrap().into_iter();
    found
        .filter(|mutant| operator.is_none_or(|operator| mutant.operator == operator))
        .collect()
}
