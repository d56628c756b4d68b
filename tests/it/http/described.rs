//! Entities that the caller describes: those of types that the tenancy source does not serve.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::sidecar::{Sidecar, Start};

/// Some of a tenancy in Cedar's own form: who Anna is, and no documents.
pub(crate) const ENTITIES: &str = r#"[
  {"uid": {"type": "Peppol::EmailAddress", "id": "anna@acme.example"}, "attrs": {"registered": true}, "parents": []},
  {"uid": {"type": "Peppol::User", "id": "anna"}, "parents": [], "attrs": {
    "id": "anna", "emailVerified": true, "superadmin": false, "severalOrganisations": false,
    "email": {"__entity": {"type": "Peppol::EmailAddress", "id": "anna@acme.example"}}
  }, "tags": {"acme": [{"__entity": {"type": "Peppol::MemberRole", "id": "orgmember"}}]}},
  {"uid": {"type": "Peppol::Organisation", "id": "acme"}, "parents": [], "attrs": {
    "id": "acme", "contactTypes": [], "participantLimit": 10, "participants": 0,
    "mode": {"__entity": {"type": "Peppol::Mode", "id": "DEMO"}}
  }},
  {"uid": {"type": "Peppol::LegalEntity", "id": "le"}, "parents": [], "attrs": {
    "id": "le", "organisation": {"__entity": {"type": "Peppol::Organisation", "id": "acme"}}
  }}
]"#;

/// A document, as a caller describes it.
pub(crate) fn document(id: &str) -> Value {
    let legal_entity = json!({"__entity": {"type": "Peppol::LegalEntity", "id": "le"}});
    json!({
        "uid": {"type": "Peppol::Document", "id": id},
        "attrs": {"legalEntity": legal_entity, "direction": "SENT"},
        "parents": [],
    })
}

/// Over [`ENTITIES`], whether Anna may view the first document that the caller describes.
pub(crate) fn view_document() -> Value {
    json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"viewDocument\"",
        "resource": "Peppol::Document::\"d-0\"",
    })
}

/// To be started over a file of entities.
pub(crate) fn with_entities(entities: &str) -> Start {
    let start = Start::new();
    let path = start.path("entities.json");
    std::fs::write(&path, entities).unwrap();
    start.with(&["--tenancy", &format!("entities:{}", path.display())])
}

fn over_entities() -> Sidecar {
    with_entities(ENTITIES).start()
}

#[test]
fn an_entity_that_the_source_does_not_serve_is_described_by_the_caller() {
    let sidecar = over_entities();
    let unknown = sidecar.ask(&view_document());
    assert_eq!(unknown["reasons"][0]["code"], "UNKNOWN_RESOURCE");
    for member in ["entities", "additional_entities"] {
        let mut question = view_document();
        question[member] = json!([document("d-0")]);
        assert_eq!(sidecar.ask(&question)["decision"], "Allow", "{member}");
    }
    // An entity described in one question is not there in the next.
    assert_eq!(sidecar.ask(&view_document())["decision"], "Deny");
}

#[test]
fn an_entity_of_a_served_type_is_refused_also_in_the_first_question_of_all() {
    let mut entities: Value = serde_json::from_str(ENTITIES).unwrap();
    entities[1]["attrs"]["superadmin"] = true.into();
    let question = json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"updateOrganisation\"",
        "resource": "Peppol::Organisation::\"acme\"",
        "entities": [entities[1]],
    });
    let sidecar = over_entities();
    let reply = sidecar.post("/v1/is_authorized", &question);
    assert_eq!(reply.status, 400, "{}", reply.text);
    assert_eq!(reply.json()["code"], "ENTITY_OF_SERVED_TYPE");
}

#[test]
fn a_described_entity_that_refers_to_nothing_is_no_fault_of_the_store() {
    let sidecar = over_entities();
    let mut question = view_document();
    question["entities"] = json!([document("d-0")]);
    question["entities"][0]["attrs"]["legalEntity"]["__entity"]["id"] = "nowhere".into();
    let reply = sidecar.post("/v1/is_authorized", &question);
    assert_ne!(reply.json()["decision"], "Allow");
    assert!(reply.status < 500, "{}", reply.text);
}

/// Folders lie in folders or in organisations; what is locked may not be viewed, nor what is in it.
mod hierarchy {
    use super::*;

    const SCHEMA: &str = "
        entity User;
        entity Org in [Org];
        entity Folder in [Folder, Org];
        action view appliesTo { principal: User, resource: Folder };";

    const POLICIES: &str = r#"
        permit (principal, action == Action::"view", resource);
        forbid (principal, action == Action::"view", resource in Folder::"locked");
        forbid (principal, action == Action::"view", resource in Org::"locked");"#;

    /// `Org::"child"` is in `Org::"locked"`; folders are the caller's.
    const ORGANISATIONS: &str = r#"[
        {"uid": {"type": "User", "id": "u"}, "attrs": {}, "parents": []},
        {"uid": {"type": "Org", "id": "locked"}, "attrs": {}, "parents": []},
        {"uid": {"type": "Org", "id": "open"}, "attrs": {}, "parents": []},
        {"uid": {"type": "Org", "id": "child"}, "attrs": {}, "parents": [{"type": "Org", "id": "locked"}]}
    ]"#;

    fn start() -> Sidecar {
        let start = with_entities(ORGANISATIONS);
        let file = |name: &str, text: &str| -> PathBuf {
            let path = start.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        };
        let schema = file("tree.cedarschema", SCHEMA).display().to_string();
        let policies = file("policies/tree.cedar", POLICIES);
        let policies = policies.parent().unwrap().display().to_string();
        start
            .with(&["--schema", &schema, "--policies", &policies])
            .start()
    }

    fn folder(id: &str, (parent_type, parent): (&str, &str)) -> Value {
        json!({
            "uid": {"type": "Folder", "id": id},
            "attrs": {},
            "parents": [{"type": parent_type, "id": parent}],
        })
    }

    fn view(entities: &[&Value], additional: &[&Value]) -> Value {
        json!({
            "principal": "User::\"u\"",
            "action": "Action::\"view\"",
            "resource": "Folder::\"f\"",
            "entities": entities,
            "additional_entities": additional,
        })
    }

    #[track_caller]
    fn is_denied(sidecar: &Sidecar, question: &Value) {
        let answer = sidecar.ask(question);
        assert_eq!(answer["decision"], "Deny", "{question}");
    }

    #[test]
    fn a_parent_counts_and_so_does_the_parent_of_a_parent() {
        let sidecar = start();
        let open = folder("f", ("Org", "open"));
        assert_eq!(sidecar.ask(&view(&[&open], &[]))["decision"], "Allow");
        is_denied(&sidecar, &view(&[&folder("f", ("Folder", "locked"))], &[]));
        is_denied(&sidecar, &view(&[&folder("f", ("Org", "locked"))], &[]));
        let (low, high) = (
            folder("f", ("Folder", "g")),
            folder("g", ("Folder", "locked")),
        );
        is_denied(&sidecar, &view(&[&low, &high], &[]));
    }

    #[test]
    fn a_parent_that_is_described_in_the_other_member_counts() {
        let sidecar = start();
        let (low, high) = (
            folder("f", ("Folder", "g")),
            folder("g", ("Folder", "locked")),
        );
        is_denied(&sidecar, &view(&[&low], &[&high]));
        is_denied(&sidecar, &view(&[&high], &[&low]));
    }

    #[test]
    fn what_the_store_says_of_a_described_entity_s_parent_counts() {
        is_denied(&start(), &view(&[&folder("f", ("Org", "child"))], &[]));
    }

    #[test]
    fn what_is_described_twice_is_described_alike() {
        let sidecar = start();
        let (open, locked) = (folder("f", ("Org", "open")), folder("f", ("Org", "locked")));
        for question in [
            view(&[&open, &locked], &[]),
            view(&[&open], &[&locked]),
            view(&[&locked], &[&open]),
        ] {
            let reply = sidecar.post("/v1/is_authorized", &question);
            assert_eq!(reply.status, 400, "{}", reply.text);
            assert_eq!(reply.json()["code"], "MALFORMED_QUESTION");
        }
        assert_eq!(sidecar.ask(&view(&[&open], &[&open]))["decision"], "Allow");
    }

    #[test]
    fn what_is_its_own_ancestor_is_refused() {
        let sidecar = start();
        let (low, high) = (
            folder("f", ("Folder", "secret")),
            folder("secret", ("Folder", "f")),
        );
        for question in [view(&[&low, &high], &[]), view(&[&low], &[&high])] {
            let reply = sidecar.post("/v1/is_authorized", &question);
            assert_eq!(reply.status, 400, "{}", reply.text);
            assert!(!reply.text.contains("secret"), "{}", reply.text);
        }
    }

    #[test]
    fn more_entities_than_are_allowed_are_counted_and_not_looked_into() {
        let sidecar = start();
        // A mebibyte's worth, each in the next: to find all ancestors of each would take hours.
        let id = |i: usize| {
            if i == 0 {
                "f".to_owned()
            } else {
                format!("f{i}")
            }
        };
        let chain: Vec<Value> = (0..8000)
            .map(|i| folder(&id(i), ("Folder", &id(i + 1))))
            .collect();
        let reply = sidecar.post(
            "/v1/is_authorized",
            &view(&chain.iter().collect::<Vec<_>>(), &[]),
        );
        assert_eq!(reply.status, 400, "{}", reply.text);
        assert_eq!(reply.json()["code"], "MALFORMED_QUESTION");
    }
}
