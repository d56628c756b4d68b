//! An operator whose documents live elsewhere drops that view of the database,
//! and the caller describes the document.

use serde_json::{Value, json};

use super::verdict;
use crate::sidecar::{Sidecar, Start, program};
use crate::store::imported;

fn view_document(entities: &Value) -> Value {
    json!({
        "principal": "Peppol::SubAccount::\"sa-1\"",
        "action": "Peppol::Action::\"viewDocument\"",
        "resource": "Peppol::Document::\"elsewhere\"",
        "entities": entities,
    })
}

fn document(legal_entity: &str) -> Value {
    json!({
        "uid": {"type": "Peppol::Document", "id": "elsewhere"},
        "attrs": {"legalEntity": legal_entity, "direction": "RECEIVED"},
        "parents": [],
    })
}

fn without_documents() -> Sidecar {
    let start = Start::new();
    let path = start.path("tenancy.db");
    drop(imported(&path));
    rusqlite::Connection::open(path)
        .unwrap()
        .execute_batch("DROP VIEW \"Peppol::Document\"")
        .unwrap();
    start.start()
}

fn assert_served(sidecar: &Sidecar, entities: &Value) {
    let reply = sidecar.post("/v1/is_authorized", &view_document(entities));
    assert_eq!(reply.status, 400, "{}", reply.text);
    assert_eq!(reply.json()["code"], "ENTITY_OF_SERVED_TYPE");
}

#[test]
fn a_type_whose_view_is_dropped_is_described_by_the_caller() {
    let sidecar = without_documents();
    for (legal_entity, wanted) in [("le-1", "Allow"), ("le-2", "Allow")] {
        let entities = json!([document(legal_entity)]);
        let answer = sidecar.ask(&view_document(&entities));
        assert_eq!(verdict(&answer), wanted);
    }
    // The store alone speaks of the document's legal entity.
    let stranger = json!({
        "uid": {"type": "Peppol::LegalEntity", "id": "le-3"},
        "attrs": {"id": "le-1", "organisation": "acme"},
        "parents": [],
    });
    assert_served(&sidecar, &json!([document("le-3"), stranger]));
}

/// Nobody says that there is such a document: it is unknown, and the store is well.
#[test]
fn what_nobody_describes_is_unknown() {
    let sidecar = without_documents();
    let reply = sidecar.post("/v1/is_authorized", &view_document(&json!([])));
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(verdict(&reply.json()), "UNKNOWN_RESOURCE");
}

#[test]
fn while_the_view_is_there_the_store_alone_speaks() {
    let start = Start::new();
    drop(imported(&start.path("tenancy.db")));
    assert_served(&start.start(), &json!([document("le-1")]));
}

/// Of a type that the store does not serve nobody knows what is not held: it is not taken for absent.
#[test]
fn a_type_of_absent_ids_that_is_not_served_is_unknown() {
    let start = Start::new();
    let path = start.path("tenancy.db");
    drop(imported(&path));
    let dropped = "DROP VIEW \"Peppol::ParticipantIdentifier\"; DROP VIEW \"Peppol::EmailAddress\"";
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch(dropped).unwrap();
    let log = start.path("d.log");
    let to_log = format!("file:{}", log.display());
    let mut sidecar = start
        .with(&["--decision-log", &to_log, "--log-slice"])
        .start();
    let ask = |action: &str, resource: &str, context: Value, entities: Value| {
        sidecar.ask(&json!({
            "principal": "Peppol::User::\"anna\"",
            "action": format!("Peppol::Action::\"{action}\""),
            "resource": resource,
            "context": context,
            "entities": entities,
        }))
    };
    let described = |kind: &str, id: &str, registered: bool| {
        let uid = json!({"type": format!("Peppol::{kind}"), "id": id});
        json!([{"uid": uid, "attrs": {"registered": registered}, "parents": []}])
    };
    let (free, taken) = (
        "iso6523-actorid-upis::0088:new",
        "iso6523-actorid-upis::0088:abc",
    );
    for (participant, entities, wanted) in [
        (free, json!([]), "UNKNOWN_ENTITY"),
        (taken, json!([]), "UNKNOWN_ENTITY"),
        (
            free,
            described("ParticipantIdentifier", free, false),
            "Allow",
        ),
        (
            taken,
            described("ParticipantIdentifier", taken, true),
            "PARTICIPANT_TAKEN",
        ),
    ] {
        let context = json!({"environment": "TEST", "participant": participant});
        let organisation = "Peppol::Organisation::\"acme\"";
        let answer = ask("createParticipant", organisation, context, entities);
        assert_eq!(verdict(&answer), wanted, "{participant}");
    }
    let legal_entity = "Peppol::LegalEntity::\"le-1\"";
    let context = json!({"email": "foo@bar.com"});
    let answer = ask("createSubAccount", legal_entity, context, json!([]));
    assert_eq!(verdict(&answer), "UNKNOWN_ENTITY");
    // A replay finds the same.
    sidecar.stop();
    let replayed = program().arg("replay").arg(&log).output().unwrap();
    let text = String::from_utf8(replayed.stdout).unwrap();
    assert!(text.contains("5 the same, 0 changed"), "{text}");
}

/// A store without that view, in which nothing else was changed.
fn without(view: &str) -> Sidecar {
    let start = Start::new();
    let path = start.path("tenancy.db");
    drop(imported(&path));
    rusqlite::Connection::open(path)
        .unwrap()
        .execute_batch(&format!("DROP VIEW \"Peppol::{view}\""))
        .unwrap();
    start.start()
}

/// Stored documents refer to legal entities, and these to organisations. What such a one is stays
/// the store's word, though it has none: the caller would say whose the document is.
#[test]
fn a_type_that_a_view_refers_to_is_not_described() {
    let sidecar = without("LegalEntity");
    let legal_entity = json!({
        "uid": {"type": "Peppol::LegalEntity", "id": "le-1"},
        "attrs": {"id": "le-1", "organisation": "acme"},
        "parents": [],
    });
    assert_served(&sidecar, &json!([legal_entity]));
    let described = sidecar.get("/openapi.json").json();
    let entities = &described["components"]["schemas"]["Question"];
    assert!(!entities.to_string().contains("\"attrs\""), "{entities}");
}

/// By the properties of AuthZEN neither: they are dropped.
#[test]
fn a_type_that_a_view_refers_to_has_no_properties() {
    let sidecar = without("LegalEntity");
    let reply = sidecar.post(
        "/access/v1/evaluation",
        &json!({
            "subject": {"type": "User", "id": "olivia"},
            "action": {"name": "getLegalEntity"},
            "resource": {"type": "LegalEntity", "id": "le-1",
                "properties": {"id": "le-1", "organisation": "acme"}},
        }),
    );
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.json()["decision"], false, "{}", reply.text);
}
