//! Properties that the surfaces of a search have in common.

use serde_json::{Value, json};

use super::{documents, ids, search, wanted, with};
use crate::deciding::{Deciding, entity, first_page};
use crate::sidecar::{Sidecar, Start};

/// All pages of an AuthZEN search.
fn authzen(sidecar: &Sidecar, path: &str, body: &Value, limit: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut page = json!({ "limit": limit });
    loop {
        let mut body = body.clone();
        body["page"] = page;
        let reply = sidecar.post(&format!("/access/v1/search/{path}"), &body);
        assert_eq!(reply.status, 200, "{}", reply.text);
        let reply = reply.json();
        let results = reply["results"].as_array().unwrap();
        assert_eq!(reply["page"]["count"], results.len());
        assert!(results.len() <= limit);
        found.extend(
            results
                .iter()
                .map(|it| it["id"].as_str().unwrap().to_owned()),
        );
        match reply["page"]["next_token"].as_str().unwrap() {
            "" => return found,
            // Without the limit, which the token knows.
            token => page = json!({ "token": token }),
        }
    }
}

#[test]
fn authzen_finds_what_the_native_search_finds() {
    let sidecar = Start::new().documents(&documents(12)).start();
    for (user, count) in [("root", 12), ("anna", 0)] {
        let native = ids(&search(&sidecar, &wanted(user, "getOrganisation")));
        assert_eq!(native.len(), count);
        let body = json!({
            "subject": {"type": "user", "id": user},
            "action": {"name": "get_organisation"},
            "resource": {"type": "organisation"},
        });
        for limit in [1, 5, 12, 100] {
            assert_eq!(authzen(&sidecar, "resource", &body, limit), native);
        }
    }
    let native = json!({
        "principal": {"type": "Peppol::User"},
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": "Peppol::Organisation::\"o03\"",
    });
    let native = ids(&search(&sidecar, &native));
    assert_eq!(native, ["root"]);
    let body = json!({
        "subject": {"type": "user"},
        "action": {"name": "get_organisation"},
        "resource": {"type": "organisation", "id": "o03"},
    });
    assert_eq!(authzen(&sidecar, "subject", &body, 1), native);
}

/// Two actions may have one id, in namespaces of their own.
#[test]
fn pages_of_actions_lose_none_of_two_namespaces() {
    const SCHEMA: &str = "
        entity User;
        namespace A { action see, tell appliesTo { principal: User, resource: User }; }
        namespace B { action see, hear appliesTo { principal: User, resource: User }; }";
    let users = json!([entity("User", "u", json!({}), &[])]);
    let deciding = Deciding::of(
        SCHEMA,
        "@id(\"p/p\") permit (principal, action, resource);",
        &users,
    );
    let wanted = json!({"principal": "User::\"u\"", "resource": "User::\"u\""});
    for limit in 1..5 {
        let mut part = first_page(limit, 10);
        let mut actions = Vec::new();
        loop {
            let found = deciding.find(&wanted, &part).unwrap();
            assert!(found.entities.len() <= limit);
            actions.extend(found.entities.iter().map(ToString::to_string));
            if !found.more {
                break;
            }
            part.after = found.last;
        }
        assert_eq!(
            actions,
            [
                "A::Action::\"see\"",
                "A::Action::\"tell\"",
                "B::Action::\"hear\"",
                "B::Action::\"see\""
            ]
        );
    }
}

/// Each level of these is read for either outcome of the one inside: all of them would be
/// more than can be read.
#[test]
fn conditions_in_conditions_come_to_an_end() {
    const SCHEMA: &str = "
        entity User;
        entity Doc = { a: Bool, b: Bool };
        action see appliesTo { principal: User, resource: Doc };";
    let mut when = "resource.a".to_owned();
    for _ in 0..40 {
        when = format!("if {when} then resource.a else resource.b");
    }
    let doc = |id: &str, a: bool| entity("Doc", id, json!({"a": a, "b": false}), &[]);
    let entities = json!([
        entity("User", "u", json!({}), &[]),
        doc("x", true),
        doc("y", false)
    ]);
    let policy = format!("@id(\"p/p\") permit (principal, action, resource) when {{ {when} }};");
    let deciding = Deciding::of(SCHEMA, &policy, &entities);
    let wanted = json!({
        "principal": "User::\"u\"",
        "action": "Action::\"see\"",
        "resource": {"type": "Doc"},
    });
    let part = first_page(10, 10);
    let found = deciding.find(&wanted, &part).unwrap();
    let found: Vec<_> = found.entities.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["Doc::\"x\""]);
}

/// Residuals tell the text of policies, and name entities of the store.
#[test]
fn a_search_is_explained_to_whom_a_decision_would_be() {
    const KEY: &str = "0123456789abcdef0123456789abcdef";
    let body = with(wanted("root", "getOrganisation"), "explain", true);
    let body = body.to_string();
    for (allow, key, sent, status) in [
        (None, None, None, 403),
        (Some("nobody"), None, Some(KEY), 403),
        (Some("key"), Some(KEY), None, 403),
        (Some("key"), Some(KEY), Some("another"), 403),
        (Some("key"), Some(KEY), Some(KEY), 200),
        (Some("all"), None, None, 200),
    ] {
        let mut start = Start::new().documents(&documents(1));
        if let Some(allow) = allow {
            start = start.variable("PEPPOL_AUTHZ_EXPLAIN__ALLOW", allow);
        }
        if let Some(key) = key {
            let path = start.path("explain.key");
            std::fs::write(&path, key).unwrap();
            let path = path.display().to_string();
            start = start.variable("PEPPOL_AUTHZ_EXPLAIN__KEY_FILE", &path);
        }
        let sidecar = start.start();
        let bearer = format!("Bearer {}", sent.unwrap_or_default());
        let headers: &[(&str, &str)] = match sent {
            Some(_) => &[("authorization", &bearer)],
            None => &[],
        };
        let reply = sidecar.send("/v1/search", headers, body.as_bytes());
        assert_eq!(reply.status, status, "{allow:?} {sent:?} {}", reply.text);
        assert_eq!(reply.text.contains("residual"), status == 200);
    }
}
