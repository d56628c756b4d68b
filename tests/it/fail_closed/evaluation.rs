//! Policies that fail while they are evaluated, and groups of actions.

use peppol_authz_engine::Verdict;
use serde_json::{Value, json};

use super::{SCHEMA, forbid};
use crate::deciding::{Deciding, PERMIT_ALL, codes, entity, question};

/// Overflows from size 2 on: this validates, and fails in evaluation.
const OVERFLOW: &str = "resource.size * 4611686018427387904 > 0";

fn documents(sizes: &[i64]) -> Value {
    let ann = json!({"blocked": false, "name": "ann"});
    let owner = json!({"__entity": {"type": "User", "id": "ann"}});
    let documents = sizes.iter().map(|size| {
        let attributes = json!({"owner": owner, "size": size, "key": "k"});
        entity("Doc", &format!("d{size}"), attributes, &[])
    });
    std::iter::once(entity("User", "ann", ann, &[]))
        .chain(documents)
        .collect()
}

fn read(size: i64) -> Value {
    question("User::\"ann\"", "read", &format!("Doc::\"d{size}\""))
}

#[test]
fn a_forbid_that_fails_denies_next_to_a_permit_of_everything() {
    let policies =
        PERMIT_ALL.to_owned() + &forbid("large", "principal, action, resource", OVERFLOW);
    let deciding = Deciding::of(SCHEMA, &policies, &documents(&[0, 1, 2]));
    deciding.assert_allowed(&read(0));
    deciding.assert_denied(&read(1), &["LARGE"]);

    let decision = deciding.decide(&read(2));
    assert_eq!(decision.verdict, Verdict::Deny);
    assert_eq!(codes(&decision), ["EVALUATION_ERROR"]);
    let reason = &decision.reasons[0];
    assert_eq!(reason.rule.as_deref(), Some("GEN-2"));
    assert_eq!(reason.policy.as_deref(), Some("p/large"));
    assert_eq!(decision.errors.len(), 1, "{:?}", decision.errors);
    // A permit is no reason of a denial.
    assert!(decision.determining.is_empty());
    assert!(decision.obligations.is_empty());
}

#[test]
fn a_permit_that_fails_denies_next_to_another_permit() {
    let failing = format!(
        "@id(\"p/small\") @obligation(\"WRITE_IT_DOWN\") permit (principal, action, resource) when {{ {OVERFLOW} }};"
    );
    let deciding = Deciding::of(
        SCHEMA,
        &(PERMIT_ALL.to_owned() + &failing),
        &documents(&[1, 2]),
    );
    deciding.assert_allowed(&read(1));
    let decision = deciding.decide(&read(2));
    assert_eq!(decision.verdict, Verdict::Deny);
    assert_eq!(codes(&decision), ["EVALUATION_ERROR"]);
    assert_eq!(decision.reasons[0].policy.as_deref(), Some("p/small"));
    assert!(decision.obligations.is_empty());
}

#[test]
fn a_denial_names_what_failed_and_what_forbade() {
    let scope = "principal, action, resource";
    let policies = PERMIT_ALL.to_owned()
        + &forbid("large", scope, OVERFLOW)
        + &forbid("any", scope, "resource.size > 1");
    let decision = Deciding::of(SCHEMA, &policies, &documents(&[2])).decide(&read(2));
    assert_eq!(decision.verdict, Verdict::Deny);
    assert_eq!(codes(&decision), ["EVALUATION_ERROR", "ANY"]);
    let determining: Vec<_> = decision.determining.iter().map(|id| &**id).collect();
    assert_eq!(determining, ["p/any"]);
}

#[test]
fn what_nothing_permits_is_denied_with_a_code() {
    let policies = "@id(\"p/write\") permit (principal, action == Action::\"write\", resource);";
    let deciding = Deciding::of(SCHEMA, policies, &documents(&[0]));
    deciding.assert_denied(&read(0), &["NOT_PERMITTED"]);
    // A forbid is why, and then the lack of a permit is not.
    let policies = forbid("all", "principal, action, resource", "true");
    let deciding = Deciding::of(SCHEMA, &policies, &documents(&[0]));
    deciding.assert_denied(&read(0), &["ALL"]);
}

#[test]
fn a_forbid_of_a_group_of_actions_fires_for_its_members() {
    let write = question("User::\"ann\"", "write", "Doc::\"d0\"");
    for (scope, condition) in [
        ("principal, action in Action::\"change\", resource", "true"),
        (
            "principal, action in [Action::\"change\"], resource",
            "true",
        ),
        // Over two levels of groups.
        (
            "principal, action in Action::\"everything\", resource",
            "true",
        ),
        (
            "principal, action, resource",
            "action in Action::\"change\"",
        ),
        (
            "principal, action, resource",
            "action in [Action::\"everything\"]",
        ),
    ] {
        let policies = PERMIT_ALL.to_owned() + &forbid("group", scope, condition);
        let deciding = Deciding::of(SCHEMA, &policies, &documents(&[0]));
        deciding.assert_denied(&write, &["GROUP"]);
        deciding.assert_allowed(&read(0));
    }
}

/// However narrow the scope of a forbid, it counts beside permits of any scope.
#[test]
fn a_forbid_for_one_principal_or_one_resource_fires() {
    let ann = "User::\"ann\"";
    let scopes = [
        format!("principal == {ann}, action, resource"),
        "principal, action, resource == Doc::\"d1\"".to_owned(),
        format!("principal == {ann}, action, resource == Doc::\"d1\""),
        format!("principal in {ann}, action, resource in Doc::\"d1\""),
        "principal, action, resource".to_owned(),
    ];
    for permitted in &scopes {
        let permit = format!("@id(\"p/permit\") permit ({permitted});\n");
        let alone = Deciding::of(SCHEMA, &permit, &documents(&[1, 2]));
        alone.assert_allowed(&read(1));
        for forbidden in &scopes {
            let fires = permit.clone() + &forbid("one", forbidden, "resource.size > 0");
            let deciding = Deciding::of(SCHEMA, &fires, &documents(&[1, 2]));
            deciding.assert_denied(&read(1), &["ONE"]);
            // One that fails denies just the same.
            let condition = "resource.size * 9223372036854775807 * 2 > 0";
            let fails = permit.clone() + &forbid("one", forbidden, condition);
            let deciding = Deciding::of(SCHEMA, &fails, &documents(&[1, 2]));
            deciding.assert_denied(&read(1), &["EVALUATION_ERROR"]);
        }
    }
}

/// A policy for one is not a policy for another.
#[test]
fn a_policy_for_one_resource_is_for_no_other() {
    let one = "principal, action, resource == Doc::\"d1\"";
    let policies = PERMIT_ALL.to_owned() + &forbid("one", one, "true");
    let deciding = Deciding::of(SCHEMA, &policies, &documents(&[1, 2]));
    deciding.assert_denied(&read(1), &["ONE"]);
    deciding.assert_allowed(&read(2));
    let policies = format!("@id(\"p/permit\") permit ({one});\n");
    let deciding = Deciding::of(SCHEMA, &policies, &documents(&[1, 2]));
    deciding.assert_allowed(&read(1));
    deciding.assert_denied(&read(2), &["NOT_PERMITTED"]);
}

/// All rules that forbid are named, wherever they stand.
#[test]
fn forbids_of_every_scope_are_all_named() {
    let policies = PERMIT_ALL.to_owned()
        + &forbid("every", "principal, action, resource", "true")
        + &forbid(
            "ann",
            "principal == User::\"ann\", action, resource",
            "true",
        )
        + &forbid("doc", "principal, action, resource == Doc::\"d1\"", "true");
    let deciding = Deciding::of(SCHEMA, &policies, &documents(&[1, 2]));
    deciding.assert_denied(&read(1), &["ANN", "DOC", "EVERY"]);
    deciding.assert_denied(&read(2), &["ANN", "EVERY"]);
}

#[test]
fn an_action_that_the_schema_does_not_have_is_no_question() {
    let deciding = Deciding::of(SCHEMA, PERMIT_ALL, &documents(&[0]));
    for action in ["destroy", "READ", "read ", ""] {
        let question = question("User::\"ann\"", action, "Doc::\"d0\"");
        let malformed = deciding.assert_malformed(&question);
        assert_eq!(malformed.code, "UNKNOWN_ACTION", "{action}");
    }
    let mut elsewhere = read(0);
    elsewhere["action"] = json!("Other::Action::\"read\"");
    deciding.assert_malformed(&elsewhere);
    elsewhere["action"] = json!("User::\"read\"");
    deciding.assert_malformed(&elsewhere);
}

/// It is nothing that can be done.
#[test]
fn a_group_of_actions_is_no_question() {
    let deciding = Deciding::of(SCHEMA, PERMIT_ALL, &documents(&[0]));
    for group in ["change", "everything"] {
        let question = question("User::\"ann\"", group, "Doc::\"d0\"");
        let malformed = deciding.assert_malformed(&question);
        assert_eq!(malformed.code, "UNKNOWN_ACTION", "{group}");
    }
    let state = deciding.engine.state();
    let actions = state.bundle.schema.actions();
    let actions: Vec<_> = actions
        .iter()
        .map(|action| action.uid.to_string())
        .collect();
    assert_eq!(actions, ["Action::\"read\"", "Action::\"write\""]);
}
