//! One caller's statements are never part of another's question.

use serde_json::{Value, json};

use crate::deciding::{Deciding, Refused, entity, question};

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

/// A document that is open, in that folder.
fn doc(folder: &str) -> Value {
    let mut doc = entity("Doc", "d", json!({}), &[("Folder", folder)]);
    doc["tags"] = json!({"open": true});
    doc
}

fn asked(entities: Value) -> Value {
    let mut asked = question("User::\"ann\"", "read", "Doc::\"d\"");
    asked["entities"] = entities;
    asked
}

/// The store serves folders, and the caller describes documents in them.
#[test]
fn what_a_caller_describes_is_kept_for_nobody_else() {
    let folder = entity("Folder", "f", json!({}), &[("Folder", "locked")]);
    let open = entity("Folder", "o", json!({}), &[]);
    let tenancy = json!([entity("User", "ann", json!({}), &[]), folder, open]);
    let deciding = Deciding::of(SCHEMA, POLICIES, &tenancy);
    let (locked, unlocked) = (asked(json!([doc("f")])), asked(json!([doc("o")])));
    for _ in 0..2 {
        // In each order, so that each meets what the other has left.
        deciding.assert_denied(&locked, &["LOCKED"]);
        deciding.assert_allowed(&unlocked);
        deciding.assert_denied(&asked(json!([])), &["UNKNOWN_RESOURCE"]);
        deciding.assert_denied(&locked, &["LOCKED"]);
    }
}

/// The store says that the document is in a folder. What the folder is in is the store's word too:
/// a caller could take the document out of what is locked, or put it into what is open.
#[test]
fn what_a_stored_entity_is_in_is_not_described() {
    let tenancy = json!([entity("User", "ann", json!({}), &[]), doc("f")]);
    let deciding = Deciding::of(SCHEMA, POLICIES, &tenancy);
    deciding.assert_allowed(&asked(json!([])));
    for parents in [&[][..], &[("Folder", "locked")]] {
        let folder = entity("Folder", "f", json!({}), parents);
        match deciding.ask(&asked(json!([folder]))) {
            Err(Refused::Malformed(malformed)) => {
                assert_eq!(malformed.code, "ENTITY_OF_SERVED_TYPE");
            }
            other => panic!("{other:?}"),
        }
    }
}
