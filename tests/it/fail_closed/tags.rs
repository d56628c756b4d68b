//! Tags are loaded one by one, so each way of asking for one is a way to miss it.

use serde_json::{Value, json};

use super::{SCHEMA, forbid};
use crate::deciding::{Deciding, PERMIT_ALL, asked_with, bundle, entity, question};

const ANY: &str = "principal, action, resource";

fn uid(id: &str) -> Value {
    json!({"__entity": {"type": "User", "id": id}})
}

fn user(id: &str, manager: Option<&str>, tags: &[(&str, &str)]) -> Value {
    let mut attributes = json!({"blocked": id.starts_with("blocked"), "name": id});
    if let Some(manager) = manager {
        attributes["manager"] = uid(manager);
    }
    let mut user = entity("User", id, attributes, &[]);
    user["tags"] = tags
        .iter()
        .map(|(key, id)| ((*key).to_owned(), uid(id)))
        .collect();
    user
}

fn doc(id: &str, key: &str, tags: Value) -> Value {
    let attributes = json!({"owner": uid("owner"), "size": 1, "key": key});
    let mut doc = entity("Doc", id, attributes, &[]);
    doc["tags"] = tags;
    doc
}

fn tenancy() -> Value {
    json!([
        user("ann", None, &[("k", "blocked"), ("x", "free")]),
        user("bob", Some("ann"), &[("k", "free"), ("x", "blocked")]),
        user("eve", Some("bob"), &[]),
        user("far", None, &[("k", "ann"), ("x", "eve")]),
        user("lost", None, &[("k", "ghost")]),
        user("owner", None, &[("ann", "blocked"), ("bob", "free")]),
        user("blocked", None, &[]),
        user("free", None, &[]),
        doc("plain", "k", json!({})),
        doc("sealed", "k", json!({"sealed": true, "other": false})),
        doc("opened", "k", json!({"sealed": false, "other": true})),
        doc("keyed", "x", json!({"x": true})),
    ])
}

fn write(principal: &str, resource: &str) -> Value {
    let uid = |kind, id| format!("{kind}::\"{id}\"");
    question(&uid("User", principal), "write", &uid("Doc", resource))
}

fn deciding(condition: &str) -> Deciding {
    let policies = PERMIT_ALL.to_owned() + &forbid("stop", ANY, condition);
    Deciding::of(SCHEMA, &policies, &tenancy())
}

/// The questions that the forbid stops; the others are allowed.
fn assert_stops(condition: &str, stopped: &[(&str, &str)], allowed: &[(&str, &str)]) {
    let deciding = deciding(condition);
    // Twice, so that the second time the entities are in memory.
    for _ in 0..2 {
        for (principal, resource) in stopped {
            deciding.assert_denied(&write(principal, resource), &["STOP"]);
        }
        for (principal, resource) in allowed {
            deciding.assert_allowed(&write(principal, resource));
        }
    }
}

#[test]
fn under_a_literal_key() {
    assert_stops(
        "resource.hasTag(\"sealed\")",
        &[("ann", "sealed"), ("ann", "opened")],
        &[("ann", "plain"), ("ann", "keyed")],
    );
    assert_stops(
        "resource.hasTag(\"sealed\") && resource.getTag(\"sealed\")",
        &[("ann", "sealed")],
        &[("ann", "opened"), ("ann", "plain")],
    );
    // Two tags of one entity.
    assert_stops(
        "resource.hasTag(\"sealed\") && resource.hasTag(\"other\") && resource.getTag(\"other\")",
        &[("ann", "opened")],
        &[("ann", "sealed"), ("ann", "keyed")],
    );
}

#[test]
fn under_a_key_at_a_path() {
    assert_stops(
        "resource.hasTag(resource.key)",
        &[("ann", "keyed")],
        &[("ann", "sealed"), ("ann", "plain")],
    );
    assert_stops(
        "principal.hasTag(resource.key)",
        &[("ann", "plain"), ("ann", "keyed"), ("bob", "plain")],
        &[("eve", "plain"), ("lost", "keyed")],
    );
    // The key is two references away, and so is the entity.
    assert_stops(
        "resource.owner.hasTag(principal.name)",
        &[("ann", "plain"), ("bob", "plain")],
        &[("eve", "plain")],
    );
    assert_stops(
        "principal has manager && principal.manager.hasTag(resource.key)",
        &[("bob", "plain"), ("eve", "plain")],
        &[("ann", "plain")],
    );
    assert_stops(
        "principal has manager && resource.owner.hasTag(principal.manager.name)",
        &[("bob", "plain"), ("eve", "plain")],
        &[("ann", "plain")],
    );
}

#[test]
fn under_a_key_that_is_no_path() {
    let condition = "principal.hasTag(if resource.size == 1 then resource.key else \"never\")";
    assert_stops(
        condition,
        &[("ann", "plain"), ("bob", "keyed")],
        &[("eve", "plain")],
    );
    // And next to one that is: which tags are loaded is not a matter of order.
    for condition in [
        "resource.hasTag(\"never\") || principal.hasTag(if resource.size == 1 then \"x\" else \"y\")",
        "principal.hasTag(if resource.size == 1 then \"x\" else \"y\") || principal.hasTag(\"never\")",
        "principal.hasTag(\"never\") || principal.hasTag(if resource.size == 1 then \"x\" else \"y\")",
    ] {
        assert_stops(
            condition,
            &[("ann", "plain"), ("far", "plain")],
            &[("lost", "plain")],
        );
    }
    let keyed = forbid("stop", ANY, condition);
    let bundle = bundle(SCHEMA, &(PERMIT_ALL.to_owned() + &keyed));
    assert!(bundle.shards().all(|(_, shard)| shard.loads_all_tags()));
}

#[test]
fn of_an_entity_that_is_no_path() {
    assert_stops(
        "(if resource.size == 1 then principal else resource.owner).hasTag(\"x\")",
        &[("ann", "plain"), ("bob", "plain")],
        &[("eve", "plain"), ("lost", "plain")],
    );
    assert_stops(
        "(if resource.size == 2 then principal else resource.owner).hasTag(principal.name)",
        &[("ann", "plain"), ("bob", "plain")],
        &[("eve", "plain")],
    );
}

#[test]
fn an_entity_in_a_tag_is_looked_into() {
    assert_stops(
        "principal.hasTag(\"k\") && principal.getTag(\"k\").blocked",
        &[("ann", "plain")],
        &[("bob", "plain"), ("eve", "plain")],
    );
    assert_stops(
        "principal.hasTag(resource.key) && principal.getTag(resource.key).blocked",
        &[("ann", "plain"), ("bob", "keyed")],
        &[("bob", "plain"), ("ann", "keyed")],
    );
    // The tags of what is in a tag, and its attributes.
    assert_stops(
        "principal.hasTag(\"k\") && principal.getTag(\"k\").hasTag(\"k\") && \
         principal.getTag(\"k\").getTag(\"k\").blocked",
        &[("far", "plain")],
        &[("ann", "plain"), ("bob", "plain"), ("eve", "plain")],
    );
    assert_stops(
        "principal.hasTag(\"x\") && principal.getTag(\"x\") has manager && \
         principal.getTag(\"x\").manager.name == \"bob\"",
        &[("far", "plain")],
        &[("ann", "plain"), ("bob", "plain")],
    );
    let lost = deciding("principal.hasTag(\"k\") && principal.getTag(\"k\").blocked");
    lost.assert_denied(&write("lost", "plain"), &["EVALUATION_ERROR"]);
}

#[test]
fn of_an_entity_in_the_context() {
    let scope = "principal, action == Action::\"read\", resource";
    let condition = "context has via && context.via.hasTag(resource.key) && \
                     context.via.getTag(resource.key).blocked";
    let policies = PERMIT_ALL.to_owned() + &forbid("stop", scope, condition);
    let deciding = Deciding::of(SCHEMA, &policies, &tenancy());
    let ask = |via: &str, resource: &str| {
        let resource = format!("Doc::\"{resource}\"");
        asked_with("User::\"free\"", "read", &resource, json!({"via": via}))
    };
    deciding.assert_denied(&ask("ann", "plain"), &["STOP"]);
    deciding.assert_denied(&ask("bob", "keyed"), &["STOP"]);
    deciding.assert_allowed(&ask("bob", "plain"));
    deciding.assert_allowed(&ask("eve", "plain"));
}

/// One question's tags of an entity may be fewer than another needs.
#[test]
fn the_tags_of_one_question_are_not_those_of_another() {
    let deciding =
        deciding("principal.hasTag(resource.key) && principal.getTag(resource.key).blocked");
    for _ in 0..2 {
        deciding.assert_denied(&write("ann", "plain"), &["STOP"]);
        deciding.assert_allowed(&write("ann", "keyed"));
        deciding.assert_denied(&write("bob", "keyed"), &["STOP"]);
        deciding.assert_allowed(&write("bob", "plain"));
    }
}
