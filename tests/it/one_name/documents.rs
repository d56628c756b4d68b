//! Documents at import: ids that are none, codes of legal identifiers, and members that could be
//! meant for others. Both databases.

use std::process::Output;

use serde_json::{Value, json};

use super::{organisation, organisations, participant, user};
use crate::postgres::server::SHARED;
use crate::sidecar::program;

/// Imports into a store that is given by its source.
fn import(source: &str, documents: &[Value]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("documents.ndjson");
    let lines: String = documents
        .iter()
        .map(|document| format!("{document}\n"))
        .collect();
    std::fs::write(&path, lines).unwrap();
    let mut command = program();
    command.args(["import", "--tenancy", source, path.to_str().unwrap()]);
    command.output().unwrap()
}

#[track_caller]
pub(super) fn taken(source: &str, documents: &[Value]) {
    let output = import(source, documents);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[track_caller]
pub(super) fn refused(source: &str, documents: &[Value], words: &[&str]) {
    let output = import(source, documents);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{documents:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
}

/// Runs a test over an empty store of each kind.
pub(super) fn over_both(test: impl Fn(&str)) {
    let directory = tempfile::tempdir().unwrap();
    test(&format!(
        "sqlite:{}",
        directory.path().join("tenancy.db").display()
    ));
    test(&SHARED.database().url());
}

#[test]
fn ids_that_are_none_are_refused() {
    over_both(|source| {
        taken(source, &organisations());
        for unseen in [
            "\u{1f}",
            "\u{200b}",
            "\u{ad}",
            "\u{e0041}",
            "\u{3164}",
            "\u{85}",
        ] {
            let id = format!("gina{unseen}");
            let mut named = user("plain");
            named["id"] = json!(id);
            refused(source, &[named], &["USER", "`id`", "cannot be seen"]);
            let membership = json!({"type": "MEMBERSHIP", "userId": id, "organisationId": "rival", "memberRole": "orgadmin"});
            refused(
                source,
                &[membership],
                &["MEMBERSHIP", "`userId`", "cannot be seen"],
            );
            let mut mail = user("new");
            mail["email"] = json!(format!("gi{unseen}na@x.example"));
            refused(source, &[mail], &["`email`", "cannot be seen"]);
        }
        for id in [" gina", "gina ", "\u{a0}gina", "gina\u{3000}"] {
            let mut named = user("plain");
            named["id"] = json!(id);
            refused(source, &[named], &["`id`", "begins or ends with a blank"]);
        }
        for id in [
            "XX:FOO:1",
            "9999:1",
            "nobody",
            "IT-IVA:1",
            "\u{ff10}211:1",
            "iso6523-actorid-upis:0211:1",
        ] {
            refused(
                source,
                &[participant(id, "globex")],
                &["PARTICIPANT", "`id`"],
            );
        }
        taken(
            source,
            &[
                participant("IT:IVA:1", "globex"),
                participant("it_iva:2", "globex"),
            ],
        );
        refused(source, &[participant("0211:1", "nowhere")], &["nowhere"]);
    });
}

fn with_legal(id: &str, code: &str, identifier: &str) -> Value {
    let mut organisation = organisation(id);
    organisation["legalIdentifierCode"] = json!(code);
    organisation["legalIdentifier"] = json!(identifier);
    organisation
}

#[test]
fn a_legal_identifier_is_one_under_each_spelling_of_its_code() {
    over_both(|source| {
        taken(source, &[with_legal("first", "SE_ORGNR", "1")]);
        for code in ["SE:ORGNR", "SE_ORGNR", "se:orgnr", "Se_Orgnr", "0007"] {
            let words = ["SE_ORGNR", "`first`"];
            refused(source, &[with_legal("second", code, "1")], &words);
            let both = [with_legal("a", "SE:ORGNR", "2"), with_legal("b", code, "2")];
            refused(source, &both, &["SE_ORGNR", "`a`"]);
            // One's own is no other's.
            taken(source, &[with_legal("first", code, "1")]);
        }
        // A code that is in no list is one in each spelling too.
        taken(source, &[with_legal("third", "XX:FOO", "1")]);
        refused(
            source,
            &[with_legal("fourth", "xx_foo", "1")],
            &["XX_FOO", "`third`"],
        );
        refused(
            source,
            &[with_legal("fifth", "XX_FOO\u{200b}", "1")],
            &["legalIdentifierCode"],
        );
        // The identifier itself is seen whole.
        for identifier in ["1\u{200b}", "1 ", " 1", "\u{ad}1", "1\n", "\u{feff}1"] {
            let documents = [with_legal("fifth", "SE_ORGNR", identifier)];
            refused(source, &documents, &["ORGANISATION", "`legalIdentifier`"]);
        }
        taken(source, &[with_legal("sixth", "NO:ORGNR", "1")]);
    });
}

#[test]
fn a_member_that_could_be_meant_is_not_passed_over() {
    over_both(|source| {
        for (member, wanted) in [
            ("ModeChangeRequest", "modeChangeRequest"),
            ("mode_change_request", "modeChangeRequest"),
            ("participantLimit ", "participantLimit"),
            ("participantlimit", "participantLimit"),
            ("Contacts", "contacts"),
        ] {
            let mut document = organisation("new");
            document[member] = json!(null);
            refused(source, &[document], &[member, wanted]);
        }
        let mut document = organisation("new");
        document["note"] = json!("of any kind");
        taken(source, &[document]);
    });
}
