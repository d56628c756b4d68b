//! The log of the program for a collector, and trace ids in either.

use peppol_authz_server::telemetry::messages::Value;
use serde_json::json;

use super::collector::{text, texts};
use super::{Collector, NOT_RECORDED, RECORDED, SPAN, TRACE, start};
use crate::sidecar::Start;

const DENIED: &str = "denied";

fn denied() -> Vec<u8> {
    let question = json!({
        "principal": "Peppol::User::\"nobody-there\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": "Peppol::Organisation::\"acme\"",
    });
    question.to_string().into_bytes()
}

#[test]
fn records_have_the_trace_of_their_request() {
    let collector = Collector::start();
    let mut sidecar = start(&collector)
        .variable("PEPPOL_AUTHZ_LOG__REQUESTS", "all")
        .start();
    for place in [RECORDED, NOT_RECORDED] {
        sidecar.send("/v1/is_authorized", &[("traceparent", place)], &denied());
    }
    let log = sidecar.stop();
    let of = |message: &str| {
        let found = log.iter().filter(|record| record["message"] == message);
        found.collect::<Vec<_>>()
    };
    // Those that are not recorded, too: others may have recorded them.
    assert_eq!(of(DENIED).len(), 2, "{log:#?}");
    for record in of(DENIED).into_iter().chain(of("answered")) {
        assert_eq!(record["trace_id"], TRACE, "{record}");
        let span = record["span_id"].as_str().unwrap();
        assert!(span.len() == 16 && span != SPAN, "{record}");
    }
    assert_eq!(of("ready")[0].get("trace_id"), None);
    let records = collector.records();
    let body = |text: &str| Some(Value::Text(text.to_owned()).into());
    let told: Vec<_> = records
        .iter()
        .filter(|(_, it)| it.body == body(DENIED))
        .collect();
    assert_eq!(told.len(), 2);
    let (scope, record) = told[0];
    assert_eq!(scope, "peppol_authz_server::http::denials");
    assert_eq!(
        (record.severity_number, &*record.severity_text),
        (9, "INFO")
    );
    let id: String = record
        .trace_id
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!((&*id, record.flags), (TRACE, 1));
    assert_eq!(record.span_id.len(), 8);
    assert_eq!(text(&record.attributes, "codes"), "UNKNOWN_PRINCIPAL");
    assert_eq!(text(&record.attributes, "left_out"), "0");
    assert!(texts(&record.attributes, "message").is_empty());
    let ready = records.iter().find(|(_, it)| it.body == body("ready"));
    assert!(ready.unwrap().1.trace_id.is_empty());
    // Records about the sending are not sent: that would never end.
    assert!(
        !records.iter().any(|(scope, _)| scope.contains("telemetry")),
        "{records:#?}"
    );
}

#[test]
fn a_log_for_people_has_them_too() {
    let collector = Collector::start();
    let start = start(&collector);
    let config = start.path("config.toml");
    // The tests read the log, so that its format is not theirs to change: a program of its own.
    std::fs::write(&config, "").unwrap();
    drop(start);
    let directory = tempfile::tempdir().unwrap();
    let said = directory.path().join("log");
    let tenancy = format!("sqlite:{}", directory.path().join("t.db").display());
    let mut child = crate::sidecar::program()
        .args(["serve", "--listen", "127.0.0.1:0", "--tenancy", &tenancy])
        .env("PEPPOL_AUTHZ_OTLP__ENDPOINT", collector.url())
        .env("PEPPOL_AUTHZ_OTLP__PROTOCOL", "http")
        .env("PEPPOL_AUTHZ_LOG__REQUESTS", "all")
        .stdout(std::process::Stdio::null())
        .stderr(std::fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    let log = || std::fs::read_to_string(&said).unwrap();
    crate::eventually::until("it is ready", || log().contains(": ready "));
    let text = log();
    let address = text.lines().find(|line| line.contains(": ready ")).unwrap();
    let address = address.split("address=\"").nth(1).unwrap();
    let address = address.split('"').next().unwrap();
    crate::gateway::ask(address, "/livez", &[("traceparent", RECORDED)]);
    crate::eventually::until("it is logged", || {
        log().contains(&format!("trace_id={TRACE} span_id="))
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let without: Vec<String> = log()
        .lines()
        .filter(|line| !line.contains("trace_id="))
        .map(str::to_owned)
        .collect();
    assert!(
        without.iter().any(|line| line.contains(": ready ")),
        "{without:#?}"
    );
}

#[test]
fn without_a_collector_records_have_no_trace() {
    let mut sidecar = Start::quickstart().start();
    sidecar.send("/v1/is_authorized", &[("traceparent", RECORDED)], &denied());
    let log = sidecar.stop();
    let record = log.iter().find(|record| record["message"] == DENIED);
    assert_eq!(record.unwrap().get("trace_id"), None);
}

#[test]
fn records_of_a_request_that_the_share_leaves_out_have_no_trace() {
    let collector = Collector::start();
    let mut sidecar = start(&collector)
        .variable("PEPPOL_AUTHZ_OTLP__SAMPLE", "0%")
        .start();
    sidecar.send("/v1/is_authorized", &[], &denied());
    let log = sidecar.stop();
    let record = log.iter().find(|record| record["message"] == DENIED);
    assert_eq!(record.unwrap().get("trace_id"), None);
}
