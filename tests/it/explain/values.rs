//! The policies that a decision rests on, with their source and the values that they
//! read, and no value that they did not come to.

use peppol_authz_engine::{Decision, Explanation, Verdict};
use serde_json::{Value, json};

use crate::deciding::{Deciding, asked_with, codes, entity, question};

const SCHEMA: &str = "
    entity Team;
    entity User in [Team] = { name: String, age: Long, boss?: User, ready: Bool } tags Bool;
    entity Desk = { owner: User, size: Long, key: String };
    action open, close appliesTo { principal: User, resource: Desk, context: { force?: Bool } };
";

fn entities() -> Value {
    let user = |id: &str, age: i64, teams: &[(&str, &str)]| {
        let attributes = json!({"name": id, "age": age, "ready": true});
        entity("User", id, attributes, teams)
    };
    let mut ann = user("ann", 40, &[("Team", "blue")]);
    ann["tags"] = json!({"front": true});
    let owner = json!({"__entity": {"type": "User", "id": "ann"}});
    json!([
        ann,
        user("bob", 20, &[]),
        entity("Team", "blue", json!({}), &[]),
        entity(
            "Desk",
            "red",
            json!({"owner": owner, "size": 2, "key": "front"}),
            &[]
        ),
    ])
}

fn explained(policies: &str, question: &Value) -> (Decision, Explanation) {
    let deciding = Deciding::of(SCHEMA, policies, &entities());
    let (decision, why) = deciding.explain(question).unwrap();
    (decision, why.unwrap())
}

fn ann() -> Value {
    question("User::\"ann\"", "open", "Desk::\"red\"")
}

/// The values that the policies read, each as `expression = value`.
fn read(why: &Explanation) -> Vec<String> {
    let values = why.policies.iter().flat_map(|policy| &policy.values);
    let shown = values.map(|read| match &read.value {
        Ok(value) => format!("{} = {value}", read.expression),
        Err(_) => format!("{} fails", read.expression),
    });
    shown.collect()
}

fn permit(condition: &str) -> String {
    format!("@id(\"p/one\") permit (principal, action, resource) when {{ {condition} }};")
}

/// The values that a permit reads, which lets ann open the desk under this condition.
fn read_by(condition: &str) -> Vec<String> {
    let (decision, why) = explained(&permit(condition), &ann());
    assert_eq!(decision.verdict, Verdict::Allow, "{condition}");
    assert!(why.near.is_empty() && why.permits.is_empty() && why.absent.is_empty());
    read(&why)
}

#[test]
fn a_policy_is_shown_where_it_stands_and_as_it_is_written() {
    let policies = "// A comment.\n\n@id(\"p/first\")\n@rule(\"DSK-1\")\npermit (principal, action, resource)\nwhen { principal.ready };\n@id(\"p/other\") permit (principal, action == Action::\"close\", resource);\n";
    let (_, why) = explained(policies, &ann());
    let [policy] = why.policies.as_slice() else {
        panic!("{why:#?}");
    };
    let info = &policy.info;
    assert_eq!(&*info.id, "p/first");
    assert_eq!(
        (info.file.name.as_str(), info.file.place(info.place.start)),
        ("p.cedar", (3, 1))
    );
    let source = policies
        .split_once("\n\n")
        .unwrap()
        .1
        .split_once("\n@id(\"p/other")
        .unwrap()
        .0;
    assert_eq!(info.source(), source);
}

#[test]
fn each_attribute_tag_and_ancestor_that_was_read_is_shown_in_order() {
    assert_eq!(
        read_by(
            "principal in Team::\"blue\" && principal.age >= resource.owner.age && principal.hasTag(resource.key) && principal.getTag(resource.key)"
        ),
        [
            "principal in Team::\"blue\" = true",
            "principal.age = 40",
            "resource.owner = User::\"ann\"",
            "resource.owner.age = 40",
            "resource.key = \"front\"",
            "principal.hasTag(resource.key) = true",
            "principal.getTag(resource.key) = true",
        ]
    );
}

#[test]
fn the_scope_is_read_too() {
    let policy = "@id(\"p/one\") permit (principal is User in Team::\"blue\", action, resource);";
    let (decision, why) = explained(policy, &ann());
    assert_eq!(decision.verdict, Verdict::Allow);
    assert_eq!(read(&why), ["principal in Team::\"blue\" = true"]);
}

#[test]
fn what_short_circuit_does_not_come_to_was_not_read() {
    for (condition, wanted) in [
        (
            "principal.ready || principal.age > 1",
            vec!["principal.ready = true"],
        ),
        (
            "(principal.age < 1 && principal.name == \"x\") || principal.ready",
            vec!["principal.age = 40", "principal.ready = true"],
        ),
        (
            "if principal has boss then principal.boss.ready else resource.size == 2",
            vec!["principal has boss = false", "resource.size = 2"],
        ),
        (
            "!(context has force && context.force) && principal.ready",
            vec!["context has force = false", "principal.ready = true"],
        ),
    ] {
        assert_eq!(read_by(condition), wanted, "{condition}");
    }
}

#[test]
fn behind_a_clause_that_does_not_hold_nothing_is_read() {
    let policies = permit("principal.ready")
        + "@id(\"p/small\") @code(\"SMALL\") forbid (principal, action, resource) when { resource.size < 9 } unless { principal.age > 90 };"
        + "@id(\"p/large\") @code(\"LARGE\") forbid (principal, action, resource) when { resource.size > 9 } unless { principal.age > 90 };";
    let (decision, why) = explained(&policies, &ann());
    assert_eq!(codes(&decision), ["SMALL"]);
    // The other one does not apply; it is no reason, and not shown.
    assert_eq!(read(&why), ["resource.size = 2", "principal.age = 40"]);
    let permits: Vec<&str> = why.permits.iter().map(|info| &*info.id).collect();
    assert_eq!(permits, ["p/one"]);
}

#[test]
fn a_denial_by_a_forbid_names_no_permit_where_none_applies() {
    let policies = permit("principal.age > 90")
        + "@id(\"p/small\") @code(\"SMALL\") forbid (principal, action, resource) when { resource.size < 9 };";
    let (decision, why) = explained(&policies, &ann());
    assert_eq!(codes(&decision), ["SMALL"]);
    assert!(why.permits.is_empty(), "{why:#?}");
    let near: Vec<&str> = why.near.iter().map(|near| &*near.info.id).collect();
    assert_eq!(near, ["p/one"]);
}

#[test]
fn a_policy_that_fails_is_shown_with_what_it_read_before() {
    let failing = "resource.size * 9223372036854775807 > 0 && principal.ready";
    let (decision, why) = explained(&permit(failing), &ann());
    assert_eq!(codes(&decision), ["EVALUATION_ERROR"]);
    assert_eq!(why.policies.len(), 1);
    assert_eq!(read(&why), ["resource.size = 2"]);
    assert!(why.near.is_empty());
}

#[test]
fn entities_that_are_not_there_are_named() {
    let question = question("User::\"nobody\"", "open", "Desk::\"none\"");
    let (decision, why) = explained(&permit("true"), &question);
    assert_eq!(codes(&decision), ["UNKNOWN_PRINCIPAL", "UNKNOWN_RESOURCE"]);
    let absent: Vec<String> = why.absent.iter().map(ToString::to_string).collect();
    assert_eq!(absent, ["User::\"nobody\"", "Desk::\"none\""]);
    assert!(why.policies.is_empty() && why.near.is_empty());
}

#[test]
fn a_decision_is_the_same_with_and_without_an_explanation() {
    let deciding = Deciding::of(
        SCHEMA,
        &permit("context has force && context.force"),
        &entities(),
    );
    for context in [json!({}), json!({"force": true}), json!({"force": false})] {
        let question = asked_with("User::\"ann\"", "open", "Desk::\"red\"", context);
        let (decision, _) = deciding.explain(&question).unwrap();
        let plain = deciding.decide(&question);
        assert_eq!(decision.verdict, plain.verdict);
        assert_eq!(decision.reasons, plain.reasons);
    }
}
