//! A store that changes between an answer and the shadow's look: two states are no disagreement.

use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{CLOSED, WIDER, allowed, looked, of_result, policies, shadow_of};
use crate::postgres::scene::Over;
use crate::sidecar::{Sidecar, Start, project};

const BATCHES: u32 = 40;
const QUESTIONS: u32 = 100;

/// The first policies decide by the mode of the organisation.
fn start(shadow: &str) -> Start {
    let start = Start::quickstart();
    let first = start.path("first");
    policies(&first, CLOSED);
    let start = start.with(&["--policies", first.to_str().unwrap()]);
    shadow_of(start, shadow).0
}

/// Turns the mode to and fro while questions are asked, and lets the shadow lag behind.
fn toggled(sidecar: &Sidecar) -> Vec<Value> {
    let over = Over::default();
    let mut results = Vec::new();
    std::thread::scope(|scope| {
        let _until = over.until();
        scope.spawn(|| {
            let database = Connection::open(sidecar.path("tenancy.db")).unwrap();
            database.busy_timeout(Duration::from_secs(5)).unwrap();
            for mode in ["SHARED", "DEMO"].into_iter().cycle() {
                let write = "UPDATE organisation SET mode = ?1 WHERE id = 'acme'";
                database.execute(write, [mode]).unwrap();
                if over.is() {
                    break;
                }
            }
        });
        let batch = json!({"requests": vec![allowed(); QUESTIONS as usize]});
        for _ in 0..BATCHES {
            let reply = sidecar.post("/v1/batch_is_authorized", &batch);
            assert_eq!(reply.status, 200, "{}", reply.text);
            results.extend(reply.json()["results"].as_array().unwrap().iter().cloned());
        }
    });
    results
}

#[track_caller]
fn no_false_disagreement(start: Start, least: u32) {
    let start = start.variable("PEPPOL_AUTHZ_SHADOW__CAPACITY", "100000");
    let sidecar = start.start();
    let results = toggled(&sidecar);
    let denied = results.iter().filter(|result| result["decision"] == "Deny");
    let (all, denied) = (results.len(), denied.count());
    // Or nothing was written between the answers.
    assert!(
        denied > all / 10 && denied < all - all / 10,
        "{denied} of {all}"
    );
    let samples = looked(&sidecar, BATCHES * QUESTIONS);
    assert_eq!(samples.sum("shadow_disagreements_total"), 0.0);
    let (agreed, unsettled) = (
        of_result(&samples, "agreed"),
        of_result(&samples, "unsettled"),
    );
    assert_eq!(agreed + unsettled, f64::from(BATCHES * QUESTIONS));
    assert!(agreed >= f64::from(least), "{agreed}");
}

#[test]
fn the_same_policies_agree_while_somebody_writes() {
    no_false_disagreement(start(CLOSED), BATCHES * QUESTIONS);
}

/// They say the same and look at more, so that the shadow has to read by itself.
#[test]
fn policies_that_look_at_more_agree_while_somebody_writes() {
    let start = start(&format!("{CLOSED}{WIDER}"));
    no_false_disagreement(start, BATCHES * QUESTIONS);
}

#[test]
fn and_so_they_do_where_nothing_is_kept_in_memory() {
    let start = start(&format!("{CLOSED}{WIDER}"));
    let start = start.variable("PEPPOL_AUTHZ_CACHE__ENABLED", "false");
    no_false_disagreement(start, BATCHES * QUESTIONS);
}

/// Of two schemas each set reads for itself, until both have read one state.
#[test]
fn policies_of_another_schema_agree_while_somebody_writes() {
    let start = start(CLOSED);
    let path = start.path("next.cedarschema");
    let shipped = std::fs::read_to_string(project("schema/peppol.cedarschema")).unwrap();
    std::fs::write(&path, format!("// Next.\n{shipped}")).unwrap();
    let start = start.variable("PEPPOL_AUTHZ_SHADOW__SCHEMA", path.to_str().unwrap());
    no_false_disagreement(start, QUESTIONS);
}
