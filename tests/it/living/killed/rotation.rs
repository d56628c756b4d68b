//! A decision log whose program is killed while it begins new files.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Kills;
use crate::connection::ALLOWED;
use crate::living::files;
use crate::sidecar::Start;

/// The time that a sidecar answers before it is killed, at most.
const LIFE: Duration = Duration::from_millis(600);

/// All lines, from the oldest file to the newest one. One that a killed program has begun, and the next one has
/// ended, is none.
fn lines(directory: &std::path::Path) -> Vec<Value> {
    let age = |name: &String| match name.strip_prefix("d.log.") {
        None => 0,
        Some("rotating") => 1,
        Some(number) => 1 + number.parse::<usize>().unwrap(),
    };
    let mut names: Vec<String> = files(directory);
    names.sort_by_key(age);
    let text = |name: &String| std::fs::read_to_string(directory.join(name)).unwrap();
    let text: String = names.iter().rev().map(text).collect();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

#[test]
fn loses_nothing_but_what_was_on_its_way() {
    let place = tempfile::tempdir().unwrap();
    let log = format!("file:{}", place.path().join("d.log").display());
    let question: Value = serde_json::from_str(ALLOWED).unwrap();
    let mut kills = Kills::new();
    let mut logged_before = 0;
    for number in 0..kills.number() {
        let sidecar = Start::quickstart()
            .with(&["--decision-log", &log])
            .variable("PEPPOL_AUTHZ_DECISION_LOG__ROTATE_BYTES", "4096")
            .variable("PEPPOL_AUTHZ_DECISION_LOG__KEEP", "1000")
            .start();
        let (begun, life) = (Instant::now(), kills.within(LIFE));
        let mut answered = Vec::new();
        while begun.elapsed() < life || answered.len() < 5 {
            answered.push(sidecar.ask(&question)["decisionId"].clone());
        }
        drop(sidecar);
        let lines = lines(place.path());
        let logged: Vec<&Value> = lines[logged_before..]
            .iter()
            .map(|line| &line["id"])
            .collect();
        let once: BTreeSet<&str> = logged.iter().filter_map(|id| id.as_str()).collect();
        assert_eq!(once.len(), logged.len(), "a line is there twice");
        // In the order of the answers: what is missing are the last ones alone.
        assert!(logged.len() <= answered.len());
        assert!(
            logged
                .iter()
                .zip(&answered)
                .all(|(logged, answered)| *logged == answered)
        );
        eprintln!(
            "kill {number}: {} of {} lines are there",
            logged.len(),
            answered.len()
        );
        logged_before = lines.len();
    }
    // Each file but the one in use is whole.
    for name in files(place.path()).iter().filter(|name| *name != "d.log") {
        let text = std::fs::read(place.path().join(name)).unwrap();
        assert!(text.ends_with(b"\n"), "{name} is torn");
    }
}
