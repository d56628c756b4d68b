//! Limits: of what one request may hold, and of how long and how many.
//!
//! `slow` has the clients that take their time, `trouble` the handlers that panic or hang, `weight` the
//! requests that are heavy, `memory` what is kept, `heads` the heads that are too long, `peers` the one
//! that has too many connections.

mod ancestors;
mod heads;
mod linger;
mod memory;
pub(crate) mod peers;
mod slow;
pub(crate) mod trouble;
mod weight;

use serde_json::{Value, json};

use crate::connection::{ALLOWED, Connection, head};
use crate::http::described::{ENTITIES, document, view_document, with_entities};
use crate::sidecar::{Reply, Sidecar, Start};

const MEBIBYTE: usize = 1 << 20;

/// Nobody is closed because of the time.
fn patient() -> Start {
    ["HEADER_READ", "BODY_READ", "REQUEST", "IDLE"]
        .iter()
        .fold(Start::quickstart(), |start, name| {
            start.variable(&format!("PEPPOL_AUTHZ_SERVER__{name}_TIMEOUT"), "1h")
        })
}

/// A question that is allowed, made as long as wanted by what JSON ignores.
fn question_of(bytes: usize) -> String {
    format!("{ALLOWED}{}", " ".repeat(bytes - ALLOWED.len()))
}

fn send_whole(sidecar: &Sidecar, body: &str) -> Reply {
    let mut connection = Connection::open(sidecar);
    let length = body.len();
    connection.write(format!(
        "{}x-request-id: 4711\r\ncontent-length: {length}\r\n\r\n",
        head()
    ));
    // One who does not want all of it may stop to listen.
    connection.try_write(body);
    connection.reply()
}

fn send_chunked(sidecar: &Sidecar, body: &str) -> Reply {
    let mut connection = Connection::open(sidecar);
    connection.write(format!(
        "{}x-request-id: 4711\r\ntransfer-encoding: chunked\r\n\r\n",
        head()
    ));
    for chunk in body.as_bytes().chunks(10_000) {
        let text = std::str::from_utf8(chunk).unwrap();
        connection.try_write(format!("{:x}\r\n{text}\r\n", chunk.len()));
    }
    connection.try_write("0\r\n\r\n");
    connection.reply()
}

#[track_caller]
pub(crate) fn is_refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert_eq!(
        reply.header("content-type"),
        Some("application/problem+json")
    );
    let problem = reply.json();
    assert_eq!(problem["code"], code);
    assert_eq!(problem["status"], status);
    assert_eq!(problem["decision"], Value::Null);
}

#[track_caller]
fn is_allowed(reply: &Reply) {
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.json()["decision"], "Allow");
}

fn batch(sidecar: &Sidecar, questions: usize) -> Reply {
    let question: Value = serde_json::from_str(ALLOWED).unwrap();
    let requests = vec![question; questions];
    sidecar.post("/v1/batch_is_authorized", &json!({"requests": requests}))
}

#[test]
fn a_body_as_long_as_the_limit_is_read_and_a_longer_one_is_not() {
    let sidecar = Start::quickstart().start();
    for send in [send_whole, send_chunked] {
        is_allowed(&send(&sidecar, &question_of(MEBIBYTE)));
        let reply = send(&sidecar, &question_of(MEBIBYTE + 1));
        is_refused(&reply, 413, "BODY_TOO_LARGE");
        assert_eq!(reply.header("x-request-id"), Some("4711"));
    }
    is_allowed(&send_whole(&sidecar, ALLOWED));
}

#[test]
fn who_sends_far_too_much_hears_why_it_is_refused() {
    let sidecar = Start::quickstart().start();
    for send in [send_whole, send_chunked] {
        for _ in 0..5 {
            is_refused(
                &send(&sidecar, &question_of(16 * MEBIBYTE)),
                413,
                "BODY_TOO_LARGE",
            );
        }
    }
}

#[test]
fn a_length_that_is_too_large_is_refused_before_the_body_has_come() {
    let sidecar = Start::quickstart()
        .variable("PEPPOL_AUTHZ_SERVER__BODY_READ_TIMEOUT", "1h")
        .variable("PEPPOL_AUTHZ_SERVER__REQUEST_TIMEOUT", "1h")
        .start();
    let mut connection = Connection::open(&sidecar);
    connection.write(format!(
        "{}content-length: {}\r\n\r\n",
        head(),
        MEBIBYTE + 1
    ));
    is_refused(&connection.reply(), 413, "BODY_TOO_LARGE");
}

#[test]
fn a_batch_as_large_as_the_limit_is_answered_and_a_larger_one_is_not() {
    let sidecar = Start::quickstart().start();
    let results = batch(&sidecar, 1000).json();
    assert_eq!(results["results"].as_array().unwrap().len(), 1000);
    is_refused(&batch(&sidecar, 1001), 413, "BATCH_TOO_LARGE");
}

#[test]
fn the_depth_of_json_is_a_setting() {
    let sidecar = Start::quickstart()
        .variable("PEPPOL_AUTHZ_LIMITS__JSON_DEPTH", "8")
        .start();
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
        format!("{{\"principal\": {open}{close}}}")
    };
    let code = |body: &str| {
        sidecar
            .send("/v1/is_authorized", &[], body.as_bytes())
            .json()["code"]
            .clone()
    };
    assert_eq!(code(&nested(8)), "MALFORMED_QUESTION");
    assert_eq!(code(&nested(9)), "MALFORMED_JSON");
    // Each question of a batch may be as deep as one alone.
    let body = format!("{{\"requests\": [{}, {}]}}", nested(8), nested(9));
    let results = sidecar
        .send("/v1/batch_is_authorized", &[], body.as_bytes())
        .json();
    assert_eq!(results["results"][0]["error"]["code"], "MALFORMED_QUESTION");
    assert_eq!(results["results"][1]["error"]["code"], "MALFORMED_JSON");
}

#[test]
fn a_file_sets_limits_a_variable_wins_over_it_and_a_flag_over_both() {
    let start = Start::quickstart();
    let file = start.path("authz.toml");
    std::fs::write(
        &file,
        "tenancy = 'sqlite:/nowhere/file.db'\n[limits]\nbatch = 2\nbody_bytes = 4096\n",
    )
    .unwrap();
    let mut sidecar = start
        .with(&["--config", file.to_str().unwrap()])
        .variable("PEPPOL_AUTHZ_LIMITS__BATCH", "3")
        .variable("PEPPOL_AUTHZ_TENANCY", "sqlite:/nowhere/variable.db")
        .start();
    assert_eq!(batch(&sidecar, 3).status, 200);
    is_refused(&batch(&sidecar, 4), 413, "BATCH_TOO_LARGE");
    is_allowed(&send_whole(&sidecar, &question_of(4096)));
    is_refused(
        &send_whole(&sidecar, &question_of(4097)),
        413,
        "BODY_TOO_LARGE",
    );
    sidecar.stop();
}

#[test]
fn a_variable_names_the_file_of_settings() {
    let start = Start::quickstart();
    let file = start.path("authz.toml");
    std::fs::write(&file, "limits.batch = 1\n").unwrap();
    let sidecar = start
        .variable("PEPPOL_AUTHZ_CONFIG", file.to_str().unwrap())
        .start();
    assert_eq!(batch(&sidecar, 1).status, 200);
    is_refused(&batch(&sidecar, 2), 413, "BATCH_TOO_LARGE");
}

#[test]
fn the_number_of_entities_that_a_caller_describes_is_limited() {
    let sidecar = with_entities(ENTITIES)
        .variable("PEPPOL_AUTHZ_LIMITS__ENTITIES", "2")
        .start();
    let ask = |documents: usize| {
        let described: Vec<Value> = (0..documents)
            .map(|i| document(&format!("d-{i}")))
            .collect();
        let mut question = view_document();
        question["entities"] = described.into();
        sidecar.post("/v1/is_authorized", &question)
    };
    is_allowed(&ask(2));
    is_refused(&ask(3), 400, "MALFORMED_QUESTION");
}

#[test]
fn a_head_that_is_too_long_or_has_too_many_headers_is_refused() {
    let sidecar = Start::quickstart().start();
    let (long, many) = ("x".repeat(1_000_000), "x: x\r\n".repeat(200));
    for (path, headers) in [
        ("/healthz", format!("x: {long}\r\n")),
        ("/healthz", many),
        (&*format!("/{long}"), String::new()),
    ] {
        let mut connection = Connection::open(&sidecar);
        connection.try_write(format!("GET {path} HTTP/1.1\r\nhost: a\r\n{headers}\r\n"));
        let status = connection.reply().status;
        assert!([414, 431].contains(&status), "{status}");
        connection.is_closed();
    }
    is_allowed(&send_whole(&sidecar, ALLOWED));
}

#[test]
fn what_is_not_http_is_refused_and_harms_no_one() {
    let sidecar = Start::quickstart().start();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"POST /v1/is_authorized HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/is_authorized HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        b"POST /v1/is_authorized HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    ] {
        let mut connection = Connection::open(&sidecar);
        connection.write(bytes);
        if let Some(reply) = connection.reply_if_any() {
            assert!((400..500).contains(&reply.status), "{reply:?}");
        }
    }
    is_allowed(&send_whole(&sidecar, ALLOWED));
}
