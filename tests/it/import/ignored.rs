//! Members that nothing reads: they are passed over, counted and named, or refused.

use std::io::{BufRead, BufReader, Write};

use serde_json::{Value, json};

use super::{SqliteImport, Target, lines, organisation};
use crate::sidecar::{program, project};

fn misspelt(id: &str) -> Value {
    let mut document = organisation(id);
    document["participantLimt"] = json!(3);
    document
}

/// The lines of what was said that are about members.
fn ignored(ended: &SqliteImport) -> Vec<&str> {
    let said = ended.stderr.lines();
    said.filter(|line| line.starts_with("ignored: ")).collect()
}

#[test]
fn a_member_that_was_meant_for_another_is_named_with_it() {
    let target = Target::new();
    let ended = target.import_text(&lines(&[organisation("a"), misspelt("b")]));
    ended.revision();
    let said = ignored(&ended);
    assert_eq!(said.len(), 1, "{ended:?}");
    let words =
        "ignored: `participantLimt` 1 time; did you mean `participantLimit`? (ORGANISATION in ";
    assert!(said[0].starts_with(words), "{said:?}");
    assert!(said[0].ends_with("documents.ndjson:2)"), "{said:?}");
    let ended = target.import_text(&lines(&[misspelt("a"), misspelt("b")]));
    let said = ignored(&ended);
    assert!(
        said[0].starts_with("ignored: `participantLimt` 2 times; "),
        "{said:?}"
    );
}

#[test]
fn all_others_are_named_once_with_their_counts() {
    let target = Target::new();
    let file = project("tests/it/fixtures/organisation.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    let first = document.to_string();
    document["id"] = json!("other");
    document["legalIdentifier"] = json!("556123-4568");
    let ended = target.import_text(&format!("{first}\n{document}\n"));
    ended.revision();
    let said = ignored(&ended);
    assert_eq!(said.len(), 1, "{said:?}");
    for words in [
        "`legalName` 2 times",
        "`contacts.name` 4 times",
        "`website` 2 times",
    ] {
        assert!(said[0].contains(words), "{words}: {said:?}");
    }
    assert!(said[0].ends_with("(ORGANISATION)"), "{said:?}");
    // Members that are read are not among them, at no level.
    for read in [
        "`type`",
        "`id`",
        "`contacts`",
        "contactType",
        "`modeChangeRequest`",
    ] {
        assert!(!said[0].contains(read), "{read}: {said:?}");
    }
}

#[test]
fn however_many_names_there_are_what_is_said_is_short() {
    let target = Target::new();
    let documents = (0..1100).map(|n| {
        let mut document = organisation(&format!("o{n}"));
        document[format!("x{n}")] = json!(n);
        document
    });
    let ended = target.import_text(&lines(&documents.collect::<Vec<_>>()));
    ended.revision();
    let said = ignored(&ended);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("and 950 more"), "{said:?}");
    assert_eq!(said[1], "ignored: members of further names, 100 times");
    assert!(ended.stderr.len() < 2000, "{}", ended.stderr.len());
}

#[test]
fn strictly_it_is_refused_with_its_line() {
    let target = Target::new();
    let file = target.file("d.ndjson", &lines(&[organisation("a"), misspelt("b")]));
    let output = program()
        .args(["import", "--strict", "--tenancy", &target.source()])
        .arg(&file)
        .output();
    let ended = SqliteImport::from(output.unwrap());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let words = "d.ndjson:2: ORGANISATION: `participantLimt`: nothing reads it; did you mean \
                 `participantLimit`?";
    assert!(ended.stderr.contains(words), "{ended:?}");
    // Members that nobody could mean are refused as well, at every level.
    let mut document = organisation("a");
    document["contacts"] = json!([{"contactType": "BUSINESS", "phone": "1"}]);
    std::fs::write(&file, document.to_string()).unwrap();
    let output = program()
        .args(["import", "--strict", "--tenancy", &target.source()])
        .arg(&file)
        .output();
    let ended = SqliteImport::from(output.unwrap());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("`contacts.phone`: nothing reads it"),
        "{ended:?}"
    );
}

#[test]
fn a_type_that_there_is_not_is_answered_with_the_nearest() {
    let ended = Target::new().import_text("{\"type\": \"ORGANIZATION\"}\n");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("did you mean `ORGANISATION`?"),
        "{ended:?}"
    );
}

/// A log shows that it goes on.
#[test]
fn progress_is_told_where_there_is_no_terminal() {
    let target = Target::new();
    let mut child = target.importing();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(organisation("a").to_string().as_bytes())
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    // It comes while documents are awaited, and again.
    for _ in 0..2 {
        let line = said.next().unwrap().unwrap();
        assert!(
            line.starts_with("importing: ") && line.contains(" read, "),
            "{line}"
        );
    }
    drop(input);
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
}
