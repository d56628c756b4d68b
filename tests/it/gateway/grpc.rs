//! Envoy's gRPC `ext_authz`.

use std::net::TcpListener;

use peppol_authz_server::http::envoy::{AttributeContext, CheckRequest, HttpRequest, Request};
use serde_json::{Value, json};

use super::envoy::{Envoy, get, raw};
use super::tokens::{Key, claims, settings};
use super::{ask, start};
use crate::connection::Connection;
use crate::sidecar::{Sidecar, Start};

pub(super) const LISTEN: &str = "[gateway]\nenvoy_grpc_listen = \"127.0.0.1:0\"\n";
pub(super) const HEADER: &str = "[[gateway.header]]\nendpoint = \"envoy\"\nfrom = [\"127.0.0.1\"]\n\
                      name = \"X-User\"\ntype = \"User\"\n";

/// Starts it and finds out where gRPC is answered.
pub(super) fn started(start: Start) -> (Sidecar, String) {
    let sidecar = start.start();
    let address = sidecar.logged("listening for Envoy's gRPC")["address"].clone();
    (sidecar, address.as_str().unwrap().to_owned())
}

fn put(body: &str) -> HttpRequest {
    HttpRequest {
        method: "PUT".to_owned(),
        body: body.to_owned(),
        size: i64::try_from(body.len()).unwrap(),
        ..get(
            "/orgs/acme",
            &[("x-user", "anna"), ("content-type", "application/json")],
        )
    }
}

#[test]
fn checks_are_decided_as_requests_are() {
    let (sidecar, address) = started(start(&format!("{LISTEN}{HEADER}")));
    let mut envoy = Envoy::connect(&address);
    let anna = [("x-user", "anna")];
    let mut of = |request: HttpRequest| envoy.check(request, "");
    of(get("/orgs/acme", &anna)).is_subject("anna");
    of(get("/orgs/acme?x=1", &anna)).is_subject("anna");
    of(get("/orgs/globex", &anna)).is_denied(403, "NOT_PERMITTED");
    of(get("/orgs/acme", &[])).is_denied(401, "TOKEN_MISSING");
    of(get("/orgs/acme", &[("x-user", "anna,root")])).is_denied(403, "GATEWAY_MALFORMED");
    of(get(
        "/orgs/acme",
        &[
            ("x-user", "anna"),
            ("authorization", "Bearer a.b.c,Bearer a.b.c"),
        ],
    ))
    .is_denied(401, "TOKEN_INVALID");
    of(get(
        "/orgs/acme",
        &[("x-user", "anna"), ("x-http-method", "PUT")],
    ))
    .is_denied(403, "METHOD_OVERRIDDEN");
    of(get("/iso6523-actorid-upis::0007:1", &[])).is_subject("");
    for path in [
        "/orgs%2Facme",
        "/orgs/../orgs/acme",
        "/orgs/acme#x",
        "/orgs//acme",
        "orgs/acme",
        "/orgs/acme;x",
    ] {
        of(get(path, &anna)).is_denied(403, "PATH_UNREADABLE");
    }
    of(get("", &anna)).is_denied(403, "GATEWAY_MALFORMED");
    of(HttpRequest::default()).is_denied(403, "GATEWAY_MALFORMED");
    // The path is the one of the attribute, whatever else there is.
    let spoofed = [
        ("x-user", "anna"),
        (":path", "/orgs/acme"),
        ("x-original-uri", "/orgs/acme"),
        ("x-envoy-original-path", "/orgs/acme"),
    ];
    of(get("/orgs/globex", &spoofed)).is_denied(403, "NOT_PERMITTED");
    let metrics = sidecar.get("/metrics").text;
    for sample in [
        "gateway_answers_total{endpoint=\"envoy_grpc\",status=\"200\",code=\"\"} 3",
        "gateway_answers_total{endpoint=\"envoy_grpc\",status=\"403\",code=\"PATH_UNREADABLE\"} 6",
        "http_request_duration_seconds_count{path=\"/envoy.service.auth.v3.Authorization/Check\",status=\"401\"} 2",
    ] {
        assert!(
            metrics.contains(&format!("\npeppol_authz_{sample}\n")),
            "{sample}: {metrics}"
        );
    }
    let empty = envoy.send(CheckRequest { attributes: None }).unwrap();
    assert_ne!(empty.status.unwrap().code, 0);
}

#[test]
fn a_line_of_the_decision_log_has_the_id_of_the_request_that_a_check_is_about() {
    let start = start(&format!("{LISTEN}{HEADER}"));
    let log = start.path("decisions.ndjson");
    let to = format!("file:{}", log.display());
    let (mut sidecar, address) = started(start.with(&["--decision-log", &to]));
    let mut envoy = Envoy::connect(&address);
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let of = [
        ("x-user", "anna"),
        ("x-request-id", "r-1"),
        ("traceparent", trace),
    ];
    envoy.check(get("/orgs/acme", &of), "").is_subject("anna");
    let of: [(&str, &[u8]); 2] = [("x-user", b"anna"), ("X-Request-Id", b"r-2")];
    let one_by_one = raw(get("/orgs/acme", &[]), &of);
    envoy.check(one_by_one, "").is_subject("anna");
    // A text of another form is no id.
    let of = [("x-user", "anna"), ("x-request-id", "a b")];
    envoy.check(get("/orgs/acme", &of), "").is_subject("anna");
    drop(envoy);
    sidecar.stop();
    let text = std::fs::read_to_string(&log).unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let marks: Vec<(Value, Value)> = lines
        .map(|line| (line["requestId"].clone(), line["traceparent"].clone()))
        .collect();
    let none = Value::Null;
    assert_eq!(
        marks,
        [
            (json!("r-1"), json!(trace)),
            (json!("r-2"), none.clone()),
            (none.clone(), none)
        ]
    );
}

#[test]
fn raw_headers_tell_two_from_one() {
    let (_sidecar, address) = started(start(&format!("{LISTEN}{HEADER}")));
    let mut envoy = Envoy::connect(&address);
    let request = || get("/orgs/acme", &[]);
    envoy
        .check(raw(request(), &[("X-User", b"anna")]), "")
        .is_subject("anna");
    let two: [(&str, &[u8]); 2] = [("x-user", b"anna"), ("x-user", b"anna")];
    envoy
        .check(raw(request(), &two), "")
        .is_denied(403, "GATEWAY_MALFORMED");
    envoy
        .check(raw(request(), &[("x-user", b"a,b")]), "")
        .is_denied(403, "UNKNOWN_PRINCIPAL");
    envoy
        .check(raw(request(), &[("x-user", b"\xff")]), "")
        .is_denied(403, "GATEWAY_MALFORMED");
}

#[test]
fn a_body_is_read_where_it_is_whole() {
    let settings = format!("{LISTEN}{HEADER}[limits]\nbody_bytes = 2048\n");
    let (_sidecar, address) = started(start(&settings));
    let mut envoy = Envoy::connect(&address);
    envoy
        .check(put("{\"name\": \"Acme\"}"), "")
        .is_subject("anna");
    envoy
        .check(put("{\"modeChangeRequest\": \"SHARED\"}"), "")
        .is_denied(403, "AT-1120");
    envoy.check(put(""), "").is_denied(403, "BODY_REQUIRED");
    envoy
        .check(put("{\"name\""), "")
        .is_denied(403, "REQUEST_MALFORMED");
    let mut bytes = put("");
    bytes.raw_body = b"{\"name\": \"Acme\"}".to_vec();
    envoy.check(bytes, "").is_subject("anna");
    let long = format!("{{\"name\": \"{}\"}}", "a".repeat(3000));
    envoy.check(put(&long), "").is_denied(403, "BODY_TOO_LARGE");
    let mut partial = put("{\"name\": \"Acme\"}");
    partial
        .headers
        .insert("x-envoy-auth-partial-body".to_owned(), "true".to_owned());
    envoy.check(partial, "").is_denied(403, "BODY_REQUIRED");
    let mut longer = put("{\"name\": \"Acme\"}");
    longer.size += 1;
    envoy.check(longer, "").is_denied(403, "BODY_REQUIRED");
    // Too long for anything: an error, and the next one is answered.
    let huge = CheckRequest {
        attributes: Some(AttributeContext {
            request: Some(Request {
                http: Some(put(&"a".repeat(2 << 20))),
            }),
            ..AttributeContext::default()
        }),
    };
    assert!(envoy.send(huge).is_err());
    envoy
        .check(put("{\"name\": \"Acme\"}"), "")
        .is_subject("anna");
}

#[test]
fn certificates_and_tokens_say_who_asks() {
    let key = Key::new();
    let start = start("");
    let set = start.path("set.json");
    std::fs::write(&set, key.set().to_string()).unwrap();
    let certificate = "[[gateway.certificate]]\nendpoint = \"envoy\"\nfrom = [\"127.0.0.1\"]\n\
                       uri = \"spiffe://acme.example/user/*\"\ntype = \"User\"\n";
    let text = format!("{LISTEN}{certificate}{}", settings(&set));
    std::fs::write(start.path("config.toml"), text).unwrap();
    let (_sidecar, address) = started(start);
    let mut envoy = Envoy::connect(&address);
    let user = "spiffe://acme.example/user/anna";
    envoy.check(get("/orgs/acme", &[]), user).is_subject("anna");
    for other in [
        "",
        "spiffe://acme.example/user/",
        "spiffe://acme.example/user/a/b",
        "CN=anna",
    ] {
        envoy
            .check(get("/orgs/acme", &[]), other)
            .is_denied(401, "TOKEN_MISSING");
    }
    // Here the client itself writes the header about a certificate.
    let forwarded = [(
        "x-forwarded-client-cert",
        "URI=spiffe://acme.example/user/anna",
    )];
    envoy
        .check(get("/orgs/acme", &forwarded), "")
        .is_denied(401, "TOKEN_MISSING");
    let mia = format!("Bearer {}", key.token(&claims(&json!({"sub": "mia"}), 0)));
    let headers = [("authorization", mia.as_str())];
    envoy
        .check(get("/orgs/acme", &headers), user)
        .is_denied(403, "NOT_PERMITTED");
    let bad = format!("{mia}x");
    let headers = [("authorization", bad.as_str())];
    envoy
        .check(get("/orgs/acme", &headers), user)
        .is_denied(401, "TOKEN_INVALID");
}

#[test]
fn a_socket_of_a_file_is_listened_on_too() {
    let start = start("");
    let socket = format!("unix:{}", start.path("envoy.sock").display());
    let header = HEADER.replace("127.0.0.1", "unix");
    let text = format!("[gateway]\nenvoy_grpc_listen = \"{socket}\"\n{header}");
    std::fs::write(start.path("config.toml"), text).unwrap();
    let (sidecar, address) = started(start);
    assert_eq!(address, socket);
    let mut envoy = Envoy::connect(&address);
    envoy
        .check(get("/orgs/acme", &[("x-user", "anna")]), "")
        .is_subject("anna");
    // Not over the other listener, which is no such socket.
    let reply = ask(
        &sidecar.address,
        "/authz/envoy/orgs/acme",
        &[("x-user", "anna")],
    );
    super::is_denied(&reply, 401, "TOKEN_MISSING");
}

#[test]
fn an_address_that_is_taken_ends_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let settings = format!("[gateway]\nenvoy_grpc_listen = \"{address}\"\n");
    let (code, text) = start(&settings).fails();
    let problem = format!("cannot listen on `{address}`");
    assert!(code == 1 && text.contains(&problem), "{text}");
}

#[test]
fn both_listeners_end_when_it_is_told_to() {
    let (mut sidecar, address) = started(start(&format!("{LISTEN}{HEADER}")));
    let mut envoy = Envoy::connect(&address);
    envoy
        .check(get("/orgs/acme", &[("x-user", "anna")]), "")
        .is_subject("anna");
    let mut connection = Connection::open(&sidecar);
    connection.is_served();
    // It waits for neither of the connections, which are idle.
    sidecar.stop();
    connection.is_closed();
    assert!(envoy.send(CheckRequest::default()).is_err());
}
