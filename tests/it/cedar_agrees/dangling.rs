//! A reference to an entity that is not in the file is decided as Cedar decides it: whoever reads the
//! entity fails, which denies; who only asks if it has something hears that it has not.

use serde_json::{Value, json};

use super::{BothSides, question, uid};
use crate::deciding::first_page;

const SCHEMA: &str = "
entity Team;
entity User in [Team] = { manager?: User, blocked: Bool } tags String;
entity Doc in [Team] = { owner: User };
action see appliesTo { principal: User, resource: Doc };
";

const POLICIES: &str = r#"
@id("all") permit (principal, action, resource);
@id("by-has") forbid (principal, action, resource)
when { resource.owner has manager && resource.owner.manager.blocked };
@id("by-tag") forbid (principal, action, resource)
when { resource.owner.hasTag("k") && resource.owner.getTag("k") == "stop" };
@id("by-value") forbid (principal, action, resource)
when { principal has manager && principal.manager.blocked };
"#;

fn user(id: &str, blocked: bool, manager: Option<&str>) -> Value {
    let mut attributes = json!({"blocked": blocked});
    if let Some(manager) = manager {
        attributes["manager"] = json!({"__entity": uid("User", manager)});
    }
    json!({"uid": uid("User", id), "attrs": attributes, "parents": [], "tags": {}})
}

fn doc(id: &str, owner: &str) -> Value {
    let owner = json!({"__entity": uid("User", owner)});
    json!({"uid": uid("Doc", id), "attrs": {"owner": owner}, "parents": []})
}

fn entities() -> Value {
    json!([
        user("ann", false, None),
        user("bob", false, Some("blocked")),
        user("eve", false, Some("ghost")),
        user("blocked", true, None),
        doc("a", "ann"),
        doc("b", "bob"),
        doc("lost", "ghost"),
        doc("half", "eve"),
    ])
}

#[test]
fn a_reference_that_leads_nowhere_is_decided_as_by_cedar() {
    let (sides, entities) = (BothSides::new(SCHEMA, POLICIES), entities());
    let cedar = sides.read(&entities).unwrap();
    let engine = sides.engine(&entities).unwrap();
    let mut answers = Vec::new();
    for user in ["ann", "bob", "eve"] {
        for doc in ["a", "b", "lost", "half"] {
            let asked = question(user, &uid("Doc", doc));
            let answer = sides.assert_agree(&engine, &cedar, &asked);
            answers.push((answer.allowed, answer.failed));
        }
    }
    let (yes, no, failed) = ((true, false), (false, false), (false, true));
    assert_eq!(
        answers,
        [
            yes, no, yes, failed, no, no, no, failed, failed, failed, failed, failed
        ]
    );
}

#[test]
fn a_search_is_not_taken_down_by_it() {
    let (sides, entities) = (BothSides::new(SCHEMA, POLICIES), entities());
    let engine = sides.engine(&entities).unwrap();
    let part = first_page(100, 1000);
    let ids = |wanted: Value| -> Vec<String> {
        let found = engine.find(&wanted, &part).unwrap();
        let ids = found.entities.iter();
        ids.map(|uid| AsRef::<str>::as_ref(uid.id()).to_owned())
            .collect()
    };
    let resources = question("ann", &json!({"type": "Doc"}));
    assert_eq!(ids(resources), ["a", "lost"]);
    let mut principals = question("ann", &uid("Doc", "lost"));
    principals["principal"] = json!({"type": "User"});
    assert_eq!(ids(principals), ["ann", "blocked"]);
}
