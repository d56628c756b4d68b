//! A slice is complete to the level that the policies look to. An entity that the store does not have
//! is absent for Cedar too: what reads it fails, and that denies.

use serde_json::{Value, json};

use super::{SCHEMA, forbid};
use crate::deciding::{Deciding, PERMIT_ALL, asked_with, entity, question};

const ANY: &str = "principal, action, resource";

fn uid(kind: &str, id: &str) -> Value {
    json!({"__entity": {"type": kind, "id": id}})
}

/// A user with more attributes than the two that every one has.
fn user(id: &str, more: &[(&str, Value)], parents: &[(&str, &str)]) -> Value {
    let mut attributes = json!({"blocked": id.starts_with("blocked"), "name": id});
    for (name, value) in more {
        attributes[name] = value.clone();
    }
    entity("User", id, attributes, parents)
}

fn doc(id: &str, owner: &str, parents: &[(&str, &str)]) -> Value {
    let attributes = json!({"owner": uid("User", owner), "size": 1, "key": "k"});
    entity("Doc", id, attributes, parents)
}

fn deciding(condition: &str, tenancy: Value) -> Deciding {
    let policies = PERMIT_ALL.to_owned() + &forbid("stop", ANY, condition);
    Deciding::of(SCHEMA, &policies, &tenancy)
}

fn write(principal: &str, resource: &str) -> Value {
    let uid = |kind, id| format!("{kind}::\"{id}\"");
    question(&uid("User", principal), "write", &uid("Doc", resource))
}

/// A policy reads what is not there.
const FAILED: &[&str] = &["EVALUATION_ERROR"];

#[test]
fn a_policy_that_reads_what_a_reference_does_not_lead_to_denies() {
    let tenancy = json!([
        user("ann", &[("manager", uid("User", "ghost"))], &[]),
        user("bob", &[("manager", uid("User", "blocked"))], &[]),
        user(
            "eve",
            &[("desk", json!({"keeper": uid("User", "ghost")}))],
            &[]
        ),
        user(
            "fay",
            &[("desk", json!({"keeper": uid("User", "blocked")}))],
            &[]
        ),
        user("blocked", &[], &[]),
        user("gus", &[], &[]),
        doc("d", "gus", &[]),
        doc("lost", "ghost", &[]),
    ]);
    let deciding = deciding(
        "resource.owner.blocked || \
         (principal has manager && principal.manager.blocked) || \
         (principal has desk.keeper && principal.desk.keeper.blocked)",
        tenancy,
    );
    deciding.assert_allowed(&write("gus", "d"));
    for blocked in ["bob", "fay"] {
        deciding.assert_denied(&write(blocked, "d"), &["STOP"]);
    }
    for (principal, resource) in [("ann", "d"), ("eve", "d"), ("gus", "lost")] {
        // Twice: what is remembered makes no difference.
        deciding.assert_denied(&write(principal, resource), FAILED);
        deciding.assert_denied(&write(principal, resource), FAILED);
    }
}

#[test]
fn a_reference_of_a_context_entity_is_followed() {
    let tenancy = json!([
        user("ann", &[], &[]),
        user("blocked", &[], &[]),
        user("bob", &[("manager", uid("User", "blocked"))], &[]),
        user("eve", &[("manager", uid("User", "ghost"))], &[]),
        doc("d", "ann", &[]),
    ]);
    let scope = "principal, action == Action::\"read\", resource";
    let condition =
        "context has note && context.note.by has manager && context.note.by.manager.blocked";
    let policies = PERMIT_ALL.to_owned() + &forbid("stop", scope, condition);
    let deciding = Deciding::of(SCHEMA, &policies, &tenancy);
    let by = |user| {
        asked_with(
            "User::\"ann\"",
            "read",
            "Doc::\"d\"",
            json!({"note": {"by": user}}),
        )
    };
    deciding.assert_allowed(&by("ann"));
    deciding.assert_denied(&by("bob"), &["STOP"]);
    deciding.assert_denied(&by("eve"), FAILED);
}

/// A reference that is only compared is not followed.
#[test]
fn a_reference_that_no_policy_looks_into_may_lead_nowhere() {
    let tenancy = json!([
        user("ann", &[("manager", uid("User", "ghost"))], &[]),
        user("bob", &[], &[]),
        doc("d", "ghost", &[]),
    ]);
    let deciding = deciding(
        "resource.owner == principal || principal has manager",
        tenancy,
    );
    deciding.assert_allowed(&write("bob", "d"));
    deciding.assert_denied(&write("ann", "d"), &["STOP"]);
}

/// The policies look at the manager, and no further.
#[test]
fn a_reference_beyond_the_level_of_the_policies_is_not_needed() {
    let tenancy = json!([
        user("a0", &[("manager", uid("User", "a1"))], &[]),
        user("a1", &[("manager", uid("User", "a2"))], &[]),
        user("a2", &[("manager", uid("User", "ghost"))], &[]),
        user("b0", &[("manager", uid("User", "blocked"))], &[]),
        user("blocked", &[("manager", uid("User", "ghost"))], &[]),
        doc("d", "a0", &[]),
    ]);
    let deciding = deciding(
        "principal has manager && principal.manager.blocked",
        tenancy,
    );
    deciding.assert_allowed(&write("a0", "d"));
    deciding.assert_denied(&write("b0", "d"), &["STOP"]);
}

#[test]
fn references_are_followed_to_the_deepest_level_that_loads() {
    let chain = |last: &str| {
        json!([
            user("m0", &[("manager", uid("User", "m1"))], &[]),
            user("m1", &[("manager", uid("User", "m2"))], &[]),
            user("m2", &[("manager", uid("User", "m3"))], &[]),
            user("m3", &[("manager", uid("User", last))], &[]),
            user("blocked", &[], &[]),
            user("free", &[], &[]),
            doc("d", "m0", &[]),
        ])
    };
    let condition = "principal has manager.manager.manager.manager && \
                     principal.manager.manager.manager.manager.blocked";
    deciding(condition, chain("free")).assert_allowed(&write("m0", "d"));
    deciding(condition, chain("blocked")).assert_denied(&write("m0", "d"), &["STOP"]);
    deciding(condition, chain("ghost")).assert_denied(&write("m0", "d"), FAILED);
    // A shorter chain ends where it ends.
    deciding(condition, chain("blocked")).assert_allowed(&write("m1", "d"));
}

#[test]
fn has_of_a_path_looks_into_what_it_passes() {
    let tenancy = json!([
        user("ann", &[("manager", uid("User", "boss"))], &[]),
        user("bob", &[("manager", uid("User", "chief"))], &[]),
        user("eve", &[("manager", uid("User", "ghost"))], &[]),
        user("boss", &[("manager", uid("User", "chief"))], &[]),
        user("chief", &[], &[]),
        user("floor", &[("desk", json!({"floor": 1}))], &[]),
        user("desk", &[("desk", json!({}))], &[]),
        doc("d", "chief", &[]),
    ]);
    let deciding = deciding(
        "principal has manager.manager || principal has desk.floor",
        tenancy,
    );
    for stopped in ["ann", "floor"] {
        deciding.assert_denied(&write(stopped, "d"), &["STOP"]);
    }
    for allowed in ["bob", "boss", "chief", "desk"] {
        deciding.assert_allowed(&write(allowed, "d"));
    }
    // A principal that is not there has nothing, says Cedar.
    deciding.assert_allowed(&write("eve", "d"));
}

#[test]
fn what_is_looked_into_is_loaded_however_it_is_written() {
    let tenancy = json!([
        user("ann", &[("manager", uid("User", "blocked"))], &[]),
        user("bob", &[("manager", uid("User", "free"))], &[]),
        user("blocked", &[], &[("Group", "suspended")]),
        user("free", &[], &[]),
        doc("d", "free", &[]),
    ]);
    for condition in [
        "principal[\"manager\"].blocked",
        "(if resource.size == 1 then principal.manager else resource.owner).blocked",
        "(if resource.owner.blocked then resource.owner else principal.manager).blocked",
        "{who: principal.manager}.who.blocked",
        "[true].containsAll([principal.manager.blocked])",
        "principal.manager in Group::\"suspended\"",
        "principal.manager is User in Group::\"suspended\"",
        "[principal.manager.blocked, false].contains(true)",
        "principal.manager.name like \"blo*\"",
        "!(principal.manager.blocked == false)",
    ] {
        let condition = format!("principal has manager && ({condition})");
        let deciding = deciding(&condition, tenancy.clone());
        deciding.assert_denied(&write("ann", "d"), &["STOP"]);
        deciding.assert_allowed(&write("bob", "d"));
    }
}

#[test]
fn in_means_within_at_any_distance() {
    let tenancy = json!([
        user("ann", &[], &[("Group", "a")]),
        user("bob", &[], &[("Group", "b")]),
        user("eve", &[("manager", uid("User", "ann"))], &[]),
        entity("Group", "a", json!({}), &[("Group", "middle")]),
        // `middle` and `root` are not described: a parent is only named.
        entity("Group", "middle", json!({}), &[("Group", "root")]),
        doc("in", "bob", &[("Group", "a")]),
        doc("out", "bob", &[("Group", "root2")]),
    ]);
    for (scope, condition) in [
        ("principal in Group::\"root\", action, resource", "true"),
        (
            "principal is User in Group::\"root\", action, resource",
            "true",
        ),
        (ANY, "principal in Group::\"root\""),
        (ANY, "principal in [Group::\"x\", Group::\"middle\"]"),
        (
            ANY,
            "principal has name && principal is User in Group::\"root\"",
        ),
    ] {
        let policies = PERMIT_ALL.to_owned() + &forbid("stop", scope, condition);
        let deciding = Deciding::of(SCHEMA, &policies, &tenancy);
        deciding.assert_denied(&write("ann", "in"), &["STOP"]);
        deciding.assert_allowed(&write("bob", "in"));
    }
    let scope = "principal, action, resource in Group::\"root\"";
    let policies = PERMIT_ALL.to_owned() + &forbid("stop", scope, "true");
    let resources = Deciding::of(SCHEMA, &policies, &tenancy);
    resources.assert_denied(&write("bob", "in"), &["STOP"]);
    resources.assert_allowed(&write("bob", "out"));
    let managers = deciding(
        "principal has manager && principal.manager in Group::\"root\"",
        tenancy,
    );
    managers.assert_denied(&write("eve", "in"), &["STOP"]);
    managers.assert_allowed(&write("ann", "in"));
}
