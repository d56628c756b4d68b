//! The sources that lines are decided again from: a store, a key, or their own entities.

use std::path::Path;

use serde_json::Value;

use super::replay::{replay, text};
use super::words::create;
use super::{get_acme, lines, logging, of_suites};
use crate::sidecar::program;

/// A name that is mistyped makes no database, in which everybody would be unknown.
#[test]
fn a_store_that_is_not_there_is_not_made() {
    let mut sidecar = logging(&[]).start();
    sidecar.ask(&get_acme());
    sidecar.stop();
    let log = sidecar.path("d.log");
    let missing = sidecar.path("missing.db");
    let replayed = replay(&[
        text(&log),
        "--tenancy",
        &format!("sqlite:{}", missing.display()),
    ]);
    assert_eq!(replayed.code, 1, "{}", replayed.text);
    let said = "there is no such file";
    assert!(replayed.text.contains(said), "{}", replayed.text);
    assert!(!replayed.text.contains("changed"), "{}", replayed.text);
    assert!(!missing.exists());
}

/// The result is the same with the store named and without.
#[test]
fn the_default_store_is_one_where_it_is_there() {
    let mut sidecar = logging(&[]).start();
    sidecar.ask(&get_acme());
    sidecar.stop();
    let directory = sidecar.path("tenancy.db");
    let directory = directory.parent().unwrap();
    let log = sidecar.path("d.log");
    let replayed = |directory: &Path, more: &[&str]| {
        let mut command = program();
        command
            .current_dir(directory)
            .args(["replay", text(&log)])
            .args(more);
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), text)
    };
    let (code, said) = replayed(directory, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1 the same"), "{said}");
    let settings = sidecar.path("settings.toml");
    std::fs::write(&settings, "tenancy = \"sqlite:tenancy.db\"\n").unwrap();
    let (code, said) = replayed(directory, &["--config", text(&settings)]);
    assert_eq!(code, 0, "{said}");
    let empty = sidecar.path("empty");
    std::fs::create_dir(&empty).unwrap();
    let (code, said) = replayed(&empty, &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("no store is named"), "{said}");
    assert!(!empty.join("tenancy.db").exists());
}

#[test]
fn a_key_that_cannot_be_read_is_named_by_what_named_it() {
    let missing = "/nowhere/key";
    let said = |command: &mut std::process::Command| {
        let output = command.args(["replay", "-"]).output().unwrap();
        assert_eq!(output.status.code(), Some(64));
        String::from_utf8(output.stderr).unwrap()
    };
    let of_setting = said(program().env("PEPPOL_AUTHZ_DECISION_LOG__KEY_FILE", missing));
    assert!(
        of_setting.contains("`decision_log.key_file`: `/nowhere/key`"),
        "{of_setting}"
    );
    let mut flagged = program();
    flagged.args(["replay", "-", "--key-file", missing]);
    let output = flagged.output().unwrap();
    let of_flag = String::from_utf8(output.stderr).unwrap();
    assert!(
        of_flag.contains("`--key-file`: `/nowhere/key`"),
        "{of_flag}"
    );
}

/// A line that lacks an entity says so: that it is absent is not known.
#[test]
fn an_entity_that_a_line_lacks_is_not_said_to_be_absent() {
    let mut sidecar = of_suites().with(&["--log-slice"]).start();
    sidecar.ask(&create("new@x.example"));
    sidecar.stop();
    let log = sidecar.path("d.log");
    let mut line = lines(&log).remove(0);
    let is_asked = |row: &Value| {
        let id = row["uid"]["id"].as_str().unwrap();
        id.starts_with("hmac-") || ["mia", "sales"].contains(&id)
    };
    let (mut rows, mut tags) = (Vec::new(), Vec::new());
    let slice = line["slice"].as_array().unwrap();
    for (row, asked) in slice.iter().zip(line["sliceTags"].as_array().unwrap()) {
        if is_asked(row) {
            rows.push(row.clone());
            tags.push(asked.clone());
        }
    }
    assert!(rows.len() >= 2 && rows.len() < slice.len(), "{line}");
    (line["slice"], line["sliceTags"]) = (rows.into(), tags.into());
    std::fs::write(&log, format!("{line}\n")).unwrap();
    let replayed = replay(&[text(&log)]);
    assert_eq!(replayed.code, 1, "{}", replayed.text);
    let problem = replayed.problems()[0];
    assert!(problem.contains("it was not looked at"), "{problem}");
}
