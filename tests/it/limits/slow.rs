//! Clients that take their time, and those that are too many: each waits or is closed alone.

use std::process::Command;

use super::{is_allowed, is_refused, send_whole};
use crate::connection::{ALLOWED, Connection, head, question};
use crate::sidecar::Start;

/// One thread answers, and no timeout comes to the rescue.
fn patient() -> Start {
    super::patient().variable("PEPPOL_AUTHZ_SERVER__WORKERS", "1")
}

#[test]
fn clients_that_stall_in_head_or_body_or_say_nothing_hold_no_one_up() {
    let sidecar = patient().start();
    let mut kept = Connection::open(&sidecar);
    kept.is_served();
    let mut stalled = Vec::new();
    for _ in 0..50 {
        let mut in_head = Connection::open(&sidecar);
        in_head.write("POST /v1/is_authorized HTTP/1.1\r\nhost: a\r\nx-request");
        let silent = Connection::open(&sidecar);
        let mut idle = Connection::open(&sidecar);
        idle.is_served();
        stalled.extend([in_head, silent, idle, Connection::half_asked(&sidecar)]);
    }
    kept.is_served();
    is_allowed(&send_whole(&sidecar, ALLOWED));
    // They may still go on.
    for in_body in stalled.iter_mut().skip(3).step_by(4) {
        in_body.write_rest();
        is_allowed(&in_body.reply());
    }
    for in_head in stalled.iter_mut().step_by(4) {
        let length = ALLOWED.len();
        in_head.write(format!(
            "-id: late\r\ncontent-length: {length}\r\n\r\n{ALLOWED}"
        ));
        let reply = in_head.reply();
        is_allowed(&reply);
        assert_eq!(reply.header("x-request-id"), Some("late"));
    }
}

#[test]
fn a_client_that_does_not_finish_its_head_is_closed() {
    let sidecar = patient()
        .variable("PEPPOL_AUTHZ_SERVER__HEADER_READ_TIMEOUT", "300ms")
        .start();
    let mut kept = Connection::open(&sidecar);
    kept.is_served();
    let mut silent = Connection::open(&sidecar);
    let mut in_head = Connection::open(&sidecar);
    in_head.write("POST /v1/is_authorized HTTP/1.1\r\nhost: a\r\n");
    in_head.is_closed();
    silent.is_closed();
    kept.is_served();
}

#[test]
fn a_client_that_never_ends_its_head_is_closed_however_busy_it_is() {
    let sidecar = patient()
        .variable("PEPPOL_AUTHZ_SERVER__HEADER_READ_TIMEOUT", "300ms")
        .start();
    let mut dripping = Connection::open(&sidecar);
    dripping.write("POST /v1/is_authorized HTTP/1.1\r\nhost: ");
    while dripping.try_write("a") {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    is_allowed(&send_whole(&sidecar, ALLOWED));
}

#[test]
fn a_client_that_does_not_finish_its_body_is_told_so() {
    let sidecar = patient()
        .variable("PEPPOL_AUTHZ_SERVER__BODY_READ_TIMEOUT", "300ms")
        .start();
    let mut kept = Connection::open(&sidecar);
    kept.is_served();
    let mut in_body = Connection::open(&sidecar);
    in_body.write(format!(
        "{}x-request-id: 4711\r\ncontent-length: 100\r\n\r\n{{",
        head()
    ));
    let reply = in_body.reply();
    is_refused(&reply, 408, "BODY_NOT_READ");
    assert_eq!(reply.header("x-request-id"), Some("4711"));
    // Its next bytes are not the next request.
    in_body.is_closed();
    kept.is_served();
}

#[test]
fn a_body_that_comes_byte_by_byte_has_no_more_time_than_another() {
    let sidecar = patient()
        .variable("PEPPOL_AUTHZ_SERVER__BODY_READ_TIMEOUT", "300ms")
        .start();
    let mut dripping = Connection::open(&sidecar);
    dripping.write(format!("{}content-length: 1000000\r\n\r\n", head()));
    while dripping.try_write(" ") {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    is_allowed(&send_whole(&sidecar, ALLOWED));
}

#[test]
fn the_time_of_a_request_begins_with_the_end_of_its_head() {
    // As `config.default.toml` says of `request_timeout`.
    let sidecar = patient()
        .variable("PEPPOL_AUTHZ_SERVER__REQUEST_TIMEOUT", "300ms")
        .start();
    let reply = Connection::half_asked(&sidecar).reply();
    assert!([408, 503].contains(&reply.status), "{reply:?}");
}

#[test]
fn a_client_that_goes_away_in_the_middle_leaves_nothing_behind() {
    // As many connections as there may be: each has to be free again for the next.
    let sidecar = patient()
        .variable("PEPPOL_AUTHZ_SERVER__CONNECTIONS", "2")
        .start();
    for _ in 0..20 {
        drop(Connection::half_asked(&sidecar));
        let mut in_head = Connection::open(&sidecar);
        in_head.write("POST /v1/is_auth");
    }
    is_allowed(&send_whole(&sidecar, ALLOWED));
}

#[test]
fn an_idle_connection_is_closed_after_a_while() {
    let sidecar = patient()
        .variable("PEPPOL_AUTHZ_SERVER__IDLE_TIMEOUT", "300ms")
        .start();
    let mut idle = Connection::open(&sidecar);
    idle.is_served();
    idle.is_closed();
}

#[test]
fn connections_beyond_the_limit_wait_until_one_is_closed() {
    let sidecar = patient()
        .variable("PEPPOL_AUTHZ_SERVER__CONNECTIONS", "2")
        .start();
    let (mut first, mut second) = (Connection::open(&sidecar), Connection::open(&sidecar));
    first.is_served();
    second.is_served();
    let mut third = Connection::open(&sidecar);
    third.write(question(ALLOWED));
    sidecar.wait_for_log("all connections are in use, others wait");
    first.is_served();
    drop(second);
    is_allowed(&third.reply());
    first.is_served();
}

#[test]
fn with_no_file_descriptors_left_it_waits_until_there_are_some() {
    let sidecar = patient().start();
    let mut kept = Connection::open(&sidecar);
    kept.is_served();
    let limited = Command::new("prlimit")
        .args(["--pid", &sidecar.pid().to_string(), "--nofile=40"])
        .status()
        .unwrap();
    assert!(limited.success());
    let crowd: Vec<Connection> = (0..60).map(|_| Connection::open(&sidecar)).collect();
    sidecar.wait_for_log("cannot accept connections");
    kept.is_served();
    drop(crowd);
    is_allowed(&send_whole(&sidecar, ALLOWED));
    kept.is_served();
}

/// Silent connections keep nobody from looking at the program.
#[test]
fn health_readiness_and_metrics_have_places_of_their_own() {
    let sidecar = patient()
        .variable("PEPPOL_AUTHZ_SERVER__CONNECTIONS", "2")
        .start();
    let mut kept = Connection::open(&sidecar);
    kept.is_served();
    // More than there are places beyond the limit.
    let silent: Vec<Connection> = (0..150).map(|_| Connection::open(&sidecar)).collect();
    for path in ["/livez", "/readyz", "/healthz", "/version", "/metrics"] {
        let mut looking = Connection::open(&sidecar);
        let reply = looking.get(path);
        assert_eq!(reply.status, 200, "{path} {}", reply.text);
        // It makes room for others.
        assert_eq!(reply.header("connection"), Some("close"), "{path}");
        looking.is_closed();
    }
    let mut asking = Connection::open(&sidecar);
    asking.write(question(ALLOWED));
    let reply = asking.reply();
    assert_eq!(
        (reply.status, &reply.json()["code"]),
        (503, &"CONNECTIONS_IN_USE".into())
    );
    assert_eq!(reply.header("retry-after"), Some("1"));
    kept.is_served();
    drop(silent);
    is_allowed(&send_whole(&sidecar, ALLOWED));
}
