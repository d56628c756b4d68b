//! A batch is answered from one state of the store, also while others change it.

use std::collections::BTreeMap;

use serde_json::json;

use crate::sidecar::{Start, program};

/// Documents that give or take the contact that a mode change needs.
fn contact(start: &Start, kind: &str) -> String {
    let path = start.path(&format!("{kind}.ndjson"));
    let organisation = json!({
        "type": "ORGANISATION", "id": "acme", "legalIdentifierCode": "SE_ORGNR",
        "legalIdentifier": "556123-4567", "organisationMode": "DEMO", "modeChangeRequest": null,
        "contacts": [{"contactType": kind}],
    });
    std::fs::write(&path, organisation.to_string()).unwrap();
    path.display().to_string()
}

#[test]
fn a_batch_is_answered_from_one_state_while_others_change_the_store() {
    let start = Start::quickstart();
    let files = [contact(&start, "BUSINESS"), contact(&start, "TECHNICAL")];
    let sidecar = start.start();
    let tenancy = format!("sqlite:{}", sidecar.path("tenancy.db").display());
    let writer = std::thread::spawn(move || {
        for file in files.iter().cycle().take(10) {
            let done = program()
                .args(["import", "--tenancy", &tenancy, file])
                .output()
                .unwrap();
            assert!(done.status.success(), "{done:?}");
        }
    });
    let question = json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"requestModeChange\"",
        "resource": "Peppol::Organisation::\"acme\"",
        "context": {"requestedMode": "SHARED"},
    });
    let batch = json!({"requests": vec![question; 500]});
    let mut states = BTreeMap::new();
    let mut is_last = false;
    while !is_last {
        is_last = writer.is_finished();
        let reply = sidecar.post("/v1/batch_is_authorized", &batch);
        assert_eq!(reply.status, 200, "{}", reply.text);
        let reply = reply.json();
        let results = reply["results"].as_array().unwrap();
        let first = (&results[0]["tenancyRevision"], &results[0]["decision"]);
        for result in results {
            assert_eq!((&result["tenancyRevision"], &result["decision"]), first);
        }
        let decision = first.1.to_string();
        let seen = states
            .entry(first.0.to_string())
            .or_insert_with(|| decision.clone());
        assert_eq!(*seen, decision, "one state, one decision");
    }
    writer.join().unwrap();
    assert!(states.len() > 1, "{states:?}");
}
