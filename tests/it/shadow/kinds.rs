//! In what two decisions may differ, over a small schema.

use serde_json::{Value, json};

use super::{all_are, looked, of_result};
use crate::author::{Author, POLICIES, POLICY_TEXT, SCHEMA};
use crate::deciding::entity;
use crate::samples::Samples;
use crate::sidecar::{Sidecar, Start};

/// Ann owns a desk, and is barred from another one; Bob is not active.
fn entities() -> Value {
    let user = |id: &str, active: bool| {
        let mut user = entity("User", id, json!({"active": active, "name": id}), &[]);
        user["tags"] = json!({"k2": true});
        user
    };
    let desk = |id: &str, key: &str| {
        let owner = json!({"__entity": {"type": "User", "id": "ann"}});
        entity("Desk", id, json!({"owner": owner, "key": key}), &[])
    };
    json!([
        user("ann", true),
        user("bob", false),
        desk("d1", "k1"),
        desk("d2", "k2")
    ])
}

fn open(user: &str, desk: &str) -> Value {
    json!({
        "principal": format!("User::\"{user}\""),
        "action": "Action::\"open\"",
        "resource": format!("Desk::\"{desk}\""),
    })
}

/// Over these entities, with these policies in the shadow.
fn start(shadow: &str) -> (Sidecar, Author) {
    let author = Author::new();
    author.write("shadow/desk.cedar", shadow);
    author.write("entities.json", &entities().to_string());
    let path = |name: &str| author.path(name).display().to_string();
    let policies = path(POLICIES).replace("/desk.cedar", "");
    let tenancy = format!("entities:{}", path("entities.json"));
    let sidecar = Start::new()
        .with(&["--tenancy", &tenancy])
        .with(&["--schema", &path(SCHEMA)])
        .with(&["--policies", &policies])
        .with(&["--shadow", &path("shadow")])
        .start();
    (sidecar, author)
}

/// The one disagreement that there is, as verdicts, codes and policies.
#[track_caller]
fn is_only(samples: &Samples, kind: &str, first: [&str; 3], shadow: [&str; 3], times: f64) {
    let labels = [
        ("action", "open"),
        ("kind", kind),
        ("from", first[0]),
        ("to", shadow[0]),
        ("codes", first[1]),
        ("policies", first[2]),
        ("shadow_codes", shadow[1]),
        ("shadow_policies", shadow[2]),
    ];
    assert_eq!(samples.value("shadow_disagreements_total", &labels), times);
    assert_eq!(samples.sum("shadow_disagreements_total"), times);
}

#[test]
fn another_code_is_a_disagreement() {
    let (sidecar, _author) = start(&POLICY_TEXT.replace("\"BARRED\"", "\"SHUT_OUT\""));
    sidecar.ask(&open("ann", "d2"));
    sidecar.ask(&open("ann", "d1"));
    let samples = looked(&sidecar, 2);
    let first = ["Deny", "BARRED", "desk/not-barred"];
    let shadow = ["Deny", "SHUT_OUT", "desk/not-barred"];
    is_only(&samples, "codes", first, shadow, 1.0);
    assert_eq!(of_result(&samples, "agreed"), 1.0);
}

#[test]
fn one_code_more_is_a_disagreement() {
    let (sidecar, _author) = start(&POLICY_TEXT.replace("unless { principal.active }", ""));
    sidecar.ask(&open("ann", "d2"));
    let samples = looked(&sidecar, 1);
    let first = ["Deny", "BARRED", "desk/not-barred"];
    let shadow = [
        "Deny",
        "BARRED,INACTIVE",
        "desk/not-barred,desk/not-inactive",
    ];
    is_only(&samples, "codes", first, shadow, 1.0);
}

#[test]
fn another_obligation_is_a_disagreement() {
    let (sidecar, _author) = start(&POLICY_TEXT.replace("@obligation(\"LOCK_AGAIN\")", ""));
    sidecar.ask(&open("ann", "d1"));
    let samples = looked(&sidecar, 1);
    let first = ["Allow", "", "desk/owner-opens"];
    is_only(&samples, "obligations", first, first, 1.0);
}

#[test]
fn another_rule_message_or_policy_is_none() {
    let next = POLICY_TEXT
        .replace("desk/not-barred", "desk/barred")
        .replace("the user is barred from this desk", "barred")
        .replace("desk/owner-opens", "desk/owner");
    let (sidecar, _author) = start(&next);
    sidecar.ask(&open("ann", "d2"));
    sidecar.ask(&open("ann", "d1"));
    all_are(&looked(&sidecar, 2), "agreed");
}

/// A policy of the shadow that fails denies there, as it would in the first.
#[test]
fn a_policy_that_fails_is_a_denial_of_the_shadow() {
    let overflow = "@id(\"desk/overflow\") forbid (principal, action == Action::\"open\", resource)
        when { context.force && 9223372036854775807 + (if context.force then 1 else 0) > 0 };";
    let overflow = overflow.replace("context.force &&", "context has force && context.force &&");
    let (sidecar, _author) = start(&format!("{POLICY_TEXT}\n{overflow}"));
    let mut forced = open("ann", "d1");
    forced["context"] = json!({"force": true});
    assert_eq!(sidecar.ask(&forced)["decision"], "Allow");
    sidecar.ask(&open("ann", "d1"));
    let samples = looked(&sidecar, 2);
    let first = ["Allow", "", "desk/owner-opens"];
    let shadow = ["Deny", "EVALUATION_ERROR", "desk/overflow"];
    is_only(&samples, "verdict", first, shadow, 1.0);
}

/// Absent entities are denied before any policy is asked, by both.
#[test]
fn both_deny_what_is_not_there() {
    let (sidecar, _author) = start("@id(\"p/all\") permit (principal, action, resource);");
    for question in [
        open("nobody", "d1"),
        open("ann", "nothing"),
        open("nobody", "nothing"),
    ] {
        assert_eq!(sidecar.ask(&question)["decision"], "Deny");
    }
    all_are(&looked(&sidecar, 3), "agreed");
}
