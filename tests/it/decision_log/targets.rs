//! The log at a syslog server, and at an OpenTelemetry collector.

use std::collections::BTreeSet;

use peppol_authz_server::telemetry::messages::Value as AnyValue;
use serde_json::Value;

use super::syslog::SyslogReceiver;
use super::{get_acme, setting};
use crate::eventually::until;
use crate::sidecar::{Sidecar, Start};
use crate::telemetry::Collector;
use crate::tls::Authority;

fn logging_to(start: Start, to: &str) -> Start {
    let start = start.with(&["--decision-log", to]);
    setting(start, "FACILITY", "local0")
}

/// Asks some questions, and returns the ids of their decisions.
fn asked(sidecar: &Sidecar) -> BTreeSet<String> {
    let ids = (0..20).map(|_| {
        sidecar.ask(&get_acme())["decisionId"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    ids.collect()
}

fn ids(lines: &[Value]) -> BTreeSet<String> {
    lines
        .iter()
        .map(|line| line["id"].as_str().unwrap().to_owned())
        .collect()
}

#[track_caller]
fn has_all(receiver: &SyslogReceiver, mut sidecar: Sidecar) {
    let asked = asked(&sidecar);
    sidecar.stop();
    until("all lines are there", || ids(&receiver.lines()) == asked);
    assert_eq!(receiver.lines().len(), asked.len());
}

#[test]
fn lines_go_to_syslog_by_each_way() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = SyslogReceiver::default();
    let path = directory.path().join("datagrams");
    receiver.datagrams(&path);
    let to = format!("syslog:{}", path.display());
    has_all(&receiver, logging_to(Start::quickstart(), &to).start());
    let receiver = SyslogReceiver::default();
    let path = directory.path().join("stream");
    receiver.unix_stream(&path);
    let to = format!("syslog:{}", path.display());
    has_all(&receiver, logging_to(Start::quickstart(), &to).start());
    let receiver = SyslogReceiver::default();
    let to = format!("syslog+udp://{}", receiver.udp());
    let start = logging_to(Start::quickstart(), &to);
    has_all(&receiver, setting(start, "LINE_BYTES", "60000").start());
    let receiver = SyslogReceiver::default();
    let at = receiver.tcp("127.0.0.1:0".parse().unwrap(), None);
    let to = format!("syslog+tcp://{at}");
    has_all(&receiver, logging_to(Start::quickstart(), &to).start());
    receiver.end();
}

#[test]
fn lines_go_to_syslog_over_tls_and_only_to_whom_the_authority_vouches_for() {
    let (ours, other) = (Authority::new(), Authority::new());
    let signed = ours.sign("syslog", "IP:127.0.0.1");
    let receiver = SyslogReceiver::default();
    let at = receiver.tcp("127.0.0.1:0".parse().unwrap(), Some(signed.server()));
    let start = |authority: &Authority| {
        let start = logging_to(Start::quickstart(), &format!("syslog+tls://{at}"));
        setting(
            start,
            "CA_CERTIFICATE",
            authority.certificate().to_str().unwrap(),
        )
    };
    has_all(&receiver, start(&ours).start());
    let before = receiver.lines().len();
    let sidecar = start(&other)
        .variable("PEPPOL_AUTHZ_SERVER__DRAIN_TIMEOUT", "0s")
        .start();
    refuses(&sidecar);
    assert_eq!(receiver.lines().len(), before);
    receiver.end();
}

/// Asks until nothing is answered any more, and then nothing is.
#[track_caller]
fn refuses(sidecar: &Sidecar) -> BTreeSet<String> {
    let mut answered = BTreeSet::new();
    until("nothing is answered any more", || {
        let reply = sidecar.post("/v1/is_authorized", &get_acme());
        if reply.status == 200 {
            answered.insert(reply.json()["decisionId"].as_str().unwrap().to_owned());
            return false;
        }
        reply.json()["code"] == "DECISION_NOT_LOGGED"
    });
    let ready = sidecar.get("/readyz");
    assert_eq!(ready.status, 503, "{}", ready.text);
    assert!(
        ready.text.contains("decision log: it cannot be written"),
        "{}",
        ready.text
    );
    for _ in 0..5 {
        assert_eq!(sidecar.post("/v1/is_authorized", &get_acme()).status, 503);
    }
    answered
}

#[test]
fn nothing_is_answered_while_syslog_is_away_and_no_line_of_an_answer_is_missing() {
    let first = SyslogReceiver::default();
    let at = first.tcp("127.0.0.1:0".parse().unwrap(), None);
    let to = format!("syslog+tcp://{at}");
    let mut sidecar = logging_to(Start::quickstart(), &to).start();
    let mut answered = asked(&sidecar);
    until("all lines are there", || ids(&first.lines()) == answered);
    first.end();
    until("it is gone", || std::net::TcpStream::connect(at).is_err());
    answered.extend(refuses(&sidecar));
    let second = SyslogReceiver::default();
    second.tcp(at, None);
    until("it is ready again", || sidecar.get("/readyz").status == 200);
    answered.extend(asked(&sidecar));
    sidecar.stop();
    let all = || {
        let mut all = ids(&first.lines());
        all.extend(ids(&second.lines()));
        all
    };
    until("all lines are there", || answered.is_subset(&all()));
    second.end();
}

#[test]
fn lines_go_to_a_collector_and_none_is_answered_that_it_does_not_take() {
    let collector = Collector::start();
    let start = crate::telemetry::told(Start::quickstart(), &collector)
        .variable("PEPPOL_AUTHZ_OTLP__LOGS", "false")
        .with(&["--decision-log", "otlp"]);
    let mut sidecar = start.start();
    let place = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let text = get_acme().to_string();
    let headers = [("traceparent", place)];
    let reply = sidecar.send("/v1/is_authorized", &headers, text.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text);
    until("it is there", || !collector.records().is_empty());
    let (scope, record) = collector.records().remove(0);
    assert_eq!(
        (&*scope, &*record.event_name),
        ("decision_log", "peppol_authz.decision")
    );
    assert_eq!(record.trace_id[..2], [0x0a, 0xf7]);
    let lines = || -> Vec<Value> {
        let records = collector.records().into_iter();
        let body = records.map(|(_, record)| record.body.unwrap().value.unwrap());
        let line = body.map(|body| match body {
            AnyValue::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        });
        line.collect()
    };
    assert_eq!(lines()[0]["id"], reply.json()["decisionId"]);
    assert_eq!(lines()[0]["question"]["principal"]["id"], "anna");
    collector.answers(503);
    let mut answered = refuses(&sidecar);
    collector.answers(200);
    until("it is ready again", || sidecar.get("/readyz").status == 200);
    answered.extend(asked(&sidecar));
    sidecar.stop();
    let logged = ids(&lines());
    assert!(answered.is_subset(&logged), "{answered:?}");
    assert_eq!(logged.len(), lines().len(), "a line is there twice");
}

#[test]
fn lines_leave_the_machine_without_tls_only_where_a_setting_says_so() {
    for to in [
        "syslog+udp://log.example.org:514",
        "syslog+tcp://192.0.2.1:601",
    ] {
        let start = || logging_to(Start::new(), to);
        let (code, text) = setting(start(), "LINE_BYTES", "60001").fails();
        assert_eq!(code, 64, "{text}");
        assert!(text.contains("`decision_log.allow_plain = true`"), "{text}");
        assert_eq!(
            text.contains("must be at most `60000`"),
            to.contains("udp"),
            "{text}"
        );
    }
    let (code, text) = logging_to(Start::new(), "syslog:dev/log").fails();
    assert_eq!(code, 64, "{text}");
    assert!(
        text.contains("`syslog+tls://HOST:PORT`, found `syslog:dev/log`"),
        "{text}"
    );
}
