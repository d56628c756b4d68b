//! Thousands of links: a question is decided by those that can match it, and a search finds by them.

use std::fmt::Write as _;
use std::sync::Arc;

use cedar_policy::EntityUid;
use peppol_authz_engine::policy::{Bundle, Link};
use peppol_authz_engine::store::{EntitiesFile, LinkRow};
use peppol_authz_engine::{Failure, RowPlanOptions, SearchPage};
use serde_json::{Value, json};

use super::{POLICIES, SCHEMA};
use crate::deciding::{
    Deciding, Refused, entity, first_page, linked_bundle, plan_options, question,
};

const MANY: usize = 500;

const BLOCKED: &str = r#"
@id("share/blocked")
permit (principal in ?principal, action, resource in ?resource) when { principal.blocked };
"#;

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

    let store = || EntitiesFile::parse(entities().to_string().as_bytes()).unwrap();
    finds_by_few(&Deciding::over(store(), Arc::clone(&bundle)));
    // The same links in the store.
    let stored = linked_bundle(SCHEMA, POLICIES, Some("stored = true"));
    let links = rows(
        bundle
            .policies()
            .iter()
            .filter_map(|info| info.link.as_ref()),
    );
    let with = |links| Deciding::over(store().with_links(links), Arc::clone(&stored));
    finds_by_few(&with(links.clone()));

    // One user with so many that no condition could name the folders.
    let of_user = |number: usize, template: &str| LinkRow {
        link: Some(format!("all/{number}")),
        template: Some(template.to_owned()),
        principal_type: Some("User".to_owned()),
        principal_id: Some("7".to_owned()),
        resource_type: Some("Folder".to_owned()),
        resource_id: Some(number.to_string()),
    };
    let mut more = links.clone();
    more.extend((0..MANY).map(|number| of_user(number, "share/viewer")));
    let deciding = with(more);
    let wanted = |action: &str| {
        json!({
            "principal": "User::\"7\"",
            "action": format!("Action::\"{action}\""),
            "resource": {"type": "Plan"},
        })
    };
    for (action, count) in [("see", MANY), ("edit", 1)] {
        let found = deciding
            .find(&wanted(action), &first_page(MANY, MANY))
            .unwrap();
        assert_eq!(found.entities.len(), count, "{action}");
    }
    // All or an error.
    let part = deciding.find(&wanted("see"), &first_page(MANY, MANY / 2));
    assert!(
        matches!(part, Err(Refused::Failed(Failure::TooWide(_)))),
        "{part:?}"
    );
    let options = RowPlanOptions {
        ids: MANY / 2,
        ..plan_options()
    };
    let plan = deciding.plan(&wanted("see"), &options);
    assert!(
        matches!(plan, Err(Refused::Failed(Failure::PlanTooWide { .. }))),
        "{plan:?}"
    );
    assert!(deciding.plan(&wanted("edit"), &options).is_ok());

    // One that counts, behind many that do not.
    let mut more = links;
    more.extend((0..MANY).map(|number| {
        let counts = number == 99;
        of_user(
            number,
            if counts {
                "share/editor"
            } else {
                "share/blocked"
            },
        )
    }));
    let policies = format!("{POLICIES}{BLOCKED}");
    let bundle = linked_bundle(SCHEMA, &policies, Some("stored = true"));
    let deciding = Deciding::over(store().with_links(more), bundle);
    let found = deciding
        .find(&wanted("edit"), &first_page(MANY, MANY))
        .unwrap();
    let ids = found.entities.iter().map(|uid| uid.id().unescaped());
    assert_eq!(ids.collect::<Vec<_>>(), ["7", "99"]);
}

/// Links as rows of a store.
fn rows<'a>(links: impl Iterator<Item = &'a Arc<Link>>) -> Vec<LinkRow> {
    let columns = |uid: &Option<EntityUid>| {
        (
            uid.as_ref().map(|uid| uid.type_name().to_string()),
            uid.as_ref().map(|uid| uid.id().unescaped().to_owned()),
        )
    };
    let row = |link: &Arc<Link>| {
        let (principal, resource) = (columns(&link.principal), columns(&link.resource));
        LinkRow {
            link: Some(link.id.to_string()),
            template: Some(link.template.to_string()),
            principal_type: principal.0,
            principal_id: principal.1,
            resource_type: resource.0,
            resource_id: resource.1,
        }
    };
    links.map(row).collect()
}

fn finds_by_few(deciding: &Deciding) {
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
