//! Faults that keep it from starting, and what it says of them.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::allowed;
use crate::sidecar::{Start, program, project};

/// A first-in-first-out, that an import waits at until someone writes to it.
fn fifo(path: &Path) -> String {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    path.display().to_string()
}

fn quickstart() -> String {
    std::fs::read_to_string(project("examples/quickstart/tenancy.ndjson")).unwrap()
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, text) = Start::new().with(&["--listen", &address]).fails();
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains(&format!("error: cannot listen on `{address}`: ")),
        "{text}"
    );
}

#[test]
fn a_configuration_that_is_wrong_is_refused_with_all_its_faults() {
    let start = Start::new();
    let file = start.path("authz.toml");
    std::fs::write(
        &file,
        "colour = 'red'\npolicies = 7\n[server]\nworkers = 5000\nidle_timeout = 'soon'\n[limits]\ndepth = 1\n",
    )
    .unwrap();
    let (code, text) = start
        .with(&[
            "--config",
            file.to_str().unwrap(),
            "--tenancy",
            "mysql://me:hunter2@host/db",
        ])
        .variable("PEPPOL_AUTHZ_LIMITS__BATCH", "many")
        .variable("PEPPOL_AUTHZ_LISTENS", "127.0.0.1:1")
        .fails();
    assert_eq!(code, 64, "{text}");
    for fault in [
        "`colour`",
        "`policies` from",
        "`server.workers`",
        "`server.idle_timeout`",
        "`limits.depth`",
        "`tenancy` from `--tenancy`",
        "`limits.batch` from `PEPPOL_AUTHZ_LIMITS__BATCH`",
        "`listens` from `PEPPOL_AUTHZ_LISTENS`",
        "invalid configuration, 8 faults:",
    ] {
        assert!(text.contains(fault), "no {fault} in {text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn wrong_usage_ends_with_64() {
    for arguments in [
        &["serve", "--listen"][..],
        &["serve", "--colour", "red"],
        &["serve", "--listen", "8180"],
        &["serve", "--listen", "localhost:8180"],
        &["serve", "--config", "/nowhere/authz.toml"],
        &["serve", "--tenancy", "tenancy.db"],
        &["serve", "--tenancy", "mysql://host/db"],
        &["serve", "--tenancy", "sqlite::memory:"],
        &[
            "serve",
            "--tenancy",
            "entities:entities.json",
            "--import",
            "tenancy.ndjson",
        ],
        &["serve", "extra"],
        &["server"],
        &[],
    ] {
        let output = program().args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {text}");
        assert!(!text.is_empty(), "{arguments:?}");
    }
}

#[test]
fn nothing_is_created_by_a_start_that_is_refused() {
    let start = Start::new();
    let database = start.path("tenancy.db");
    let source = format!("sqlite:{}", database.display());
    let output = program()
        .args(["serve", "--tenancy", &source, "--listen", "nowhere"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(!database.exists());
}

#[test]
fn policies_that_are_not_valid_are_shown_with_file_and_line() {
    let start = Start::new();
    let policies = start.path("policies");
    std::fs::create_dir(&policies).unwrap();
    let policy = "permit (principal, action, resource)\nwhen { principal.nickname == 1 };\n";
    std::fs::write(policies.join("bad.cedar"), policy).unwrap();
    std::fs::write(policies.join("worse.cedar"), "permit (").unwrap();
    let (code, text) = start
        .with(&["--policies", policies.to_str().unwrap()])
        .fails();
    assert_eq!(code, 3, "{text}");
    for part in ["bad.cedar:2", "nickname", "worse.cedar:1"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
}

#[test]
fn a_schema_that_is_not_valid_is_shown_too() {
    let start = Start::new();
    let schema = start.path("bad.cedarschema");
    std::fs::write(
        &schema,
        "namespace Peppol { entity User = { email: Emial }; }",
    )
    .unwrap();
    let (code, text) = start.with(&["--schema", schema.to_str().unwrap()]).fails();
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("Emial"), "{text}");
}

#[test]
fn an_empty_directory_of_policies_is_a_mount_that_failed() {
    let start = Start::new();
    let policies = start.path("policies");
    std::fs::create_dir(&policies).unwrap();
    let (code, text) = start
        .with(&["--policies", policies.to_str().unwrap()])
        .fails();
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("there are no policies"), "{text}");
}

#[test]
fn what_cannot_be_read_is_named() {
    for (flag, value) in [
        ("--policies", "/nowhere/policies"),
        ("--schema", "/nowhere/peppol.cedarschema"),
        ("--tenancy", "entities:/nowhere/entities.json"),
        ("--tenancy", "sqlite:/nowhere/tenancy.db"),
        ("--import", "/nowhere/tenancy.ndjson"),
    ] {
        let (code, text) = Start::new().with(&[flag, value]).fails();
        assert_eq!(code, 1, "{value}: {text}");
        let path = value.split_once(':').map_or(value, |(_, path)| path);
        assert!(text.contains(path), "{value}: {text}");
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let start = Start::new();
    let path = start.path("notes.txt");
    let notes = "These are notes, and no database. ".repeat(100);
    std::fs::write(&path, &notes).unwrap();
    let source = format!("sqlite:{}", path.display());
    let (code, text) = Start::new().with(&["--tenancy", &source]).fails();
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("notes.txt"), "{text}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), notes);
}

#[test]
fn it_is_alive_and_not_ready_until_the_tenancy_is_read() {
    let start = Start::new();
    let documents = fifo(&start.path("tenancy.fifo"));
    let sidecar = start.with(&["--import", &documents]).start_listening();
    assert_eq!(sidecar.get("/livez").status, 200);
    assert_eq!(sidecar.get("/healthz").text, "ok");
    let ready = sidecar.get("/readyz");
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["ready"], false);
    assert!(
        ready.json()["missing"][0]
            .as_str()
            .unwrap()
            .starts_with("start: "),
        "{}",
        ready.text
    );
    for (path, body) in [
        ("/v1/is_authorized", allowed()),
        ("/v1/batch_is_authorized", json!({"requests": [allowed()]})),
        ("/access/v1/evaluation", json!({})),
        ("/access/v1/evaluations", json!({})),
    ] {
        let reply = sidecar.post(path, &body);
        assert_eq!(reply.status, 503, "{}", reply.text);
        assert_eq!(reply.json()["code"], "NOT_READY");
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    std::fs::write(&documents, quickstart()).unwrap();
    sidecar.wait_for_log("ready");
    assert_eq!(sidecar.get("/readyz").status, 200);
    assert_eq!(sidecar.ask(&allowed())["decision"], "Allow");
}

#[test]
fn it_stops_when_told_so_while_it_reads_the_tenancy() {
    let start = Start::new();
    let documents = fifo(&start.path("tenancy.fifo"));
    let mut sidecar = start.with(&["--import", &documents]).start_listening();
    sidecar.stop();
}

#[test]
fn an_import_that_fails_ends_it_with_the_line_at_fault() {
    let start = Start::new();
    let documents = start.path("tenancy.ndjson");
    let text = quickstart().replace("\"environment\":\"TEST\"", "\"environment\":\"SECRET\"");
    std::fs::write(&documents, text).unwrap();
    let (code, text) = start
        .with(&["--import", documents.to_str().unwrap()])
        .fails();
    assert_eq!(code, 1, "{text}");
    // The eighth line is the first access point.
    assert!(
        text.contains("tenancy.ndjson") && text.contains('8'),
        "{text}"
    );
}

#[test]
fn several_files_are_imported_and_all_of_them_again_at_the_next_start() {
    let start = Start::quickstart();
    let more = project("tests/http/tenancy.ndjson");
    let database = start.path("kept.db");
    let source = format!("sqlite:{}", database.display());
    let with = |start: Start| {
        start
            .with(&["--tenancy", &source, "--import", more.to_str().unwrap()])
            .start()
    };
    let mut first = with(start);
    let revision = first.ask(&allowed())["tenancyRevision"].clone();
    first.stop();
    // `first` holds the directory of the database.
    let second = with(Start::quickstart());
    assert_eq!(
        second.ask(&allowed())["tenancyRevision"],
        revision,
        "nothing has changed"
    );
    let question = json!({
        "principal": "Peppol::User::\"o'brien\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": "Peppol::Organisation::\"initech\"",
    });
    assert_eq!(second.ask(&question)["decision"], "Allow");
}
