//! A line is never longer than the setting, whatever is asked; and one that was cut says so.

use serde_json::{Value, json};

use super::replay::replay;
use super::{ended, setting, to_file};
use crate::http::described::{ENTITIES, document, view_document, with_entities};
use crate::sidecar::Start;

const LONGEST: usize = 4096;

/// Anna asks to view the first of so many described documents.
fn question(documents: usize) -> Value {
    let described = (0..documents).map(|n| document(&format!("d-{n}")));
    let mut question = view_document();
    question["entities"] = described.collect();
    question
}

fn short_lines(start: Start) -> Start {
    setting(to_file(start), "LINE_BYTES", &LONGEST.to_string())
}

#[test]
fn what_is_too_long_is_left_out_and_named() {
    let start = short_lines(with_entities(ENTITIES)).with(&["--log-slice"]);
    let entities = start.path("entities.json").display().to_string();
    let sidecar = start.start();
    for documents in 1..=60 {
        let reply = sidecar.ask(&question(documents));
        assert_eq!(reply["decision"], "Allow");
    }
    let log = sidecar.path("d.log");
    let kept = tempfile::tempdir().unwrap();
    let copy = kept.path().join("d.log");
    let tenancy = kept.path().join("entities.json");
    std::fs::copy(entities, &tenancy).unwrap();
    let lines = ended_keeping(sidecar, &log, &copy);
    let mut kinds: Vec<(Value, usize)> = Vec::new();
    for line in &lines {
        assert!(line.to_string().len() <= LONGEST, "{line}");
        assert_eq!(line["decision"], "Allow");
        assert_eq!(line["question"]["resource"]["id"], "d-0");
        let (cut, question) = (line["cut"].clone(), &line["question"]);
        let names_only = cut.as_array().is_some_and(|cut| cut.len() > 1);
        assert_eq!(line.get("slice").is_some(), cut.is_null(), "{line}");
        assert_eq!(line.get("sliceTags").is_some(), cut.is_null(), "{line}");
        for member in ["context", "entities"] {
            assert_eq!(question.get(member).is_some(), !names_only, "{line}");
        }
        match kinds.iter_mut().find(|(known, _)| *known == cut) {
            Some((_, lines)) => *lines += 1,
            None => kinds.push((cut, 1)),
        }
    }
    let all = json!(["slice", "question.context", "question.entities"]);
    let names: Vec<_> = kinds.iter().map(|(cut, _)| cut.clone()).collect();
    assert_eq!(names, [Value::Null, json!(["slice"]), all]);
    // Of a line without its slice the entities may come from a store; the last kind is not decided again.
    let [(_, whole), (_, from_store), (_, undecided)] = kinds.as_slice() else {
        panic!("{kinds:?}");
    };
    let same = whole + from_store;
    let copy = copy.display().to_string();
    let again = replay(&[
        &copy,
        "--tenancy",
        &format!("entities:{}", tenancy.display()),
    ]);
    assert_eq!(again.code, 1, "{}", again.text);
    let said = format!("{same} the same, 0 changed, {undecided} not decided again");
    assert!(again.text.contains(&said), "{}", again.text);
    let said = "it was too long and was cut: `slice`, `question.context`, `question.entities`";
    assert!(again.text.contains(said), "{}", again.text);
}

/// Stops a sidecar whose directory goes with it, and keeps its log.
fn ended_keeping(
    sidecar: crate::sidecar::Sidecar,
    log: &std::path::Path,
    copy: &std::path::Path,
) -> Vec<Value> {
    std::fs::hard_link(log, copy).unwrap();
    ended(sidecar)
}
