//! Questions while policies change: none fails, and none sees half of a change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use serde_json::{Value, json};

use super::layout::{mount, relink};
use super::{CLOSED, REFUSED, TAKEN, allowed, append, ask, shipped_policies};
use crate::over::Over;
use crate::sidecar::{Sidecar, Start};

/// Asked together: each is decided by another file, and a version changes both.
fn questions() -> [Value; 2] {
    let mut other = allowed();
    other["action"] = "Peppol::Action::\"listCertificates\"".into();
    [allowed(), other]
}

/// Revision and decisions of one reply, which are those of one version.
fn seen(results: &[Value]) -> (String, BTreeSet<String>) {
    let revision = |result: &Value| result["policyRevision"].as_str().unwrap().to_owned();
    for result in results {
        assert_eq!(revision(result), revision(&results[0]), "one state");
    }
    let decision = |result: &Value| result["decision"].as_str().unwrap().to_owned();
    (
        revision(&results[0]),
        results.iter().map(decision).collect(),
    )
}

/// Asks until told to stop, one by one and in batches.
fn keep_asking(sidecar: &Sidecar, over: &Over, all: &Mutex<BTreeMap<String, BTreeSet<String>>>) {
    let batch = json!({"requests": vec![questions(); 20].concat()});
    while !over.is() {
        let reply = sidecar.post("/v1/batch_is_authorized", &batch);
        assert_eq!(reply.status, 200, "{}", reply.text);
        let together = reply.json()["results"].as_array().unwrap().clone();
        let alone = questions().map(|question| vec![sidecar.ask(&question)]);
        for results in [together].iter().chain(&alone) {
            let (revision, decisions) = seen(results);
            all.lock()
                .unwrap()
                .entry(revision)
                .or_default()
                .extend(decisions);
        }
    }
}

#[test]
fn no_request_fails_and_none_sees_half_of_a_change() {
    let start = Start::quickstart()
        .variable("PEPPOL_AUTHZ_RELOAD__SETTLE", "10ms")
        .variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "50ms");
    let volume = start.path("volume");
    for version in ["..open", "..closed", "..broken"] {
        shipped_policies(&volume.join(version));
    }
    append(&volume.join("..closed/modes.cedar"), CLOSED);
    let certificates = CLOSED
        .replace("modes/closed", "access-points/closed")
        .replace("\"getOrganisation\"", "\"listCertificates\"");
    append(&volume.join("..closed/access-points.cedar"), &certificates);
    append(&volume.join("..broken/access-points.cedar"), "permit (");
    append(&volume.join("..broken/modes.cedar"), CLOSED);
    mount(&volume, "..open");
    let sidecar = start
        .with(&["--policies", volume.to_str().unwrap()])
        .start();
    let open = ask(&sidecar).1;

    let (over, all) = (Over::default(), Mutex::new(BTreeMap::new()));
    let mut closed = String::new();
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| keep_asking(&sidecar, &over, &all)))
            .collect();
        let until_now = over.until();
        for _ in 0..8 {
            for (version, message) in [
                ("..closed", TAKEN),
                ("..broken", REFUSED),
                ("..open", TAKEN),
            ] {
                relink(&volume.join("..data"), version);
                sidecar.wait_for_log(message);
                if version == "..closed" {
                    closed = ask(&sidecar).1;
                }
            }
        }
        drop(until_now);
        asking.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let all = all.into_inner().unwrap();
    let of = |decision: &str| BTreeSet::from([decision.to_owned()]);
    assert_eq!(
        all,
        BTreeMap::from([(open, of("Allow")), (closed, of("Deny"))])
    );
}
