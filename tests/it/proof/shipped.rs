//! The shipped invariants over the shipped policies.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use peppol_authz::policy::{Sources, load};
use peppol_authz::proof::{ProofOptions, Prover, Wrong, prove, read_invariants};

use super::lines;
use crate::author::{Author, Ended};
use crate::sidecar::{program, project};

/// The rules that somebody has to be able to rely on, whatever a policy is changed to.
const RULES: [&str; 16] = [
    "GEN-5", "MOD-1", "MOD-2", "MOD-3", "MOD-4", "MOD-5", "MCH-1", "MCH-2", "MCH-3", "MCH-4",
    "PTY-5", "SUB-2", "SUB-3", "USR-1", "USR-6", "MOD-8",
];

#[test]
fn they_are_proved() {
    let output = program()
        .current_dir(project("."))
        .args(["prove", "--json"])
        .output();
    let ended = Ended::from(output.unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let all = lines(&ended);
    let rules: BTreeSet<&str> = all
        .iter()
        .filter_map(|line| line["rule"].as_str())
        .collect();
    for rule in RULES {
        assert!(rules.contains(rule), "{rule}: {rules:?}");
    }
    assert!(
        all.iter()
            .any(|line| line["invariant"] == "no-policy-fails"),
        "{ended:?}"
    );
    assert!(
        all.iter()
            .all(|line| line["proved"] == true && line["kinds"].as_u64() > Some(0)),
        "{ended:?}"
    );
    // And those inside the binary are the same.
    let inside = Author::empty().run(&["prove", "mod-4-demo-participant-limit", "--json"]);
    assert_eq!(inside.code, Some(0), "{inside:?}");
}

/// An invariant that nothing can break would prove nothing: without any one of the
/// policies that forbid, the invariants of its rule are refuted.
#[tokio::test]
async fn each_forbid_is_missed_by_them() {
    let sources = Sources::shipped();
    let bundle = load(&sources).unwrap();
    let invariants = read_invariants(None, &sources).unwrap().unwrap();
    let mut prover = Prover::start(ProofOptions {
        timeout: Duration::from_secs(60),
    })
    .unwrap();
    let mut forbids = 0;
    for info in bundle.policies() {
        if info.effect != cedar_policy::Effect::Forbid {
            continue;
        }
        forbids += 1;
        let without = Arc::new(bundle.without(info.policy.id()).unwrap());
        let mut refuted = 0;
        for invariant in &invariants {
            if invariant.code != info.code || invariant.code.is_none() {
                continue;
            }
            let proved = prove(&mut prover, &without, invariant).await.unwrap();
            refuted += proved
                .findings
                .iter()
                .filter(|f| matches!(f.wrong, Wrong::Refuted(_)))
                .count();
        }
        // Of members of parties only what is never allowed is said.
        let otherwise = info.code.as_deref() == Some("NOT_YOUR_AP_USER");
        assert!(refuted > 0 || otherwise, "nothing misses `{}`", info.id);
    }
    assert!(forbids > 15, "{forbids}");
}
