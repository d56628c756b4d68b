//! Requests that the sidecar makes itself, in the trace of the one that needs them.

use peppol_authz_server::telemetry::messages::traces::{Span, SpanKind};
use serde_json::json;

use super::collector::text;
use super::{Collector, NOT_RECORDED, RECORDED, TRACE, told};
use crate::eventually::{eventually, until};
use crate::identity::key_server::KeyServer;
use crate::sidecar::{Sidecar, Start};

/// A sidecar that asks an endpoint about tokens.
fn introspecting(server: &KeyServer, collector: &Collector) -> Sidecar {
    let answer = json!({"active": true, "sub": "anna", "aud": ["peppol"], "organisation": "acme"});
    server.answer("200 OK", answer.to_string().as_bytes());
    let start = Start::quickstart();
    let (secret, config) = (start.path("secret"), start.path("config.toml"));
    std::fs::write(&secret, "secret\n").unwrap();
    let settings = format!(
        "[introspection]\nendpoint = '{}'\nclient_secret_file = '{}'\naudience = 'peppol'\n",
        server.url(),
        secret.display()
    );
    std::fs::write(&config, settings).unwrap();
    let start = start.with(&["--config", config.to_str().unwrap()]);
    told(start, collector).start()
}

fn check(sidecar: &Sidecar, token: &str, place: &str) {
    let headers = [
        ("x-original-method", "GET"),
        ("x-original-uri", "/orgs/acme"),
        ("authorization", token),
        ("traceparent", place),
        ("tracestate", "a=1"),
    ];
    let reply = crate::gateway::ask(&sidecar.address, "/authz/nginx", &headers);
    assert_eq!(reply.status, 200, "{}", reply.text);
}

fn header(server: &KeyServer, name: &str) -> Option<String> {
    let request = server.request().to_ascii_lowercase();
    let mut lines = request.lines();
    lines.find_map(|line| Some(line.strip_prefix(&format!("{name}: "))?.to_owned()))
}

#[test]
fn an_introspection_is_in_the_trace_of_the_request_that_needs_it() {
    let (server, collector) = (KeyServer::start(), Collector::start());
    let sidecar = introspecting(&server, &collector);
    check(&sidecar, "Bearer opaque-1", RECORDED);
    let sent = header(&server, "traceparent").unwrap();
    assert_eq!(header(&server, "tracestate").as_deref(), Some("a=1"));
    let (request, _) = collector.request("GET /authz/nginx");
    let call: Span = eventually("the request to it is there", || {
        let spans = collector.spans();
        let call = spans
            .iter()
            .find(|span| span.kind == i32::from(SpanKind::Client));
        call.cloned().ok_or_else(|| format!("{spans:#?}"))
    });
    assert_eq!(call.parent_span_id, request.span_id);
    let id: String = call
        .span_id
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(sent, format!("00-{TRACE}-{id}-01"));
    assert_eq!(text(&call.attributes, "url.full"), server.url());
    assert_eq!(text(&call.attributes, "http.response.status_code"), "200");
    // One that is not recorded is handed on, too.
    check(&sidecar, "Bearer opaque-2", NOT_RECORDED);
    let sent = header(&server, "traceparent").unwrap();
    assert!(
        sent.starts_with(&format!("00-{TRACE}-")) && sent.ends_with("-00"),
        "{sent}"
    );
}

/// Keys are looked for again because a token names one that is not known.
#[test]
fn a_look_at_keys_is_in_the_trace_of_the_token_that_needs_it() {
    let (server, collector) = (KeyServer::start(), Collector::start());
    server.publish(&[]);
    let start = Start::quickstart();
    let config = start.path("config.toml");
    let settings = format!(
        "[jwt]\njwks = '{}'\nissuer = 'https://issuer'\naudience = 'peppol'\nalgorithms = ['ES256']\nmin_refresh = '1s'\n",
        server.url()
    );
    std::fs::write(&config, settings).unwrap();
    let start = start.with(&["--config", config.to_str().unwrap()]);
    let sidecar = told(start, &collector).start();
    until("the first look is over", || {
        sidecar.get("/readyz").status == 200 || server.asked() > 0
    });
    assert_eq!(header(&server, "traceparent"), None);
    let head = r#"{"alg":"ES256","kid":"not-known"}"#;
    let part = |text: &str| {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
    };
    let token = format!(
        "Bearer {}.{}.{}",
        part(head),
        part(r#"{"iss":"https://issuer"}"#),
        part(&"s".repeat(64))
    );
    let headers = [
        ("x-original-method", "GET"),
        ("x-original-uri", "/orgs/acme"),
        ("authorization", &*token),
        ("traceparent", RECORDED),
    ];
    until("the look is in it", || {
        crate::gateway::ask(&sidecar.address, "/authz/nginx", &headers);
        header(&server, "traceparent").is_some_and(|sent| sent.starts_with(&format!("00-{TRACE}-")))
    });
}
