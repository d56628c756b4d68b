//! One caller's statements are never part of another's question.

use serde_json::{Value, json};

use crate::deciding::{Deciding, entity, question};

const SCHEMA: &str = r#"
entity User;
entity Folder in [Folder];
entity Doc in [Folder] tags Bool;
action read appliesTo { principal: User, resource: Doc };
"#;

const POLICIES: &str = r#"
@id("p/open") permit (principal, action, resource) when { resource.hasTag("open") };
@id("p/locked") @code("LOCKED") forbid (principal, action, resource in Folder::"locked");
"#;

fn folder(parents: &[(&str, &str)]) -> Value {
    json!([entity("Folder", "f", json!({}), parents)])
}

/// The store serves documents and their tags, and the caller describes folders.
#[test]
fn what_a_caller_adds_to_a_served_entity_is_kept_for_nobody_else() {
    let mut doc = entity("Doc", "d", json!({}), &[("Folder", "f")]);
    doc["tags"] = json!({"open": true});
    let tenancy = json!([entity("User", "ann", json!({}), &[]), doc]);
    let deciding = Deciding::of(SCHEMA, POLICIES, &tenancy);
    let plain = question("User::\"ann\"", "read", "Doc::\"d\"");
    let mut locked = plain.clone();
    locked["entities"] = folder(&[("Folder", "locked")]);
    let mut unlocked = plain.clone();
    unlocked["entities"] = folder(&[]);
    for _ in 0..2 {
        // In each order, so that each meets what the other has left.
        deciding.assert_denied(&locked, &["LOCKED"]);
        deciding.assert_allowed(&unlocked);
        deciding.assert_allowed(&plain);
        deciding.assert_denied(&locked, &["LOCKED"]);
    }
}
