//! Traces of requests, at each surface.

use peppol_authz_server::telemetry::messages::traces::{Span, SpanKind, StatusCode};
use serde_json::json;

use super::collector::{text, texts};
use super::{Collector, NOT_RECORDED, RECORDED, SPAN, TRACE, ask, start};
use crate::connection::ALLOWED;
use crate::eventually::until;
use crate::gateway::envoy::{Envoy, get};
use crate::sidecar::Start;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The names of spans, sorted.
fn names(spans: &[Span]) -> Vec<&str> {
    let mut names: Vec<&str> = spans.iter().map(|span| &*span.name).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_question_is_a_span_with_its_stages_in_the_trace_of_its_caller() {
    let collector = Collector::start();
    let sidecar = start(&collector).start();
    let headers = [("traceparent", RECORDED), ("tracestate", "a=1,b=2")];
    let reply = ask(&sidecar, &headers);
    assert_eq!(reply.status, 200, "{}", reply.text);
    let (span, below) = collector.request("POST /v1/is_authorized");
    assert_eq!(hex(&span.trace_id), TRACE);
    assert_eq!(hex(&span.parent_span_id), SPAN);
    assert_eq!(span.trace_state, "a=1,b=2");
    assert_eq!(span.kind, i32::from(SpanKind::Server));
    // It is recorded, and its parent is in another process.
    assert_eq!(span.flags, 0x301);
    let place = format!("00-{TRACE}-{}-01", hex(&span.span_id));
    assert_eq!(reply.header("traceresponse"), Some(&*place));
    let answer = reply.json();
    let of = |key: &str| text(&span.attributes, key);
    assert_eq!(
        of("peppol_authz.decision.id"),
        answer["decisionId"].as_str().unwrap()
    );
    assert_eq!(of("peppol_authz.decision"), "Allow");
    assert_eq!(of("peppol_authz.policies"), "organisation/orgadmin-manages");
    assert_eq!(of("peppol_authz.surface"), "native");
    assert_eq!(of("peppol_authz.action"), "getOrganisation");
    assert_eq!(of("peppol_authz.principal.type"), "Peppol::User");
    assert_eq!(of("peppol_authz.resource.type"), "Peppol::Organisation");
    assert_eq!(of("http.route"), "/v1/is_authorized");
    assert_eq!(of("http.response.status_code"), "200");
    assert!(texts(&span.attributes, "peppol_authz.codes").is_empty());
    assert_eq!(span.status, None);
    let stages = names(&below);
    for stage in ["read", "slice", "store", "decide", "answer"] {
        assert!(stages.contains(&stage), "{stage}: {stages:?}");
    }
    for stage in &below {
        let within = span.start_time_unix_nano..=span.end_time_unix_nano;
        assert!(within.contains(&stage.start_time_unix_nano), "{stage:?}");
        assert!(within.contains(&stage.end_time_unix_nano), "{stage:?}");
        assert!(stage.start_time_unix_nano <= stage.end_time_unix_nano);
        assert_eq!(stage.trace_id, span.trace_id);
    }
    // The same again is in memory: nothing is read, and the policies are not asked.
    ask(&sidecar, &[]);
    until("it is there too", || {
        collector
            .spans()
            .iter()
            .any(|span| span.parent_span_id.is_empty())
    });
    let spans = collector.spans();
    let root = spans
        .iter()
        .find(|span| span.parent_span_id.is_empty())
        .unwrap();
    assert_ne!(root.trace_id, span.trace_id);
    let below: Vec<Span> = spans
        .iter()
        .filter(|it| it.parent_span_id == root.span_id)
        .cloned()
        .collect();
    assert_eq!(names(&below), ["answer", "decide", "read"]);
    let decide = below.iter().find(|span| span.name == "decide").unwrap();
    assert_eq!(text(&decide.attributes, "peppol_authz.recalled"), "true");
}

/// Neither of who, nor of what.
#[test]
fn a_trace_has_no_id_of_an_entity() {
    let collector = Collector::start();
    let sidecar = start(&collector).start();
    ask(&sidecar, &[("x-request-id", "of-anna")]);
    sidecar.get("/orgs/acme");
    let path = "/authz/nginx";
    let request = [
        ("x-original-method", "GET"),
        ("x-original-uri", "/orgs/acme"),
        ("x-user", "anna"),
    ];
    crate::gateway::ask(&sidecar.address, path, &request);
    let search = json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": {"type": "Peppol::Organisation"},
    });
    assert_eq!(sidecar.post("/v1/search", &search).status, 200);
    assert_eq!(
        sidecar
            .post("/v1/is_authorized", &json!({"anna": "acme"}))
            .status,
        400
    );
    collector.request("POST /v1/search");
    let (malformed, _) = collector.request("POST /v1/is_authorized");
    drop(malformed);
    collector.request("GET other");
    collector.request(&format!("GET {path}"));
    for message in collector.messages("/v1/traces") {
        let message = String::from_utf8_lossy(&message);
        for id in ["anna", "acme"] {
            assert!(!message.contains(id), "{id}: {message}");
        }
    }
}

#[test]
fn each_surface_is_traced() {
    let collector = Collector::start();
    let settings = "[gateway]\nenvoy_grpc_listen = \"127.0.0.1:0\"\n[[gateway.header]]\nendpoint = \"envoy\"\n\
                    from = [\"127.0.0.1\"]\nname = \"X-User\"\ntype = \"User\"\n[cerbos]\nprincipal_type = \"Peppol::User\"\n";
    let start = start(&collector);
    let path = start.path("config.toml");
    std::fs::write(&path, settings).unwrap();
    let sidecar = start.with(&["--config", path.to_str().unwrap()]).start();
    let place = ("traceparent", RECORDED);
    let evaluation = json!({
        "subject": {"type": "user", "id": "anna"},
        "action": {"name": "get_organisation"},
        "resource": {"type": "organisation", "id": "acme"},
    });
    let avp = json!({
        "policyStoreId": "p",
        "principal": {"entityType": "Peppol::User", "entityId": "anna"},
        "action": {"actionType": "Peppol::Action", "actionId": "getOrganisation"},
        "resource": {"entityType": "Peppol::Organisation", "entityId": "acme"},
    });
    let target = ("x-amz-target", "VerifiedPermissions.IsAuthorized");
    let cerbos = json!({
        "requestId": "r", "action": "getOrganisation",
        "principal": {"id": "anna", "roles": ["user"]},
        "resource": {"kind": "Peppol::Organisation"},
    });
    let question: serde_json::Value = serde_json::from_str(ALLOWED).unwrap();
    let batch = json!({"requests": [question, question, {}]});
    for (path, headers, body) in [
        ("/access/v1/evaluation", vec![place], &evaluation),
        ("/", vec![place, target], &avp),
        ("/api/plan/resources", vec![place], &cerbos),
        ("/v1/batch_is_authorized", vec![place], &batch),
    ] {
        sidecar.send(path, &headers, body.to_string().as_bytes());
        let (span, below) = collector.request(&format!("POST {path}"));
        assert_eq!(hex(&span.trace_id), TRACE, "{path}");
        assert_eq!(hex(&span.parent_span_id), SPAN, "{path}");
        assert!(names(&below).contains(&"read"), "{path}: {below:#?}");
    }
    // Several decisions of one request are told one by one.
    let (batch, _) = collector.request("POST /v1/batch_is_authorized");
    assert_eq!(batch.events.len(), 2, "{batch:#?}");
    let ids: Vec<String> = batch
        .events
        .iter()
        .map(|event| text(&event.attributes, "peppol_authz.decision.id"))
        .collect();
    assert_ne!(ids[0], ids[1]);
    let request = [
        ("x-original-method", "GET"),
        ("x-original-uri", "/orgs/acme"),
        place,
    ];
    crate::gateway::ask(&sidecar.address, "/authz/nginx", &request);
    let (nginx, _) = collector.request("GET /authz/nginx");
    assert_eq!(hex(&nginx.trace_id), TRACE);
    let envoy = sidecar.logged("listening for Envoy's gRPC")["address"].clone();
    let mut envoy = Envoy::connect(envoy.as_str().unwrap());
    let check = get("/orgs/acme", &[("x-user", "anna"), place]);
    envoy.check(check, "").is_subject("anna");
    let name = "POST /envoy.service.auth.v3.Authorization/Check";
    let (checked, below) = collector.request(name);
    assert_eq!(hex(&checked.trace_id), TRACE);
    assert_eq!(hex(&checked.parent_span_id), SPAN);
    assert_eq!(text(&checked.attributes, "peppol_authz.surface"), "gateway");
    assert!(names(&below).contains(&"decide"), "{below:#?}");
}

#[test]
fn what_fails_is_told_by_its_code() {
    let collector = Collector::start();
    let sidecar = start(&collector).start();
    assert_eq!(sidecar.send("/v1/is_authorized", &[], b"{").status, 400);
    let (span, _) = collector.request("POST /v1/is_authorized");
    assert_eq!(
        text(&span.attributes, "peppol_authz.problem"),
        "MALFORMED_JSON"
    );
    // A fault of the caller's is none of the server's.
    assert_eq!(span.status, None);
    std::fs::remove_file(sidecar.path("tenancy.db")).unwrap();
    assert_eq!(ask(&sidecar, &[("traceparent", RECORDED)]).status, 503);
    until("it is there", || {
        let spans = collector.spans();
        let mut failed = spans.iter().filter(|span| hex(&span.trace_id) == TRACE);
        failed.any(|span| {
            span.status
                .as_ref()
                .is_some_and(|it| it.code == i32::from(StatusCode::Error))
        })
    });
}

#[test]
fn the_caller_decides_what_is_recorded_and_else_a_share() {
    let collector = Collector::start();
    let sidecar = start(&collector)
        .variable("PEPPOL_AUTHZ_OTLP__SAMPLE", "0%")
        .start();
    for _ in 0..20 {
        // A request that is left out is in no trace at all.
        assert_eq!(ask(&sidecar, &[]).header("traceresponse"), None);
        let reply = ask(&sidecar, &[("traceparent", NOT_RECORDED)]);
        let place = reply.header("traceresponse").unwrap();
        assert!(
            place.starts_with(&format!("00-{TRACE}-")) && place.ends_with("-00"),
            "{place}"
        );
    }
    ask(&sidecar, &[("traceparent", RECORDED)]);
    let (span, _) = collector.request("POST /v1/is_authorized");
    let requests = |spans: &[Span]| {
        let of = spans
            .iter()
            .filter(|span| span.kind == i32::from(SpanKind::Server));
        of.count()
    };
    assert_eq!(hex(&span.trace_id), TRACE);
    assert_eq!(requests(&collector.spans()), 1);
    drop(sidecar);
    let collector = Collector::start();
    let sidecar = start(&collector).start();
    ask(&sidecar, &[("traceparent", NOT_RECORDED)]);
    // A header that cannot be read begins a new trace.
    let bad = [("traceparent", "00-0-0-01"), ("tracestate", "a=1")];
    ask(&sidecar, &bad);
    let (span, _) = collector.request("POST /v1/is_authorized");
    assert!(
        span.parent_span_id.is_empty() && span.trace_state.is_empty(),
        "{span:?}"
    );
    assert_eq!(requests(&collector.spans()), 1);
}

#[test]
fn without_a_collector_there_are_no_traces() {
    let sidecar = Start::quickstart().start();
    let reply = ask(&sidecar, &[("traceparent", RECORDED)]);
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("traceresponse"), None);
    let metrics = sidecar.get("/metrics").text;
    assert!(
        !metrics.contains("\npeppol_authz_otlp_items_total"),
        "{metrics}"
    );
}
