//! Searches over the wire: limits, tokens, and one state for each result.

mod states;
mod surfaces;
mod tokens;

use serde_json::{Value, json};

use crate::limits::is_refused;
use crate::postgres::server::SHARED;
use crate::sidecar::{Reply, Sidecar, Start};

/// Organisations `o00`, `o01`, …, and `root`, who may get each of them.
fn documents(organisations: usize) -> Vec<Value> {
    let mut documents = vec![
        json!({"type": "USER", "id": "root", "email": "r@a.example", "emailVerified": true, "superadmin": true}),
        json!({"type": "USER", "id": "anna", "email": "a@a.example", "emailVerified": true, "superadmin": false}),
    ];
    documents.extend((0..organisations).map(|number| {
        json!({"type": "ORGANISATION", "id": format!("o{number:02}"), "legalIdentifierCode": "SE_ORGNR",
            "legalIdentifier": format!("{number}"), "organisationMode": "DEMO", "modeChangeRequest": null,
            "contacts": []})
    }));
    documents
}

/// On what may they do this?
fn wanted(principal: &str, action: &str) -> Value {
    json!({
        "principal": format!("Peppol::User::\"{principal}\""),
        "action": format!("Peppol::Action::\"{action}\""),
        "resource": {"type": "Peppol::Organisation"},
    })
}

fn search(sidecar: &Sidecar, wanted: &Value) -> Reply {
    sidecar.post("/v1/search", wanted)
}

fn ids(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let reply = reply.json();
    let results = reply["results"].as_array().unwrap();
    let ids = results
        .iter()
        .map(|it| it["id"].as_str().unwrap().to_owned());
    ids.collect()
}

fn with(mut wanted: Value, member: &str, value: impl Into<Value>) -> Value {
    wanted[member] = value.into();
    wanted
}

/// A search that needs more is refused, and never cut.
#[test]
fn no_more_candidates_are_decided_than_may_be() {
    let start = || {
        Start::new()
            .documents(&documents(30))
            .variable("PEPPOL_AUTHZ_LIMITS__CANDIDATES", "10")
    };
    let database = SHARED.database();
    for start in [start(), start().with(&["--tenancy", &database.url()])] {
        let sidecar = start.start();
        let all = wanted("root", "getOrganisation");
        for limit in [10, 11, 1000] {
            let reply = search(&sidecar, &with(all.clone(), "limit", limit));
            is_refused(&reply, 422, "SEARCH_TOO_WIDE");
            assert!(reply.json().get("results").is_none());
        }
        is_refused(&search(&sidecar, &all), 422, "SEARCH_TOO_WIDE");
        // Pages that need no more are all there.
        let mut found = Vec::new();
        let mut page = with(all, "limit", 9);
        loop {
            let reply = search(&sidecar, &page);
            found.extend(ids(&reply));
            match reply.json().get("nextToken") {
                Some(token) => page["token"] = token.clone(),
                None => break,
            }
        }
        let every: Vec<String> = (0..30).map(|number| format!("o{number:02}")).collect();
        assert_eq!(found, every);
        // Nothing needs to be decided of what the store can tell apart.
        let none = search(&sidecar, &wanted("anna", "getOrganisation"));
        assert_eq!(ids(&none), [""; 0]);
    }
}

#[test]
fn as_many_candidates_as_may_be_decided_are_found() {
    let sidecar = Start::new()
        .documents(&documents(10))
        .variable("PEPPOL_AUTHZ_LIMITS__CANDIDATES", "10")
        .start();
    let reply = search(&sidecar, &wanted("root", "getOrganisation"));
    assert_eq!(ids(&reply).len(), 10);
    assert!(reply.json().get("nextToken").is_none());
}
