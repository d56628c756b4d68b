//! Envoy's messages are those that its definitions say: bytes that a library with all of them has
//! written, of a check in which every field of each message is set, also those that are not read here.

use std::collections::HashMap;

use peppol_authz_server::http::envoy::{
    AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderAppendAction,
    HeaderMap, HeaderValue, HeaderValueOption, HttpRequest, HttpResponse, HttpStatus,
    OkHttpResponse, Peer, Request, Status,
};
use prost::Message;

use super::envoy::Envoy;
use super::grpc::{HEADER, LISTEN, started};
use super::start;
use crate::http::unhex;

const CHECK: &str = "\
    0aa3030a570a0f0a0d120831302e302e302e3118fb41120e736f757263652d736572766963651a0f\
    0a056c6162656c1206736f75726365220f7370696666653a2f2f736f757263652a12736f75726365\
    2d6365727469666963617465126b0a0f0a0d120831302e302e302e3118fb41121364657374696e61\
    74696f6e2d736572766963651a140a056c6162656c120b64657374696e6174696f6e221473706966\
    66653a2f2f64657374696e6174696f6e2a1764657374696e6174696f6e2d63657274696669636174\
    6522a1010a080880e2cfaa0610051294010a05616e2d696412035055541a0e0a06782d7573657212\
    04616e6e61220e2f6f7267732f61636d653f783d312a06612d686f7374320568747470733a07612d\
    7175657279420a612d667261676d656e7448ac025206485454502f325a077b2261223a317d620200\
    fe6a2a0a140a06582d557365721204746578741a04726177ff0a120a08582d5365636f6e64120673\
    65636f6e6452140a07636f6e746578741209657874656e73696f6e5a0a0a080a0666696c74657262\
    0a0a08612d7365727665726a090a070a05726f757465";

const ALLOWED: &str = "\
    0a001a30121d0a170a0f782d617574687a2d7375626a6563741204616e6e6118022001120f0a090a\
    07782d656d70747918022001";

const DENIED: &str = "\
    0a020807122e0a0308930312230a1d0a0c782d617574687a2d636f6465120d4e4f545f5045524d49\
    54544544180220011a027b7d";

fn text(text: &str) -> String {
    text.to_owned()
}

fn option(name: &str, value: &str) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: text(name),
            value: text(value),
            ..HeaderValue::default()
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        keep_empty_value: true,
    }
}

#[test]
fn a_check_is_read_as_it_is_defined() {
    let read = CheckRequest::decode(unhex(CHECK).as_slice()).unwrap();
    let headers = [
        ("X-User", "text", &b"raw\xff"[..]),
        ("X-Second", "second", b""),
    ];
    let headers = headers.map(|(key, value, raw)| HeaderValue {
        key: text(key),
        value: text(value),
        raw_value: raw.to_vec(),
    });
    let http = HttpRequest {
        method: text("PUT"),
        headers: HashMap::from([(text("x-user"), text("anna"))]),
        path: text("/orgs/acme?x=1"),
        size: 300,
        body: text("{\"a\":1}"),
        raw_body: b"\x00\xfe".to_vec(),
        header_map: Some(HeaderMap {
            headers: headers.to_vec(),
        }),
    };
    let expected = CheckRequest {
        attributes: Some(AttributeContext {
            source: Some(Peer {
                principal: text("spiffe://source"),
            }),
            request: Some(Request { http: Some(http) }),
        }),
    };
    assert_eq!(read, expected);
}

#[test]
fn an_answer_is_written_as_it_is_defined() {
    let allowed = CheckResponse {
        status: Some(Status { code: 0 }),
        http_response: Some(HttpResponse::OkResponse(OkHttpResponse {
            headers: vec![option("x-authz-subject", "anna"), option("x-empty", "")],
        })),
    };
    let denied = CheckResponse {
        status: Some(Status { code: 7 }),
        http_response: Some(HttpResponse::DeniedResponse(DeniedHttpResponse {
            status: Some(HttpStatus { code: 403 }),
            headers: vec![option("x-authz-code", "NOT_PERMITTED")],
            body: text("{}"),
        })),
    };
    for (answer, bytes) in [(allowed, ALLOWED), (denied, DENIED)] {
        assert_eq!(answer.encode_to_vec(), unhex(bytes));
    }
}

/// By the sidecar, which reads the user of the raw header, and what is cut off or no message not at all.
#[test]
fn such_a_check_is_answered_and_half_of_one_is_not() {
    let (_sidecar, address) = started(start(&format!("{LISTEN}{HEADER}")));
    let mut envoy = Envoy::connect(&address);
    let check = unhex(CHECK);
    let answer = envoy.call(super::envoy::CHECK, &check).unwrap();
    let answer = CheckResponse::decode(answer).unwrap();
    let Some(HttpResponse::DeniedResponse(denied)) = answer.http_response else {
        panic!("{answer:?}");
    };
    assert!(denied.body.contains("GATEWAY_MALFORMED"), "{}", denied.body);
    for broken in [&check[..check.len() / 2], b"\xff\xff\xff"] {
        let error = envoy.call(super::envoy::CHECK, broken).unwrap_err();
        assert!(error.contains("grpc-status"), "{error}");
    }
    let other = super::envoy::CHECK.replace("Check", "Uncheck");
    let error = envoy.call(&other, &check).unwrap_err();
    assert!(error.contains("\"12\""), "{error}");
}
