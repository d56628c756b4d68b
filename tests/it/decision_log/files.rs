//! Files that are rotated, renamed, torn and drained, while others ask.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::{are_exactly, get_acme, ids, lines, logging, setting};
use crate::sidecar::{Sidecar, Start};

const ASKERS: usize = 4;

/// Asks from several sides at once, and returns the ids of all decisions.
fn ask_from_all_sides(sidecar: &Sidecar, batches: usize) -> Vec<String> {
    let asker = || {
        let batch = json!({"requests": vec![get_acme(); 20]});
        let mut decided = Vec::new();
        for _ in 0..batches {
            let reply = sidecar.post("/v1/batch_is_authorized", &batch).json();
            let results = reply["results"].as_array().unwrap();
            decided.extend(results.iter().map(|result| {
                let id = result["decisionId"].as_str();
                id.unwrap_or_else(|| panic!("{result}")).to_owned()
            }));
        }
        decided
    };
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..ASKERS).map(|_| scope.spawn(asker)).collect();
        askers
            .into_iter()
            .flat_map(|asker| asker.join().unwrap())
            .collect()
    })
}

/// All files of the log.
fn files(sidecar: &Sidecar) -> Vec<PathBuf> {
    let all = std::fs::read_dir(sidecar.path("")).unwrap();
    let all = all.map(|entry| entry.unwrap().path());
    let is_log = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("d.log") || name.starts_with("moved")
    };
    all.filter(is_log).collect()
}

fn all_lines(sidecar: &Sidecar) -> Vec<Value> {
    files(sidecar).iter().flat_map(|path| lines(path)).collect()
}

#[test]
fn every_decision_is_there_once_over_all_files_of_a_rotation() {
    const BYTES: u64 = 8192;
    let start = setting(logging(&[]), "ROTATE_BYTES", &BYTES.to_string());
    let mut sidecar = setting(start, "KEEP", "1000").start();
    let answered = ask_from_all_sides(&sidecar, 10);
    sidecar.stop();
    let files = files(&sidecar);
    assert!(files.len() > 20, "{}", files.len());
    for file in &files {
        assert!(std::fs::metadata(file).unwrap().len() <= BYTES);
    }
    are_exactly(&ids(&all_lines(&sidecar)), &answered);
}

#[test]
fn no_more_files_are_kept_than_is_asked_for() {
    let start = setting(logging(&[]), "ROTATE_BYTES", "4096");
    let mut sidecar = setting(start, "KEEP", "2").start();
    ask_from_all_sides(&sidecar, 5);
    sidecar.stop();
    let mut names: Vec<_> = files(&sidecar);
    names.sort();
    let wanted = ["d.log", "d.log.1", "d.log.2"].map(|name| sidecar.path(name));
    assert_eq!(names, wanted);
}

#[test]
fn no_line_is_lost_when_the_file_is_renamed() {
    let mut sidecar = logging(&[]).start();
    let path = sidecar.path("d.log");
    let done = AtomicBool::new(false);
    let (answered, moves) = std::thread::scope(|scope| {
        let mover = scope.spawn(|| {
            let mut moves = 0;
            while !done.load(Ordering::Relaxed) {
                // Where it was not made again yet there is nothing to rename.
                let to = sidecar.path(&format!("moved.{moves}"));
                if std::fs::rename(&path, to).is_ok() {
                    moves += 1;
                }
                std::thread::yield_now();
            }
            moves
        });
        let answered = ask_from_all_sides(&sidecar, 20);
        done.store(true, Ordering::Relaxed);
        (answered, mover.join().unwrap())
    });
    sidecar.stop();
    assert!(moves > 5, "{moves}");
    are_exactly(&ids(&all_lines(&sidecar)), &answered);
}

/// Told to stop in the midst of it: what was answered is there.
#[test]
fn what_was_answered_before_the_end_is_written() {
    for _ in 0..3 {
        let mut sidecar = logging(&["--log-slice"]).start();
        let batch = json!({"requests": vec![get_acme(); 1000]});
        let reply = sidecar.post("/v1/batch_is_authorized", &batch).json();
        sidecar.signal("TERM");
        let results = reply["results"].as_array().unwrap();
        let id = |result: &Value| result["decisionId"].as_str().unwrap().to_owned();
        let answered: Vec<String> = results.iter().map(id).collect();
        assert_eq!(sidecar.ended().code(), Some(0));
        are_exactly(&ids(&lines(&sidecar.path("d.log"))), &answered);
    }
}

#[test]
fn a_line_that_was_torn_by_a_crash_spoils_itself_alone() {
    let start = logging(&[]);
    let path = start.path("d.log");
    std::fs::write(&path, "{\"id\":\"0").unwrap();
    let mut sidecar = start.start();
    let answer = sidecar.ask(&get_acme());
    sidecar.stop();
    let text = std::fs::read_to_string(&path).unwrap();
    let (torn, rest) = text.split_once('\n').unwrap();
    assert_eq!(torn, "{\"id\":\"0");
    let line: Value = serde_json::from_str(rest).unwrap();
    assert_eq!(line["id"], answer["decisionId"]);
}

#[test]
fn a_log_is_appended_to_by_the_next_start() {
    let mut first = logging(&[]).start();
    first.ask(&get_acme());
    first.stop();
    let path = first.path("d.log");
    let to = format!("file:{}", path.display());
    let second = Start::quickstart().with(&["--decision-log", &to]);
    let mut second = second.start();
    let answer = second.ask(&get_acme());
    second.stop();
    let lines = lines(&path);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["id"], answer["decisionId"]);
}

#[test]
fn a_file_that_cannot_be_opened_is_said_at_the_start() {
    let start = logging(&[]);
    let path = start.path("no/such/d.log").display().to_string();
    let start = Start::quickstart();
    let (code, text) = start
        .with(&["--decision-log", &format!("file:{path}")])
        .fails();
    assert_eq!(code, 1);
    assert!(
        text.contains("`decision_log.to`") && text.contains("no/such"),
        "{text}"
    );
    let start = Start::quickstart();
    let (code, text) = start.with(&["--decision-log", "d.log"]).fails();
    assert_eq!(code, 64);
    assert!(text.contains("--decision-log"), "{text}");
}
