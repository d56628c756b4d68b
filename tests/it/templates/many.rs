//! Thousands of links: a question is decided by those that can match it, and a search finds by them.

use std::fmt::Write as _;
use std::sync::Arc;

use peppol_authz_engine::SearchPage;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::store::EntitiesFile;
use serde_json::{Value, json};

use super::{POLICIES, SCHEMA};
use crate::deciding::{Deciding, entity, first_page, linked_bundle, question};

const MANY: usize = 500;

/// Each user is in a team of its own, and each plan in a folder. The team sees the folder; user and folder
/// have another link each.
fn links() -> String {
    let mut text = String::new();
    for number in 0..MANY {
        write!(
            text,
            "[[link]]\nid = \"see/{number}\"\ntemplate = \"share/viewer\"\n\
             principal = 'Team::\"{number}\"'\nresource = 'Folder::\"{number}\"'\n\
             [[link]]\nid = \"edit/{number}\"\ntemplate = \"share/editor\"\n\
             principal = 'User::\"{number}\"'\nresource = 'Plan::\"{number}\"'\n"
        )
        .unwrap();
    }
    text
}

fn entities() -> Value {
    let owner = json!({"__entity": {"type": "User", "id": "nobody"}});
    let mut all = Vec::new();
    for number in 0..MANY {
        let id = number.to_string();
        all.push(entity("Team", &id, json!({}), &[]));
        all.push(entity(
            "User",
            &id,
            json!({"blocked": false}),
            &[("Team", &id)],
        ));
        all.push(entity("Folder", &id, json!({"owner": owner}), &[]));
        let plan = json!({"owner": owner, "open": true});
        all.push(entity("Plan", &id, plan, &[("Folder", &id)]));
    }
    all.into()
}

/// The policies that a question of one user about one plan is decided by.
fn looked_at(bundle: &Bundle, entities: &cedar_policy::Entities) -> usize {
    let [principal, action, resource] =
        ["User::\"7\"", "Action::\"see\"", "Plan::\"7\""].map(|text| text.parse().unwrap());
    let (user, plan) = ("User".parse().unwrap(), "Plan".parse().unwrap());
    let shard = bundle.shard(&action, &user, &plan).unwrap();
    let sets = shard.policies_for(&principal, &resource, entities);
    sets.map(cedar_policy::PolicySet::num_of_policies).sum()
}

#[test]
fn only_the_links_of_a_question_are_looked_at() {
    let bundle = linked_bundle(SCHEMA, POLICIES, Some(&links()));
    assert_eq!(bundle.policies().len(), 2 * MANY + 1);
    let cedar = cedar_policy::Entities::from_json_value(entities(), None).unwrap();
    assert_eq!(looked_at(&bundle, &cedar), 3);

    let store = EntitiesFile::parse(entities().to_string().as_bytes()).unwrap();
    let deciding = Deciding::over(store, Arc::clone(&bundle));
    for (user, action, plan, allowed) in [
        ("7", "see", "7", true),
        ("7", "edit", "7", true),
        ("7", "see", "8", false),
        ("8", "edit", "7", false),
    ] {
        let asked = question(
            &format!("User::\"{user}\""),
            action,
            &format!("Plan::\"{plan}\""),
        );
        match allowed {
            true => deciding.assert_allowed(&asked),
            false => deciding.assert_denied(&asked, &["NOT_PERMITTED"]),
        }
    }
    // Few policies are left to look for by, whichever side is looked for.
    for (principal, resource) in [
        (json!("User::\"7\""), json!({"type": "Plan"})),
        (json!({"type": "User"}), json!("Plan::\"7\"")),
    ] {
        for action in ["see", "edit"] {
            let asked = json!({
                "principal": principal,
                "action": format!("Action::\"{action}\""),
                "resource": resource,
            });
            let page = SearchPage {
                explain: true,
                ..first_page(10, MANY)
            };
            let found = deciding.find(&asked, &page).unwrap();
            assert_eq!(found.entities.len(), 1, "{asked}: {found:?}");
            let left = found.residual.policies.len();
            assert!(left <= 3, "{asked}: {found:?}");
        }
    }
}
