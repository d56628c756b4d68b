//! Gateways: their principals, Envoy's gRPC, and the answers in trouble.
//!
//! The answers are in the cases of the wire, `tests/http/gateway-*.toml`.

mod api_keys;
mod collection;
mod decided;
pub(crate) mod endpoints;
pub(crate) mod envoy;
mod fragment;
mod grpc;
mod hostile;
mod introspection;
mod kept;
mod logged;
mod messages;
mod patience;
mod recorded;
pub(crate) mod tokens;
mod trouble;
mod who;

use crate::connection::Connection;
use crate::sidecar::{Reply, Sidecar, Start};

/// The headers by which each endpoint is told of a request, and of its user as `X-User`.
pub(crate) const OF_ACME: [(&str, &str); 6] = [
    ("x-original-method", "GET"),
    ("x-original-uri", "/orgs/acme"),
    ("x-original-url", "http://a/orgs/acme"),
    ("x-forwarded-method", "GET"),
    ("x-forwarded-uri", "/orgs/acme"),
    ("x-user", "anna"),
];

/// Over the tenancy of the examples, with these settings.
fn start(settings: &str) -> Start {
    let start = Start::quickstart();
    let path = start.path("config.toml");
    std::fs::write(&path, settings).unwrap();
    start.with(&["--config", path.to_str().unwrap()])
}

/// Asks about `GET /orgs/acme`, as nginx does.
fn of_acme(sidecar: &Sidecar, headers: &[(&str, &str)]) -> Reply {
    as_nginx(&sidecar.address, "GET", "/orgs/acme", headers)
}

fn as_nginx(address: &str, method: &str, target: &str, headers: &[(&str, &str)]) -> Reply {
    let own = [("x-original-method", method), ("x-original-uri", target)];
    ask(address, "/authz/nginx", &[&own, headers].concat())
}

pub(crate) fn ask(address: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut head = format!("GET {path} HTTP/1.1\r\nhost: a\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    let mut connection = Connection::open_at(address);
    connection.write(head + "\r\n");
    connection.reply()
}

#[track_caller]
fn is_subject(reply: &Reply, subject: &str) {
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.header("x-authz-subject"), Some(subject));
}

#[track_caller]
fn is_denied(reply: &Reply, status: u16, code: &str) {
    assert_eq!(
        (reply.status, reply.header("x-authz-code")),
        (status, Some(code)),
        "{reply:?}"
    );
}

#[test]
fn answers_are_counted_by_endpoint_and_paths_by_route() {
    let header = "[[gateway.header]]\nendpoint = \"envoy\"\nfrom = [\"127.0.0.1\"]\n\
                  name = \"X-User\"\ntype = \"User\"\n";
    let sidecar = start(header).start();
    let anna = [("x-user", "anna")];
    is_subject(
        &ask(&sidecar.address, "/authz/envoy/orgs/acme", &anna),
        "anna",
    );
    is_subject(
        &ask(&sidecar.address, "/authz/envoy/orgs/acme?x", &anna),
        "anna",
    );
    is_denied(
        &ask(&sidecar.address, "/authz/envoy/orgs/globex", &anna),
        403,
        "NOT_PERMITTED",
    );
    is_denied(
        &ask(&sidecar.address, "/authz/caddy", &anna),
        403,
        "GATEWAY_MALFORMED",
    );
    // None of these is on another path, which nginx would make a 500 of.
    for path in ["/authz/envoys", "/authz", "/authz/nginx/", "/authzz"] {
        is_denied(
            &ask(&sidecar.address, path, &anna),
            403,
            "GATEWAY_MALFORMED",
        );
    }
    let metrics = sidecar.get("/metrics").text;
    for sample in [
        "gateway_answers_total{endpoint=\"envoy\",status=\"200\",code=\"\"} 2",
        "gateway_answers_total{endpoint=\"envoy\",status=\"403\",code=\"NOT_PERMITTED\"} 1",
        "gateway_answers_total{endpoint=\"caddy\",status=\"403\",code=\"GATEWAY_MALFORMED\"} 1",
        "http_request_duration_seconds_count{path=\"/authz/envoy\",status=\"200\"} 2",
        "http_request_duration_seconds_count{path=\"/authz/envoy\",status=\"403\"} 1",
        "http_request_duration_seconds_count{path=\"other\",status=\"403\"} 4",
        "decisions_total{action=\"getOrganisation\",decision=\"Allow\",code=\"\"} 2",
        "decisions_total{action=\"getOrganisation\",decision=\"Deny\",code=\"NOT_PERMITTED\"} 1",
    ] {
        assert!(
            metrics.contains(&format!("\npeppol_authz_{sample}\n")),
            "{sample}: {metrics}"
        );
    }
    assert!(!metrics.contains("acme"), "{metrics}");
}
