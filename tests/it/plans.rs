//! Plans over the wire and from the command line: the condition that a service puts into its own
//! query finds what would be allowed one by one.

mod age;
mod command;
mod dangling;
mod names;
mod table;

use std::time::Duration;

use peppol_authz_engine::text::duration;
use serde_json::{Value, json};

use crate::http::described::{ENTITIES, document, with_entities};
use crate::sidecar::{Reply, Sidecar, Start};
use table::Table;

/// The same with a second legal entity.
fn two_legal_entities() -> String {
    let mut entities: Value = serde_json::from_str(ENTITIES).unwrap();
    let mut other = entities[3].clone();
    other["uid"]["id"] = "le-2".into();
    other["attrs"]["id"] = "le-2".into();
    entities.as_array_mut().unwrap().push(other);
    entities.to_string()
}

/// The same with a sub-account that has full access, and one of the legal entities by name.
fn with_full_access() -> String {
    let mut entities: Value = serde_json::from_str(&two_legal_entities()).unwrap();
    let all = entities.as_array_mut().unwrap();
    let entity =
        |kind: &str, id: &str| json!({"__entity": {"type": format!("Peppol::{kind}"), "id": id}});
    all.push(json!({
        "uid": {"type": "Peppol::EmailAddress", "id": "s@acme.example"},
        "attrs": {"registered": false},
        "parents": [],
    }));
    all.push(json!({
        "uid": {"type": "Peppol::SubAccount", "id": "full"},
        "attrs": {
            "email": entity("EmailAddress", "s@acme.example"),
            "organisation": entity("Organisation", "acme"),
            "fullAccess": true,
        },
        "parents": [],
        "tags": {"le": entity("LegalEntity", "le")},
    }));
    entities.to_string()
}

fn wanted(principal: &str, action: &str, kind: &str) -> Value {
    json!({
        "principal": principal,
        "action": format!("Peppol::Action::\"{action}\""),
        "resource": {"type": format!("Peppol::{kind}")},
    })
}

fn documents_of_anna() -> Value {
    wanted("Peppol::User::\"anna\"", "viewDocument", "Document")
}

fn plan(sidecar: &Sidecar, wanted: &Value) -> Reply {
    sidecar.post("/v1/plan", wanted)
}

fn planned(sidecar: &Sidecar, wanted: &Value) -> Value {
    let reply = plan(sidecar, wanted);
    assert_eq!(reply.status, 200, "{wanted}: {}", reply.text);
    reply.json()
}

fn with(mut wanted: Value, member: &str, value: impl Into<Value>) -> Value {
    wanted[member] = value.into();
    wanted
}

/// How long a plan may be used.
fn max_age(answer: &Value) -> Duration {
    let text = answer["maxAge"].as_str().unwrap();
    duration::parse(text).unwrap_or_else(|| panic!("{text}"))
}

/// The ids of documents that are allowed one by one, each as its row describes it.
fn allowed(sidecar: &Sidecar, rows: &[(&str, Option<&str>)]) -> Vec<String> {
    let allowed = rows.iter().filter(|(id, legal_entity)| {
        let mut question = with(
            documents_of_anna(),
            "resource",
            format!("Peppol::Document::\"{id}\""),
        );
        let mut described = document(id);
        match legal_entity {
            Some(legal_entity) => {
                described["attrs"]["legalEntity"]["__entity"]["id"] = (*legal_entity).into();
            }
            None => {
                described["attrs"]
                    .as_object_mut()
                    .unwrap()
                    .remove("legalEntity");
            }
        }
        question["entities"] = json!([described]);
        let reply = sidecar.post("/v1/is_authorized", &question);
        reply.status == 200 && reply.json()["decision"] == "Allow"
    });
    allowed.map(|(id, _)| (*id).to_owned()).collect()
}

const ROWS: [(&str, Option<&str>); 7] = [
    ("d-1", Some("le")),
    ("d-2", Some("LE")),
    ("d-3", None),
    ("d-4", Some("le-2")),
    ("d-5", Some("le ")),
    ("d-6", Some("")),
    ("d-7", Some("le' OR TRUE --")),
];

#[test]
fn rows_that_the_condition_finds_are_those_that_are_allowed() {
    let sidecar = with_entities(&two_legal_entities()).start();
    let expected = allowed(&sidecar, &ROWS);
    assert_eq!(expected, ["d-1", "d-4"]);
    for dialect in ["sqlite", "postgresql"] {
        let wanted = with(documents_of_anna(), "dialect", dialect);
        let answer = planned(&sidecar, &wanted);
        assert_eq!(answer["kind"], "conditional");
        assert_eq!(
            answer["condition"],
            json!({"op": "in", "attribute": "legalEntity", "type": "Peppol::LegalEntity", "values": ["le", "le-2"]})
        );
        assert_eq!(answer["sql"]["parameters"], json!(["le", "le-2"]));
        assert_eq!(answer["sql"]["dialect"], dialect);
        assert!(max_age(&answer) <= Duration::from_secs(10), "{answer}");
        assert!(answer["policyRevision"].is_string() && answer["tenancyRevision"].is_string());
        let table = Table::of_documents("legalEntity", &ROWS);
        assert_eq!(table.found(&answer["sql"]), expected, "{answer}");
    }
}

#[test]
fn what_depends_on_no_row_is_always_or_never() {
    let mut entities: Value = serde_json::from_str(ENTITIES).unwrap();
    entities[1]["attrs"]["superadmin"] = true.into();
    let sidecar = with_entities(&entities.to_string()).start();
    let anna = "Peppol::User::\"anna\"";
    let always = planned(&sidecar, &wanted(anna, "getOrganisation", "Organisation"));
    assert_eq!(always["kind"], "always", "{always}");
    assert_eq!(always["condition"], json!({"op": "always"}));
    assert_eq!(always["sql"]["where"], "TRUE");
    let ghost = "Peppol::User::\"ghost\"";
    let never = planned(&sidecar, &wanted(ghost, "getOrganisation", "Organisation"));
    assert_eq!(never["kind"], "never", "{never}");
    assert_eq!(never["sql"]["where"], "FALSE");
    assert_eq!(never["sql"]["parameters"], json!([]));
    // A forbid that is certain.
    entities[1]["attrs"]["emailVerified"] = false.into();
    let sidecar = with_entities(&entities.to_string()).start();
    let never = planned(&sidecar, &wanted(anna, "getOrganisation", "Organisation"));
    assert_eq!(never["kind"], "never", "{never}");
}

/// More than a list may hold is an error, and never a part of it; or a condition on a table.
#[test]
fn a_list_that_would_be_too_long() {
    let start =
        || with_entities(&with_full_access()).variable("PEPPOL_AUTHZ_LIMITS__PLAN_IDS", "1");
    let sidecar = start().start();
    let reply = plan(&sidecar, &documents_of_anna());
    assert_eq!(reply.status, 422, "{}", reply.text);
    assert_eq!(reply.json()["code"], "PLAN_TOO_WIDE");
    let columns = json!({
        "Peppol::Document": {"legalEntity": "d.le"},
        // Qualified for another query of the service.
        "Peppol::LegalEntity": {"$table": "legal_entities", "$id": "key", "organisation": "l.org"},
    });
    let planned_for = |principal: &str| {
        let wanted = wanted(principal, "viewDocument", "Document");
        let wanted = with(wanted, "columns", columns.clone());
        planned(&sidecar, &with(wanted, "dialect", "sqlite"))
    };
    let answer = planned_for("Peppol::User::\"anna\"");
    assert_eq!(answer["condition"]["op"], "related", "{answer}");
    assert_eq!(
        answer["condition"]["condition"]["value"], "acme",
        "{answer}"
    );
    let table = Table::of_documents("le", &ROWS);
    table.run(
        "CREATE TABLE legal_entities (key TEXT, org TEXT);
         INSERT INTO legal_entities VALUES ('le', 'acme'), ('le-2', 'acme'), ('le ', 'globex'), ('', NULL), (NULL, 'acme')",
    );
    assert_eq!(table.found(&answer["sql"]), ["d-1", "d-4"], "{answer}");
    // Some are its own by name, and all are by its organisation.
    let answer = planned_for("Peppol::SubAccount::\"full\"");
    assert_eq!(answer["condition"]["op"], "related", "{answer}");
    assert_eq!(table.found(&answer["sql"]), ["d-1", "d-4"], "{answer}");
}

#[test]
fn a_request_that_does_not_fit() {
    let sidecar = Start::quickstart().start();
    let fits = wanted("Peppol::User::\"anna\"", "viewDocument", "Document");
    assert_eq!(plan(&sidecar, &fits).status, 200);
    for (member, value, detail) in [
        ("resource", json!("Peppol::Document::\"d\""), "resource"),
        ("resource", json!({"type": "Peppol::Doc"}), "resource"),
        (
            "resource",
            json!({"type": "Peppol::Organisation"}),
            "resource",
        ),
        ("principal", json!({"type": "Peppol::User"}), "principal"),
        ("action", json!(null), "action"),
        ("context", json!({"a": 1}), "context"),
        ("dialect", json!("oracle"), "dialect"),
        ("columns", json!([]), "columns"),
        ("columns", json!({"owner": "o"}), "columns.owner"),
        ("columns", json!({"direction": 1}), "columns.direction"),
        ("columns", json!({"direction": ""}), "columns.direction"),
        (
            "columns",
            json!({"direction": "a\u{0}b"}),
            "columns.direction",
        ),
        ("explain", json!(1), "explain"),
        ("surplus", json!(1), "surplus"),
    ] {
        let reply = plan(&sidecar, &with(fits.clone(), member, value.clone()));
        assert_eq!(reply.status, 400, "{member}: {value}: {}", reply.text);
        let text = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(text.contains(detail), "{member}: {value}: {text}");
    }
    let reply = plan(&sidecar, &with(fits, "explain", true));
    assert_eq!(reply.status, 403, "{}", reply.text);
}

/// A plan holds the state that is demanded, or there is none; and it may be used no longer than a
/// state may be old.
#[test]
fn a_plan_is_as_new_as_is_demanded() {
    let sidecar = Start::quickstart().start();
    let fits = wanted("Peppol::User::\"anna\"", "viewDocument", "Document");
    let first = planned(&sidecar, &fits);
    let again = with(fits.clone(), "atLeast", first["tenancyRevision"].clone());
    assert_eq!(planned(&sidecar, &again)["kind"], first["kind"]);
    let revision = first["tenancyRevision"].as_str().unwrap();
    let (_, place) = revision.split_once('-').unwrap();
    let other = with(fits.clone(), "atLeast", format!("0123456789abcdef-{place}"));
    assert_eq!(plan(&sidecar, &other).status, 409);
    let aged = planned(&sidecar, &with(fits, "maxAge", "200ms"));
    assert!(max_age(&aged) <= Duration::from_millis(200), "{aged}");
}
