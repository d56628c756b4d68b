//! Ways out of a denial by forbids: the smallest changes with which none of them forbids, and the decision then.

use peppol_authz_engine::{Explanation, MissingConditions, Verdict};
use serde_json::{Value, json};

use crate::deciding::{Deciding, asked_with, codes, entity};

const SCHEMA: &str = r#"
    entity Mode enum ["DEMO", "FULL"];
    entity Org = { mode: Mode, limit?: Long };
    entity User = { age: Long, blocked: Bool };
    entity Desk = { org: Org, open: Bool, size: Long };
    action use appliesTo { principal: User, resource: Desk, context: { force?: Bool } };
"#;

const PERMIT: &str = "@id(\"p/all\") permit (principal, action, resource);\n";

fn entities() -> Value {
    let at = |kind: &str, id: &str| json!({"__entity": {"type": kind, "id": id}});
    json!([
        entity("User", "ann", json!({"age": 20, "blocked": true}), &[]),
        entity(
            "Desk",
            "red",
            json!({"org": at("Org", "o-1"), "open": false, "size": 5}),
            &[]
        ),
        entity("Org", "o-1", json!({"mode": at("Mode", "DEMO")}), &[]),
    ])
}

fn forbid(id: &str, condition: &str) -> String {
    format!(
        "@id(\"f/{id}\") @code(\"{}\") forbid (principal, action, resource) when {{ {condition} }};\n",
        id.to_uppercase()
    )
}

/// Why ann may not use the red desk, which is denied for these codes.
fn explained(policies: &str, wanted: &[&str]) -> Explanation {
    let deciding = Deciding::of(SCHEMA, policies, &entities());
    let question = asked_with("User::\"ann\"", "use", "Desk::\"red\"", json!({}));
    let (decision, why) = deciding.explain(&question).unwrap();
    assert_eq!(codes(&decision), wanted);
    why.unwrap()
}

fn lacks(ways: &[MissingConditions]) -> Vec<Vec<String>> {
    let ways = ways.iter().map(|way| {
        let lacks = way.lacks.iter();
        let shown = lacks.map(|lack| match lack.expected {
            true => lack.condition.clone(),
            false => format!("not {}", lack.condition),
        });
        shown.collect()
    });
    ways.collect()
}

/// The verdict, and the codes, after each change of each way.
fn then(ways: &[MissingConditions]) -> Vec<(Verdict, Vec<String>)> {
    let remedies = ways.iter().flat_map(|way| &way.met);
    let after = remedies.map(|remedy| {
        let codes = remedy
            .reasons
            .iter()
            .filter_map(|reason| reason.code.as_deref());
        (remedy.verdict, codes.map(str::to_owned).collect())
    });
    after.collect()
}

#[test]
fn the_condition_of_a_forbid_has_to_fail() {
    for (condition, wanted) in [
        (
            "resource.org.mode == Mode::\"DEMO\"",
            "Org::\"o-1\".mode != Mode::\"DEMO\"",
        ),
        ("principal.blocked", "not User::\"ann\".blocked"),
        ("!resource.open", "Desk::\"red\".open"),
        ("resource.size < 9", "Desk::\"red\".size >= 9"),
        ("!(context has force && context.force)", "context.force"),
    ] {
        let why = explained(&(PERMIT.to_owned() + &forbid("one", condition)), &["ONE"]);
        assert_eq!(lacks(&why.ways), [[wanted]], "{condition}");
        let then = then(&why.ways);
        assert!(!then.is_empty() && then.iter().all(|(verdict, _)| *verdict == Verdict::Allow));
        assert!(why.near.is_empty());
    }
}

#[test]
fn of_several_conditions_one_has_to_fail() {
    let policies = PERMIT.to_owned()
        + &forbid("one", "principal.blocked && resource.size < 9")
            .replace(";\n", "\nunless { resource.open };\n");
    let why = explained(&policies, &["ONE"]);
    let mut found = lacks(&why.ways);
    found.sort();
    assert_eq!(
        found,
        [
            ["Desk::\"red\".open"],
            ["Desk::\"red\".size >= 9"],
            ["not User::\"ann\".blocked"],
        ]
    );
}

#[test]
fn all_forbids_have_to_be_met_and_one_change_may_meet_two() {
    let policies =
        PERMIT.to_owned() + &forbid("one", "principal.blocked") + &forbid("two", "!resource.open");
    let why = explained(&policies, &["ONE", "TWO"]);
    assert_eq!(
        lacks(&why.ways),
        [["not User::\"ann\".blocked", "Desk::\"red\".open"]]
    );
    let policies = PERMIT.to_owned()
        + &forbid("one", "principal.blocked && resource.size < 9")
        + &forbid("two", "principal.blocked && !resource.open");
    let why = explained(&policies, &["ONE", "TWO"]);
    assert_eq!(lacks(&why.ways), [["not User::\"ann\".blocked"]]);
}

#[test]
fn a_change_that_wakes_another_forbid_says_so() {
    let policies = PERMIT.to_owned()
        + &forbid("one", "resource.org.mode == Mode::\"DEMO\"")
        + &forbid("two", "resource.org.mode == Mode::\"FULL\"");
    let why = explained(&policies, &["ONE"]);
    assert_eq!(then(&why.ways), [(Verdict::Deny, vec!["TWO".to_owned()])]);
}

#[test]
fn where_no_permit_would_let_it_through_both_are_told() {
    let policies = "@id(\"p/open\") permit (principal, action, resource) when { resource.open };\n"
        .to_owned()
        + &forbid("one", "principal.blocked");
    let why = explained(&policies, &["ONE"]);
    assert_eq!(lacks(&why.ways), [["not User::\"ann\".blocked"]]);
    assert_eq!(
        then(&why.ways),
        [(Verdict::Deny, vec!["NOT_PERMITTED".to_owned()])]
    );
    let [near] = why.near.as_slice() else {
        panic!("{why:#?}");
    };
    assert_eq!(lacks(&near.ways), [["Desk::\"red\".open"]]);
    assert_eq!(then(&near.ways), [(Verdict::Deny, vec!["ONE".to_owned()])]);
}

#[test]
fn what_no_change_can_meet_has_no_way_out() {
    for condition in [
        "true",
        "principal == User::\"ann\"",
        "principal.age * 0 == 0",
    ] {
        let why = explained(&(PERMIT.to_owned() + &forbid("one", condition)), &["ONE"]);
        assert!(why.ways.is_empty(), "{condition}: {why:#?}");
    }
}

#[test]
fn a_policy_that_fails_has_no_way_out_and_none_is_told_beside_it() {
    let policies = PERMIT.to_owned()
        + &forbid("fails", "principal.age * 9223372036854775807 > 0")
        + &forbid("one", "principal.blocked");
    let deciding = Deciding::of(SCHEMA, &policies, &entities());
    let question = asked_with("User::\"ann\"", "use", "Desk::\"red\"", json!({}));
    let (decision, why) = deciding.explain(&question).unwrap();
    assert!(
        codes(&decision).contains(&"EVALUATION_ERROR"),
        "{decision:#?}"
    );
    let why = why.unwrap();
    assert!(why.ways.is_empty() && why.near.is_empty(), "{why:#?}");
}
