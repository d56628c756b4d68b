//! A store that changes between an answer and the shadow's look: two states are no disagreement.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::json;

use super::{CLOSED, WIDER, allowed, looked, of_result, policies, shadow_of};
use crate::eventually::PATIENCE;
use crate::over::Over;
use crate::sidecar::{Sidecar, Start, project};

/// At least so many, of which each is answered in one state.
const BATCHES: usize = 40;
const QUESTIONS: usize = 100;
/// Batches that have to be denied, and to be allowed.
const EACH: usize = 5;

/// The first policies decide by the mode of the organisation.
fn start(shadow: &str) -> Start {
    let start = Start::quickstart();
    let first = start.path("first");
    policies(&first, CLOSED);
    let start = start.with(&["--policies", first.to_str().unwrap()]);
    shadow_of(start, shadow).0
}

/// Turns the mode to and fro while questions are asked, and lets the shadow lag behind.
fn toggled(sidecar: &Sidecar) -> u32 {
    let over = Over::default();
    let end = Instant::now() + PATIENCE;
    let (mut allowed_batches, mut denied_batches) = (0, 0);
    std::thread::scope(|scope| {
        let _until = over.until();
        scope.spawn(|| {
            let database = Connection::open(sidecar.path("tenancy.db")).unwrap();
            database.busy_timeout(Duration::from_secs(5)).unwrap();
            // Nothing of this has to last.
            database.pragma_update(None, "synchronous", "OFF").unwrap();
            for mode in ["SHARED", "DEMO"].into_iter().cycle() {
                let write = "UPDATE organisation SET mode = ?1 WHERE id = 'acme'";
                database.execute(write, [mode]).unwrap();
                if over.is() {
                    break;
                }
            }
        });
        let batch = json!({"requests": vec![allowed(); QUESTIONS]});
        while allowed_batches + denied_batches < BATCHES
            || allowed_batches.min(denied_batches) < EACH
        {
            let reply = sidecar.post("/v1/batch_is_authorized", &batch);
            assert_eq!(reply.status, 200, "{}", reply.text);
            match reply.json()["results"][0]["decision"].as_str().unwrap() {
                "Allow" => allowed_batches += 1,
                _ => denied_batches += 1,
            }
            // Or nothing is written between the answers.
            assert!(
                Instant::now() < end,
                "{denied_batches} denied, {allowed_batches} allowed"
            );
        }
    });
    u32::try_from((allowed_batches + denied_batches) * QUESTIONS).unwrap()
}

/// All are settled, or all but some.
#[track_caller]
fn no_false_disagreement(start: Start, settles_all: bool) {
    let start = start.variable("PEPPOL_AUTHZ_SHADOW__CAPACITY", "100000");
    let sidecar = start.start();
    let asked = toggled(&sidecar);
    let samples = looked(&sidecar, asked);
    assert_eq!(samples.sum("shadow_disagreements_total"), 0.0);
    let (agreed, unsettled) = (
        of_result(&samples, "agreed"),
        of_result(&samples, "unsettled"),
    );
    assert_eq!(agreed + unsettled, f64::from(asked));
    assert!(
        agreed > 0.0 && (unsettled == 0.0 || !settles_all),
        "{agreed} {unsettled}"
    );
}

#[test]
fn the_same_policies_agree_while_somebody_writes() {
    no_false_disagreement(start(CLOSED), true);
}

/// They say the same and look at more, so that the shadow has to read by itself.
#[test]
fn policies_that_look_at_more_agree_while_somebody_writes() {
    let start = start(&format!("{CLOSED}{WIDER}"));
    no_false_disagreement(start, true);
}

#[test]
fn and_so_they_do_where_nothing_is_kept_in_memory() {
    let start = start(&format!("{CLOSED}{WIDER}"));
    let start = start.variable("PEPPOL_AUTHZ_CACHE__ENABLED", "false");
    no_false_disagreement(start, true);
}

/// Under two schemas each set reads for itself, until both have read one state.
#[test]
fn policies_of_another_schema_agree_while_somebody_writes() {
    let start = start(CLOSED);
    let path = start.path("next.cedarschema");
    let shipped = std::fs::read_to_string(project("schema/peppol.cedarschema")).unwrap();
    std::fs::write(&path, format!("// Next.\n{shipped}")).unwrap();
    let start = start.variable("PEPPOL_AUTHZ_SHADOW__SCHEMA", path.to_str().unwrap());
    no_false_disagreement(start, false);
}
