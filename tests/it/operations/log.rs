//! The log as people and programs read it.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use super::allowed;
use crate::eventually::until;
use crate::sidecar::{Start, program};

/// A name that a terminal shows as another: it turns the rest of the line.
const NAME: &str = "a\u{202e}b\u{85}c\u{7f}.db";

#[test]
fn what_would_hide_a_part_of_a_record_is_escaped() {
    let start = Start::new();
    let path = start.path(NAME).display().to_string();
    let mut sidecar = start
        .with(&["--tenancy", &format!("sqlite:{path}")])
        .start();
    let ready = sidecar.logged("ready");
    assert!(
        ready["tenancy"].as_str().unwrap().ends_with(NAME),
        "{ready}"
    );
    sidecar.stop();
    for format in ["text", "json"] {
        let directory = tempfile::tempdir().unwrap();
        let said = directory.path().join("log");
        let mut child = program()
            .args(["serve", "--listen", "127.0.0.1:0", "--tenancy"])
            .arg(format!("sqlite:{}", directory.path().join(NAME).display()))
            .env("PEPPOL_AUTHZ_LOG__FORMAT", format)
            .env("CLICOLOR_FORCE", "1")
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&said).unwrap())
            .spawn()
            .unwrap();
        let log = || std::fs::read_to_string(&said).unwrap();
        until("it is ready", || log().contains("ready"));
        child.kill().unwrap();
        child.wait().unwrap();
        let log = log();
        assert!(log.contains(r"a\u202eb\u0085c\u007f.db"), "{log}");
        let hidden = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!log.contains(hidden), "{log:?}");
    }
}

/// Of failures of one kind the first are logged, and then how many there were.
#[test]
fn a_store_that_is_away_does_not_fill_the_log() {
    let mut sidecar = Start::quickstart().start();
    std::fs::remove_file(sidecar.path("tenancy.db")).unwrap();
    for _ in 0..300 {
        let reply = sidecar.post("/v1/is_authorized", &allowed());
        assert_eq!(reply.status, 503, "{}", reply.text);
    }
    let log = sidecar.stop();
    let of_questions: Vec<_> = log
        .iter()
        .filter(|record| record["message"] == "a question was not answered")
        .collect();
    let count = of_questions.len();
    assert!((1..=20).contains(&count), "{count}");
    assert_eq!(of_questions[0]["code"], "STORE_UNAVAILABLE");
}

fn asked(action: &str, user: &str) -> Value {
    json!({
        "principal": {"type": "Peppol::User", "id": user},
        "action": {"type": "Peppol::Action", "id": action},
        "resource": "Peppol::Organisation::\"acme\"",
        "context": {},
    })
}

fn denials(log: &[Value]) -> Vec<&Value> {
    let records = log.iter();
    records
        .filter(|record| record["message"] == "denied")
        .collect()
}

/// Why something is denied can be seen, of whom cannot, and a flood is a few lines.
#[test]
fn denials_are_logged_by_what_denies_them() {
    let mut sidecar = Start::quickstart().start();
    let mut mode = asked("requestModeChange", "anna");
    mode["context"] = json!({"requestedMode": "SHARED"});
    let first = sidecar.ask(&mode);
    for _ in 0..30 {
        assert_eq!(sidecar.ask(&mode)["decision"], "Deny");
    }
    assert_eq!(
        sidecar.ask(&asked("getOrganisation", "nobody-there"))["decision"],
        "Deny"
    );
    assert_eq!(
        sidecar.ask(&asked("getOrganisation", "anna"))["decision"],
        "Allow"
    );
    let log = sidecar.stop();
    let found = denials(&log);
    let of = |codes: &str| {
        found
            .iter()
            .filter(|record| record["codes"] == codes)
            .count()
    };
    assert_eq!(
        (of("AT-1120"), of("UNKNOWN_PRINCIPAL")),
        (5, 1),
        "{found:#?}"
    );
    assert_eq!(found.len(), 6, "{found:#?}");
    let record = found[0];
    for (member, value) in [
        ("level", json!("INFO")),
        ("decision_id", first["decisionId"].clone()),
        ("surface", json!("native")),
        ("action", json!("requestModeChange")),
        ("principal", json!("Peppol::User")),
        ("resource", json!("Peppol::Organisation")),
        (
            "policies",
            json!("organisation/mode-change-needs-business-contact"),
        ),
        ("left_out", json!(0)),
    ] {
        assert_eq!(record[member], value, "{record}");
    }
    let all = json!(found).to_string();
    for id in ["anna", "acme", "nobody-there", "SHARED"] {
        assert!(!all.contains(id), "{id}: {all}");
    }
    assert!(accesses(&log).is_empty(), "{log:?}");
    let mut sidecar = Start::quickstart()
        .variable("PEPPOL_AUTHZ_LOG__DECISIONS", "off")
        .variable("PEPPOL_AUTHZ_LOG__REQUESTS", "all")
        .start();
    let marks = [
        ("x-request-id", "r-1"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
    ];
    let text = mode.to_string();
    sidecar.send("/v1/is_authorized", &marks, text.as_bytes());
    crate::gateway::ask(
        &sidecar.address,
        "/authz/nginx",
        &[
            ("x-original-method", "GET"),
            ("x-original-uri", "/orgs/acme"),
            ("x-request-id", "two words"),
        ],
    );
    assert_eq!(sidecar.get("/orgs/acme").status, 404);
    let log = sidecar.stop();
    assert!(denials(&log).is_empty());
    let accesses = accesses(&log);
    let all = json!(accesses).to_string();
    for id in ["anna", "acme", "two words"] {
        assert!(!all.contains(id), "{id}: {all}");
    }
    let of = |path: &str| {
        let found = accesses.iter().find(|record| record["path"] == path);
        found.unwrap_or_else(|| panic!("{path}: {all}"))
    };
    let asked = of("/v1/is_authorized");
    for (member, value) in [
        ("level", json!("INFO")),
        ("caller", json!("unknown")),
        ("method", json!("POST")),
        ("status", json!(200)),
        ("request_id", json!(marks[0].1)),
        ("traceparent", json!(marks[1].1)),
    ] {
        assert_eq!(asked[member], value, "{asked}");
    }
    assert!(asked["bytes"].as_u64() > Some(100), "{asked}");
    assert!(asked["seconds"].as_f64() > Some(0.0), "{asked}");
    assert_eq!(of("/authz/nginx")["status"], 401);
    assert_eq!(of("/authz/nginx").get("request_id"), None);
    assert_eq!(of("other")["status"], 404);
}

/// The records of requests.
fn accesses(log: &[Value]) -> Vec<&Value> {
    let of_requests = |record: &&Value| {
        let target = record["target"].as_str().unwrap_or_default();
        target.ends_with("http::access_log")
    };
    log.iter().filter(of_requests).collect()
}

#[test]
fn a_log_that_is_read_by_a_program_has_no_colours() {
    let directory = tempfile::tempdir().unwrap();
    let tenancy = format!("sqlite:{}", directory.path().join("t.db").display());
    let mut child = program()
        .args(["serve", "--listen", "127.0.0.1:0", "--tenancy", &tenancy])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut seen = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        seen.push(line.unwrap());
        if seen.iter().any(|line| line.contains(": ready ")) {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        seen.iter().any(|line| line.contains(": ready ")),
        "{seen:?}"
    );
    assert!(!seen.concat().contains('\u{1b}'), "{seen:?}");
}
