//! Questions go first where the processor is short: a reload and the shadow run at a lower priority.

use std::collections::BTreeMap;

use super::{CLOSED, shadow_of};
use crate::sidecar::{Sidecar, Start};

/// By the names of its threads, the steps by which each lets others go first: field 19 of proc_pid_stat(5).
fn niceness(sidecar: &Sidecar) -> BTreeMap<String, i32> {
    let threads = std::fs::read_dir(format!("/proc/{}/task", sidecar.pid())).unwrap();
    let stats = threads.filter_map(|thread| {
        // It may have ended.
        std::fs::read_to_string(thread.unwrap().path().join("stat")).ok()
    });
    let niceness = stats.map(|stat| {
        let (name, fields) = stat.split_once('(').unwrap().1.rsplit_once(") ").unwrap();
        let nice = fields.split(' ').nth(16).unwrap();
        (name.to_owned(), nice.parse().unwrap())
    });
    niceness.collect()
}

#[test]
fn what_no_question_waits_for_lets_questions_go_first() {
    let (start, _) = shadow_of(Start::quickstart(), CLOSED);
    let sidecar = start.start();
    let found = niceness(&sidecar);
    let usual = found["peppol-authz"];
    let behind: BTreeMap<_, _> = found.iter().filter(|(_, nice)| **nice != usual).collect();
    // 19 is the most.
    let nice = (usual + 10).min(19);
    let expected = ["policy-watch", "shadow"].map(str::to_owned);
    assert_eq!(behind, expected.iter().map(|name| (name, &nice)).collect());
}
