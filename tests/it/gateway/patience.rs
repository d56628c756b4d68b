//! Clients that say nothing, or half of it: none keeps a place, and none waits longer than is set.

use bytes::Bytes;
use peppol_authz_server::http::envoy::{
    AttributeContext, CheckRequest, HealthCheckRequest, HealthCheckResponse, Request, ServingStatus,
};
use prost::Message;

use super::envoy::{CHECK, Envoy, get};
use super::grpc::{HEADER, LISTEN, started};
use super::start;
use crate::connection::Connection;
use crate::limits::peers::{Crowd, others_are_served};

/// The beginning of HTTP/2: its preface, and settings that are empty (RFC 9113, 3.4).
const BEGINNING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

const HEALTH: &str = "http://envoy/grpc.health.v1.Health/Check";

/// Settings of the server: an hour for all but these.
fn patient(but: &[(&str, &str)]) -> String {
    let all = [
        "header_read_timeout",
        "body_read_timeout",
        "request_timeout",
        "idle_timeout",
    ];
    let of = |name: &str| but.iter().find(|(other, _)| *other == name);
    let line = |name: &str| {
        let value = of(name).map_or("1h", |(_, value)| value);
        format!("{name} = \"{value}\"\n")
    };
    format!("[server]\n{}{LISTEN}{HEADER}", all.map(line).concat())
}

#[test]
fn a_client_of_grpc_that_does_not_begin_is_cut() {
    for beginning in [b"".as_slice(), b"P", &BEGINNING[..24], &BEGINNING[..32]] {
        let settings = patient(&[("header_read_timeout", "100ms")]);
        let (_sidecar, address) = started(start(&settings));
        let mut connection = Connection::open_at(&address);
        connection.write(beginning);
        connection.ends();
    }
}

#[test]
fn a_client_of_grpc_that_asks_nothing_is_cut() {
    let settings = patient(&[("idle_timeout", "100ms"), ("request_timeout", "100ms")]);
    let (_sidecar, address) = started(start(&settings));
    let mut connection = Connection::open_at(&address);
    connection.write(BEGINNING);
    connection.ends();
    // One that is told of it in time connects anew.
    let mut envoy = Envoy::connect(&address);
    let anna = [("x-user", "anna")];
    envoy.check(get("/orgs/acme", &anna), "").is_subject("anna");
}

#[test]
fn a_message_that_does_not_arrive_is_an_error() {
    for timeout in ["body_read_timeout", "request_timeout"] {
        let settings = patient(&[(timeout, "100ms")]);
        let (_sidecar, address) = started(start(&settings));
        let mut envoy = Envoy::connect(&address);
        let error = envoy.call_without_an_end(CHECK).unwrap_err();
        assert!(error.contains("\"grpc-status\": \"4\""), "{error}");
        let anna = [("x-user", "anna")];
        envoy.check(get("/orgs/acme", &anna), "").is_subject("anna");
    }
}

#[test]
fn one_peer_does_not_take_the_places_of_all_other_envoys() {
    let (sidecar, address) = started(start(&patient(&[])));
    let crowd = Crowd::at(&address);
    for _ in 0..20 {
        let mut other = Envoy::connect(&address);
        let anna = [("x-user", "anna")];
        other.check(get("/orgs/acme", &anna), "").is_subject("anna");
    }
    others_are_served(&sidecar);
    drop(crowd);
}

/// The message of a check holds all that matters.
#[test]
fn a_head_of_grpc_that_is_too_long_is_refused_and_others_are_served() {
    let (_sidecar, address) = started(start(&patient(&[])));
    let mut kept = Envoy::connect(&address);
    assert_eq!(kept.call_with_head_of(15 << 10), Ok(200));
    for bytes in [17 << 10, 64 << 10, 1 << 20] {
        let refused = Envoy::connect(&address).call_with_head_of(bytes);
        assert!(
            refused.as_ref().map_or(true, |status| *status == 431),
            "{bytes}: {refused:?}"
        );
        let anna = [("x-user", "anna")];
        kept.check(get("/orgs/acme", &anna), "").is_subject("anna");
    }
}

#[test]
fn nginx_is_not_waited_for_as_it_passes_no_body_on() {
    let header = HEADER.replace("envoy", "nginx");
    let (sidecar, _) = started(start(&format!("{}{header}", patient(&[]))));
    let head = "GET /authz/nginx HTTP/1.1\r\nhost: a\r\nx-original-method: PUT\r\n\
                x-original-uri: /orgs/acme\r\nx-user: anna\r\ncontent-length: 10\r\n\r\n";
    let mut connection = Connection::open(&sidecar);
    connection.write(head);
    let reply = connection.reply();
    assert_eq!(reply.status, 403, "{}", reply.text);
    connection.is_closed();
}

#[test]
fn a_body_that_nobody_reads_is_waited_for_within_the_deadline() {
    let header = HEADER.replace("envoy", "traefik");
    let settings = patient(&[("request_timeout", "300ms")]);
    let (sidecar, _) = started(start(&format!("{settings}{header}")));
    let head = "GET /authz/traefik HTTP/1.1\r\nhost: a\r\nx-forwarded-method: GET\r\n\
                x-forwarded-uri: /orgs/acme\r\nx-user: anna\r\ncontent-length: 10\r\n\r\n";
    let mut connection = Connection::open(&sidecar);
    connection.write(head);
    let reply = connection.reply();
    assert_eq!(reply.status, 200, "{}", reply.text);
}

fn health(envoy: &mut Envoy, service: &str) -> Result<ServingStatus, String> {
    let service = service.to_owned();
    let answer: Bytes = envoy.call(HEALTH, &HealthCheckRequest { service }.encode_to_vec())?;
    Ok(HealthCheckResponse::decode(answer).unwrap().status())
}

/// Silent connections keep no probe from being answered; a check waits a while for a place.
#[test]
fn health_over_grpc_has_places_of_its_own() {
    let settings = format!("{}{LISTEN}{HEADER}", patient_server(2));
    let (sidecar, address) = started(start(&settings));
    let mut kept = Envoy::connect(&address);
    let anna = [("x-user", "anna")];
    kept.check(get("/orgs/acme", &anna), "").is_subject("anna");
    let silent: Vec<Connection> = (0..140).map(|_| Connection::open_at(&address)).collect();
    sidecar.wait_for_log("all connections are in use, others wait");
    let mut probe = Envoy::connect(&address);
    assert_eq!(health(&mut probe, ""), Ok(ServingStatus::Serving));
    let mut other = Envoy::connect(&address);
    let error = other.send(checked(&anna)).unwrap_err();
    assert!(error.contains("\"grpc-status\": \"14\""), "{error}");
    kept.check(get("/orgs/acme", &anna), "").is_subject("anna");
    drop(silent);
    let mut other = Envoy::connect(&address);
    other.check(get("/orgs/acme", &anna), "").is_subject("anna");
}

/// Settings of the server: an hour for everything, and so many connections.
fn patient_server(connections: usize) -> String {
    let all = patient(&[]);
    let (server, _) = all.split_once("[gateway]").unwrap();
    format!("{server}connections = {connections}\n")
}

fn checked(headers: &[(&str, &str)]) -> CheckRequest {
    CheckRequest {
        attributes: Some(AttributeContext {
            source: None,
            request: Some(Request {
                http: Some(get("/orgs/acme", headers)),
            }),
        }),
    }
}

#[test]
fn probes_of_grpc_hear_what_readyz_says() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tenancy.db");
    let source = format!("sqlite:{}", path.display());
    let settings =
        format!("{LISTEN}{HEADER}[freshness]\npoll_interval = \"0s\"\nmax_stale = \"0s\"\n");
    let config = directory.path().join("config.toml");
    std::fs::write(&config, settings).unwrap();
    let config = config.display().to_string();
    let start = crate::sidecar::Start::new().with(&["--tenancy", &source, "--config", &config]);
    let (sidecar, address) = started(start);
    let mut envoy = Envoy::connect(&address);
    for service in ["", "envoy.service.auth.v3.Authorization"] {
        assert_eq!(health(&mut envoy, service), Ok(ServingStatus::Serving));
    }
    let error = health(&mut envoy, "envoy.service.ratelimit.v3.RateLimitService").unwrap_err();
    assert!(error.contains("\"grpc-status\": \"5\""), "{error}");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(sidecar.get("/readyz").status, 503);
    assert_eq!(health(&mut envoy, ""), Ok(ServingStatus::NotServing));
}
