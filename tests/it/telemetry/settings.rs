//! Settings of the collector: headers, TLS, OpenTelemetry's own variables, and what is refused.

use super::{Collector, RECORDED, ask, start};
use crate::eventually::until;
use crate::samples::Samples;
use crate::sidecar::{Start, program};
use crate::tls::Authority;

#[test]
fn headers_are_sent_over_tls_and_read_each_time() {
    let authority = Authority::new();
    let signed = authority.sign("collector", "IP:127.0.0.1");
    let collector = Collector::start_with(Some(signed.server()));
    let start = start(&collector);
    let file = start.path("headers");
    std::fs::write(&file, "authorization: Bearer one\nx-scope: a\n").unwrap();
    let sidecar = start
        .variable("PEPPOL_AUTHZ_OTLP__HEADERS_FILE", file.to_str().unwrap())
        .variable(
            "PEPPOL_AUTHZ_OTLP__CA_CERTIFICATE",
            authority.certificate().to_str().unwrap(),
        )
        .start();
    ask(&sidecar, &[]);
    collector.request("POST /v1/is_authorized");
    let head = collector.head();
    for line in [
        "authorization: bearer one\r\n",
        "x-scope: a\r\n",
        "content-type: application/x-protobuf\r\n",
    ] {
        assert!(head.contains(line), "{line}: {head}");
    }
    std::fs::write(&file, "authorization: Bearer two\n").unwrap();
    until("the changed ones are sent", || {
        ask(&sidecar, &[]);
        collector.head().contains("authorization: bearer two\r\n")
    });
    drop(sidecar);
    // Somebody else's authority does not vouch for it.
    let other = Authority::new();
    let asked = collector.asked();
    let sidecar = super::start(&collector)
        .variable(
            "PEPPOL_AUTHZ_OTLP__CA_CERTIFICATE",
            other.certificate().to_str().unwrap(),
        )
        .start();
    assert_eq!(ask(&sidecar, &[]).status, 200);
    until("it is failing", || {
        Samples::of(&sidecar).value("otlp_failing", &[("signal", "traces")]) == 1.0
    });
    assert_eq!(collector.asked(), asked);
}

#[test]
fn opentelemetrys_own_variables_count_where_nothing_else_is_set() {
    let collector = Collector::start();
    let general = |start: Start| {
        start
            .variable(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                &format!("{}/of/all/", collector.url()),
            )
            .variable("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
            .variable("OTEL_EXPORTER_OTLP_HEADERS", "x-a=1%202,x-b=3")
            .variable("OTEL_SERVICE_NAME", "by-variable")
            .variable("OTEL_METRICS_EXPORTER", "none")
            .variable("OTEL_LOGS_EXPORTER", "none")
            .variable("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
            .variable("OTEL_TRACES_SAMPLER_ARG", "0.0")
    };
    let sidecar = general(Start::quickstart()).start();
    for _ in 0..5 {
        ask(&sidecar, &[]);
    }
    ask(&sidecar, &[("traceparent", RECORDED)]);
    until("it is sent", || {
        !collector.messages("/of/all/v1/traces").is_empty()
    });
    let head = collector.head();
    assert!(
        head.contains("x-a: 1 2\r\n") && head.contains("x-b: 3\r\n"),
        "{head}"
    );
    let message = collector.messages("/of/all/v1/traces").remove(0);
    let message = String::from_utf8_lossy(&message).into_owned();
    assert!(message.contains("by-variable"), "{message}");
    assert_eq!(
        message.matches("POST /v1/is_authorized").count(),
        1,
        "{message}"
    );
    drop(sidecar);
    // A setting of this program wins, and all of it can be switched off.
    let asked = collector.asked();
    for (name, value) in [
        ("PEPPOL_AUTHZ_OTLP__TRACES", "false"),
        ("OTEL_SDK_DISABLED", "true"),
    ] {
        let mut sidecar = general(Start::quickstart()).variable(name, value).start();
        ask(&sidecar, &[("traceparent", RECORDED)]);
        sidecar.stop();
    }
    assert_eq!(collector.asked(), asked);
    let (code, text) = general(Start::new())
        .variable("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
        .variable("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
        .fails();
    assert_eq!(code, 64, "{text}");
    for said in [
        "`OTEL_EXPORTER_OTLP_PROTOCOL`: expected `grpc` or `http/protobuf`",
        "`OTEL_EXPORTER_OTLP_TIMEOUT`",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[test]
fn secrets_and_decisions_go_nowhere_in_plain_text() {
    let start = Start::new();
    let file = start.path("headers");
    std::fs::write(&file, "authorization: Bearer s3cret\nno header s3cret\n").unwrap();
    let file = file.to_str().unwrap().to_owned();
    let (code, text) = start
        .variable(
            "PEPPOL_AUTHZ_OTLP__ENDPOINT",
            "http://collector.example.org:4318",
        )
        .variable("PEPPOL_AUTHZ_OTLP__HEADERS_FILE", &file)
        .variable("PEPPOL_AUTHZ_DECISION_LOG__TO", "otlp")
        .fails();
    assert_eq!(code, 64, "{text}");
    assert!(
        text.contains("`otlp.headers_file` could be read on the way"),
        "{text}"
    );
    assert!(
        text.contains("decisions could be read on the way"),
        "{text}"
    );
    let (code, text) = Start::new()
        .variable("PEPPOL_AUTHZ_DECISION_LOG__TO", "otlp")
        .fails();
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("`otlp.endpoint`"), "{text}");
    let directory = tempfile::tempdir().unwrap();
    let headers = directory.path().join("headers");
    std::fs::write(&headers, "authorization: Bearer s3cret\nno header s3cret\n").unwrap();
    let (code, text) = Start::new()
        .variable("PEPPOL_AUTHZ_OTLP__ENDPOINT", "http://127.0.0.1:1")
        .variable("PEPPOL_AUTHZ_OTLP__HEADERS_FILE", headers.to_str().unwrap())
        .fails();
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("line 2 is no header") && !text.contains("s3cret"),
        "{text}"
    );
}

#[test]
fn doctor_asks_the_collector() {
    let collector = Collector::start();
    let directory = tempfile::tempdir().unwrap();
    let said = |url: &str| {
        let done = program()
            .args(["doctor", "--tenancy"])
            .arg(format!(
                "sqlite:{}",
                directory.path().join("t.db").display()
            ))
            .env("PEPPOL_AUTHZ_OTLP__ENDPOINT", url)
            .env("PEPPOL_AUTHZ_OTLP__PROTOCOL", "http")
            .output()
            .unwrap();
        String::from_utf8(done.stdout).unwrap()
    };
    let text = said(&collector.url());
    for signal in ["traces", "metrics", "logs"] {
        assert!(text.contains(&format!("takes {signal}")), "{text}");
    }
    let text = said(&super::collector::nobody());
    assert!(text.contains("takes no traces"), "{text}");
}
