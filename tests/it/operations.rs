//! The interface for operators: health, version, the log, and a store that another process writes to.
//!
//! `start` has what keeps it from starting, `health` the command, `socket` the Unix socket, `drain` the way to stop, and
//! `metrics` what is counted.

mod drain;
mod health;
mod labels;
mod log;
mod metrics;
mod passed;
mod socket;
mod start;
mod supervisor;
mod watched;

use serde_json::{Value, json};

use crate::connection::ALLOWED;
use crate::sidecar::{Start, program};

fn allowed() -> Value {
    serde_json::from_str(ALLOWED).unwrap()
}

/// A question that is denied as long as Anna's organisation has no business contact.
fn mode_change() -> Value {
    json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"requestModeChange\"",
        "resource": "Peppol::Organisation::\"acme\"",
        "context": {"requestedMode": "SHARED"},
    })
}

#[test]
fn health_is_ok_and_readiness_names_nothing_that_is_missing() {
    let sidecar = Start::quickstart().start();
    for path in ["/livez", "/healthz"] {
        let reply = sidecar.get(path);
        assert_eq!((reply.status, &*reply.text), (200, "ok"), "{path}");
    }
    let ready = sidecar.get("/readyz");
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json(), json!({"ready": true, "missing": []}));
}

#[test]
fn the_version_names_the_program_and_the_policies() {
    let mut sidecar = Start::quickstart().start();
    let version = sidecar.get("/version").json();
    assert_eq!(version["name"], "peppol-authz");
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    for member in ["cedarPolicy", "cedarLanguage"] {
        let text = version[member].as_str().unwrap();
        assert!(text.split('.').all(|part| part.parse::<u32>().is_ok()));
    }
    let answer = sidecar.ask(&allowed());
    assert_eq!(version["policyRevision"], answer["policyRevision"]);
    let log = sidecar.stop();
    let ready = log.iter().find(|record| record["message"] == "ready");
    assert_eq!(ready.unwrap()["policies"], answer["policyRevision"]);
}

#[test]
fn two_that_start_with_the_same_policies_name_them_alike() {
    let revision = || Start::new().start().get("/version").json()["policyRevision"].clone();
    assert_eq!(revision(), revision());
}

#[test]
fn what_another_process_imports_is_seen_by_the_very_next_question() {
    let start = Start::quickstart();
    let with_contact = |kind: &str| {
        let path = start.path(&format!("{kind}.ndjson"));
        let organisation = json!({
            "type": "ORGANISATION", "id": "acme", "legalIdentifierCode": "SE_ORGNR",
            "legalIdentifier": "556123-4567", "organisationMode": "DEMO",
            "contacts": [{"contactType": kind}], "modeChangeRequest": null,
        });
        std::fs::write(&path, organisation.to_string()).unwrap();
        path
    };
    let files = [with_contact("BUSINESS"), with_contact("TECHNICAL")];
    let sidecar = start.start();
    let tenancy = format!("sqlite:{}", sidecar.path("tenancy.db").display());
    // Several entities are in memory by now, and several connections to the store are open.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| sidecar.ask(&mode_change()));
        }
    });
    for turn in 0..6 {
        let done = program()
            .args(["import", "--tenancy", &tenancy])
            .arg(&files[turn % 2])
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        let stdout = String::from_utf8(done.stdout).unwrap();
        let revision = stdout.lines().last().unwrap();
        let revision = revision.strip_prefix("tenancyRevision ").unwrap();
        let decision = ["Allow", "Deny"][turn % 2];
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let answer = sidecar.ask(&mode_change());
                    assert_eq!(answer["tenancyRevision"], revision);
                    assert_eq!(answer["decision"], decision);
                });
            }
        });
    }
}

#[test]
fn the_log_is_json_and_holds_no_one_s_data() {
    let mut sidecar = Start::quickstart()
        .variable("PEPPOL_AUTHZ_LOG__FILTER", "debug")
        .start();
    let address = "carol.secret@acme.example";
    let with_email = |email: &Value| {
        json!({
            "principal": "Peppol::User::\"anna\"",
            "action": "Peppol::Action::\"createSubAccount\"",
            "resource": "Peppol::LegalEntity::\"secret-entity\"",
            "context": {"email": email},
        })
    };
    assert_eq!(
        sidecar.ask(&with_email(&address.into()))["decision"],
        "Deny"
    );
    let authzen = |email: &Value| {
        json!({
            "subject": {"type": "user", "id": "anna", "properties": {address: address}},
            "action": {"name": "createSubAccount"},
            "resource": {"type": "legal_entity", "id": "secret-entity"},
            "context": {"email": email},
        })
    };
    let mut unknown = authzen(&address.into());
    let decision = |body: &Value| {
        let answer = sidecar.post("/access/v1/evaluation", body).json();
        answer["decision"].clone()
    };
    assert_eq!(decision(&unknown), false);
    unknown["action"]["name"] = address.into();
    assert_eq!(decision(&unknown), false);
    for (path, body) in [
        ("/v1/is_authorized", with_email(&json!([address]))),
        ("/v1/is_authorized", json!({"principal": address})),
        ("/v1/is_authorized", json!(address)),
        (
            "/v1/batch_is_authorized",
            json!({"requests": [{"principal": address}, address]}),
        ),
        ("/v1/batch_is_authorized", json!({"requests": address})),
        ("/access/v1/evaluation", authzen(&json!([address]))),
        ("/access/v1/evaluation", json!({"subject": address})),
        (
            "/access/v1/evaluations",
            json!({"evaluations": [authzen(&json!([address])), address]}),
        ),
        ("/secret@acme.example", json!(null)),
    ] {
        let reply = sidecar.post(path, &body);
        let is_batch = reply.status == 200 && reply.text.contains("\"error\"");
        assert!(reply.status >= 400 || is_batch, "{reply:?}");
    }
    let log = sidecar.stop();
    assert!(
        log.iter().any(|record| record["message"] == "decided"),
        "the log is a full one"
    );
    for record in &log {
        assert!(
            record["message"].is_string() && record["level"].is_string(),
            "{record}"
        );
        let text = record.to_string().to_lowercase();
        for data in ["@", "secret", "anna"] {
            assert!(!text.contains(data), "{record}");
        }
    }
}

#[test]
fn the_log_is_text_unless_it_is_asked_to_be_json() {
    let start = Start::quickstart()
        .variable("PEPPOL_AUTHZ_LOG__FORMAT", "text")
        .with(&["--listen", "unix:/nowhere/authz.sock"]);
    let (code, text) = start.fails();
    assert_eq!(code, 1);
    assert!(serde_json::from_str::<Value>(text.lines().next().unwrap()).is_err());
}

#[test]
fn a_filter_makes_the_log_silent() {
    let mut sidecar = Start::quickstart()
        .variable("PEPPOL_AUTHZ_LOG__FILTER", "off,peppol_authz::cli=info")
        .start();
    sidecar.ask(&allowed());
    for record in sidecar.stop() {
        assert!(
            record["target"]
                .as_str()
                .unwrap()
                .starts_with("peppol_authz::cli"),
            "{record}"
        );
    }
}
