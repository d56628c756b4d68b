//! A plan may be used until what it knows is as old as it may be, and no longer: the age of the state that
//! it was made from counts, and the time that it was kept.

use std::time::Duration;

use serde_json::json;

use super::{dangling, max_age, planned};
use crate::eventually::eventually;
use crate::sidecar::Start;

/// A sidecar whose state gets old, since nobody looks at the file again.
fn start() -> Start {
    let settings = ["POLL_INTERVAL", "MAX_STALE", "UNTOLD_MAX_AGE"];
    let settings = settings.map(|name| format!("PEPPOL_AUTHZ_FRESHNESS__{name}"));
    let start = dangling::start().variable("PEPPOL_AUTHZ_PLAN__MAX_AGE", "1h");
    settings
        .iter()
        .fold(start, |start, name| start.variable(name, "1h"))
}

#[test]
fn the_age_of_the_state_counts() {
    let sidecar = start().start();
    let wanted = json!({
        "principal": "User::\"u\"",
        "action": "Action::\"read\"",
        "resource": {"type": "Document"},
    });
    let first = max_age(&planned(&sidecar, &wanted));
    let hour = Duration::from_secs(3600);
    assert!(first <= hour, "{first:?}");
    eventually("a plan of the same state may be used less long", || {
        let later = max_age(&planned(&sidecar, &wanted));
        match later + Duration::from_millis(50) < first {
            true => Ok(()),
            false => Err(format!("{later:?} after {first:?}")),
        }
    });
    // The filter of Cerbos has it in a header.
    let of_cerbos = json!({
        "requestId": "r", "action": "read", "resource": {"kind": "Document"},
        "principal": {"id": "User::\"u\"", "roles": []},
    });
    let reply = sidecar.post("/api/plan/resources", &of_cerbos);
    assert_eq!(reply.status, 200, "{}", reply.text);
    let told = max_age(&json!({"maxAge": reply.header("plan-max-age")}));
    assert!(told < first, "{told:?}");
    let body = of_cerbos.to_string();
    let demand = [("tenancy-max-age", "30ms")];
    let reply = sidecar.send("/api/plan/resources", &demand, body.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text);
    let told = max_age(&json!({"maxAge": reply.header("plan-max-age")}));
    assert!(told <= Duration::from_millis(30), "{told:?}");
}
