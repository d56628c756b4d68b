//! A full disk: what cannot be written is refused, what was there stays, and with room it goes on.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::small_disk::SmallDisk;
use super::{State, answered, both, done, exported, files, run};
use crate::decision_log::lines;
use crate::eventually::until;
use crate::sidecar::{Sidecar, Start};

#[track_caller]
fn is_full(arguments: &[&str]) {
    let output = run(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let is_said = said.contains("full") || said.contains("No space left");
    assert!(is_said, "{arguments:?}: {said}");
}

fn over(source: &str) -> Sidecar {
    Start::new().with(&["--tenancy", source]).start()
}

/// An import that finds no room changes nothing, and who is asked meanwhile answers as before.
#[test]
fn under_an_import_into_sqlite() {
    SmallDisk::run("living::full_disk::under_an_import_into_sqlite", |disk| {
        let elsewhere = tempfile::tempdir().unwrap();
        let file = |state: State| {
            let path = elsewhere.path().join(format!("{state:?}.ndjson"));
            std::fs::write(&path, state.documents(1000)).unwrap();
            path.display().to_string()
        };
        let (first, last) = (file(State::First), file(State::Last));
        let source = format!("sqlite:{}", disk.path("tenancy.db").display());
        done(&["import", "--tenancy", &source, &first]);
        let before = exported(&source);
        let sidecar = over(&source);
        assert_eq!(answered(&sidecar), Ok(State::First));
        disk.fill();
        is_full(&["import", "--tenancy", &source, &last]);
        assert_eq!(answered(&sidecar), Ok(State::First));
        assert!(exported(&source) == before, "a part of an import is there");
        disk.clear();
        done(&["import", "--tenancy", &source, &last]);
        assert_eq!(answered(&sidecar), Ok(State::Last));
        drop(sidecar);
        // Without room for its log a start fails, or it answers from what is there.
        let copy = format!("sqlite:{}", disk.path("copy.db").display());
        done(&["import", "--tenancy", &copy, &last]);
        disk.fill();
        is_full(&["import", "--tenancy", &copy, &first]);
        let new = format!("sqlite:{}", disk.path("new.db").display());
        is_full(&["migrate", "--tenancy", &new]);
        disk.clear();
        assert_eq!(answered(&over(&copy)), Ok(State::Last));
        done(&["migrate", "--tenancy", &new]);
    });
}

/// Nothing is answered whose line has no place, and all that was answered has one.
#[test]
fn under_a_decision_log() {
    SmallDisk::run("living::full_disk::under_a_decision_log", |disk| {
        for when_full in ["wait", "refuse"] {
            let path = disk.path(&format!("{when_full}.log"));
            let documents = tempfile::tempdir().unwrap();
            let file = documents.path().join("a.ndjson");
            std::fs::write(&file, State::First.documents(0)).unwrap();
            let mut sidecar = Start::new()
                .with(&["--import", file.to_str().unwrap()])
                .with(&["--decision-log", &format!("file:{}", path.display())])
                .variable("PEPPOL_AUTHZ_DECISION_LOG__WHEN_FULL", when_full)
                .variable("PEPPOL_AUTHZ_SERVER__REQUEST_TIMEOUT", "1s")
                .start();
            let mut given = BTreeSet::new();
            let mut ask = || {
                let reply = sidecar.post("/v1/batch_is_authorized", &both());
                let results = reply.json()["results"].clone();
                let results = results.as_array().into_iter().flatten();
                let ids = results.filter_map(|result| result["decisionId"].as_str());
                let before = given.len();
                given.extend(ids.map(str::to_owned));
                given.len() > before
            };
            assert!(ask());
            disk.fill();
            until("nothing is answered any more", || !ask());
            let ready = sidecar.get("/readyz");
            assert_eq!(ready.status, 503, "{}", ready.text);
            for _ in 0..5 {
                assert!(!ask());
            }
            disk.clear();
            until("it answers again", &mut ask);
            assert!(ask());
            sidecar.stop();
            let lines = lines(&path);
            let logged: BTreeSet<String> = lines
                .iter()
                .map(|line| line["id"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(logged.len(), lines.len(), "a line is there twice");
            let lost: Vec<_> = given.difference(&logged).collect();
            assert!(lost.is_empty(), "{lost:?}");
            std::fs::remove_file(path).unwrap();
        }
    });
}

/// The backup from before stays, and nothing of the new one.
#[test]
fn under_an_export() {
    SmallDisk::run("living::full_disk::under_an_export", |disk| {
        let elsewhere = tempfile::tempdir().unwrap();
        let documents = elsewhere.path().join("a.ndjson");
        std::fs::write(&documents, State::First.documents(3000)).unwrap();
        let source = format!("sqlite:{}", elsewhere.path().join("tenancy.db").display());
        done(&["import", "--tenancy", &source, documents.to_str().unwrap()]);
        let target = disk.path("backup.ndjson");
        std::fs::write(&target, "before").unwrap();
        disk.fill();
        is_full(&["export", "--tenancy", &source, target.to_str().unwrap()]);
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "before");
        assert_eq!(files(disk.directory()), ["backup.ndjson", "ballast"]);
        disk.clear();
        done(&["export", "--tenancy", &source, target.to_str().unwrap()]);
        assert!(std::fs::read_to_string(&target).unwrap() == exported(&source));
        assert_eq!(files(disk.directory()), ["backup.ndjson"]);
    });
}

/// `/dev/full` takes nothing either, and is no file to replace.
#[test]
fn at_standard_output() {
    let directory = tempfile::tempdir().unwrap();
    let documents = directory.path().join("a.ndjson");
    std::fs::write(&documents, State::First.documents(0)).unwrap();
    let source = format!("sqlite:{}", directory.path().join("tenancy.db").display());
    done(&["import", "--tenancy", &source, documents.to_str().unwrap()]);
    is_full(&["export", "--tenancy", &source, "/dev/full"]);
    assert_ne!(json!(exported(&source)), Value::from(""));
}
