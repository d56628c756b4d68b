//! A collector that fails: no answer waits, and what is lost is counted.

use serde_json::Value;

use super::collector::nobody;
use super::{Collector, ask, start};
use crate::eventually::until;
use crate::samples::Samples;
use crate::sidecar::{Sidecar, Start};

fn items(sidecar: &Sidecar, result: &str) -> f64 {
    let labels = [("result", result), ("signal", "traces")];
    Samples::of(sidecar).value("otlp_items_total", &labels)
}

fn is_failing(sidecar: &Sidecar) -> bool {
    Samples::of(sidecar).value("otlp_failing", &[("signal", "traces")]) == 1.0
}

#[test]
fn a_collector_that_fails_holds_no_answer_and_losses_are_counted() {
    let collector = Collector::start();
    collector.answers(503);
    let mut sidecar = start(&collector)
        .variable("PEPPOL_AUTHZ_OTLP__QUEUE", "4")
        .variable("PEPPOL_AUTHZ_OTLP__METRICS", "false")
        .variable("PEPPOL_AUTHZ_OTLP__LOGS", "false")
        .start();
    until("it is failing", || {
        assert_eq!(ask(&sidecar, &[]).status, 200);
        is_failing(&sidecar)
    });
    for _ in 0..50 {
        assert_eq!(ask(&sidecar, &[]).status, 200);
    }
    assert!(items(&sidecar, "dropped") > 0.0);
    assert_eq!(items(&sidecar, "sent"), 0.0);
    assert_eq!(sidecar.get("/readyz").status, 200);
    collector.answers(200);
    until("it takes them again", || {
        ask(&sidecar, &[]);
        !is_failing(&sidecar) && items(&sidecar, "sent") > 0.0
    });
    let log = sidecar.stop();
    let of = |message: &str| {
        let records = log.iter().filter(|record| record["message"] == message);
        records.collect::<Vec<&Value>>()
    };
    assert_eq!(of("the collector takes it again").len(), 1, "{log:#?}");
    let told = of("the collector cannot be told").len() + of("telemetry is dropped").len();
    assert!((1..=4).contains(&told), "{log:#?}");
}

#[test]
fn what_the_collector_refuses_is_not_sent_again() {
    let collector = Collector::start();
    collector.answers(400);
    let sidecar = start(&collector)
        .variable("PEPPOL_AUTHZ_OTLP__LOGS", "false")
        .variable("PEPPOL_AUTHZ_OTLP__METRICS", "false")
        .start();
    ask(&sidecar, &[]);
    until("it is dropped", || items(&sidecar, "dropped") > 0.0);
    assert_eq!(collector.asked(), 1);
}

#[test]
fn it_starts_and_ends_where_nobody_listens() {
    let mut sidecar = Start::quickstart()
        .variable("PEPPOL_AUTHZ_OTLP__ENDPOINT", &nobody())
        .variable("PEPPOL_AUTHZ_SERVER__DRAIN_TIMEOUT", "1s")
        .start();
    assert_eq!(ask(&sidecar, &[]).status, 200);
    until("it is failing", || is_failing(&sidecar));
    let log = sidecar.stop();
    assert!(
        log.iter().any(|record| record["message"] == "stopped"),
        "{log:#?}"
    );
}

/// Requests that are on their way when it is told to stop.
#[test]
fn the_last_spans_are_sent_at_the_end() {
    let collector = Collector::start();
    let mut sidecar = start(&collector).start();
    for _ in 0..700 {
        ask(&sidecar, &[]);
    }
    sidecar.stop();
    let spans = collector.spans();
    let requests = spans
        .iter()
        .filter(|span| span.name == "POST /v1/is_authorized");
    assert_eq!(requests.count(), 700);
    let records = collector.records();
    let of = |text: &str| {
        use peppol_authz_server::telemetry::messages::Value::Text;
        let wanted = Some(Text(text.to_owned()).into());
        records.iter().any(|(_, record)| record.body == wanted)
    };
    assert!(of("ready") && of("stopped"), "{records:#?}");
    assert!(collector.metrics().is_some());
}
