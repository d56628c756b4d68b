//! Questions go first where the processor is short: a reload and the shadow run at a lower priority.

use std::collections::BTreeSet;

use super::{CLOSED, shadow_of};
use crate::sidecar::{Sidecar, Start};

/// The steps by which each thread of that name lets others go first: field 19 of proc_pid_stat(5).
fn niceness(sidecar: &Sidecar, name: &str) -> BTreeSet<i32> {
    let threads = std::fs::read_dir(format!("/proc/{}/task", sidecar.pid())).unwrap();
    let stats = threads.filter_map(|thread| {
        // It may have ended.
        std::fs::read_to_string(thread.unwrap().path().join("stat")).ok()
    });
    let niceness = stats.filter_map(|stat| {
        let (found, fields) = stat.split_once('(').unwrap().1.rsplit_once(") ").unwrap();
        let nice = fields.split(' ').nth(16).unwrap();
        (found == name).then(|| nice.parse().unwrap())
    });
    niceness.collect()
}

#[test]
fn what_no_question_waits_for_lets_questions_go_first() {
    let (start, _) = shadow_of(Start::quickstart(), CLOSED);
    let sidecar = start.start();
    let usual = niceness(&sidecar, "tokio-rt-worker");
    assert_eq!(usual.len(), 1);
    // 19 is the most.
    let behind = usual.iter().map(|usual| (usual + 10).min(19)).collect();
    assert_eq!(niceness(&sidecar, "policy-watch"), behind);
    assert_eq!(niceness(&sidecar, "shadow"), behind);
}
