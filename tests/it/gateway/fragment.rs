//! A target with a fragment: hyper cuts it off, and a service behind may not.

use super::{is_denied, is_subject, start};
use crate::connection::{ALLOWED, Connection, head};
use crate::sidecar::Reply;

const HEADER: &str = "[[gateway.header]]\nendpoint = \"envoy\"\nfrom = [\"127.0.0.1\", \"unix\"]\n\
                      name = \"X-User\"\ntype = \"User\"\n";

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nhost: a\r\nx-user: anna\r\n\r\n")
}

fn post(target: &str, framing: &str, body: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nhost: a\r\nx-user: anna\r\n{framing}\r\n\r\n{body}")
}

const FRAGMENTS: [&str; 7] = [
    "/authz/envoy/orgs/acme#x",
    "/authz/envoy/orgs/acme#",
    "/authz/envoy/orgs/acme#/../globex",
    "/authz/envoy/orgs/acme?x=1#y",
    "/authz/envoy/orgs/acme?#",
    "http://a/authz/envoy/orgs/acme#x",
    "/authz/envoy/orgs/acme%23?x#%23",
];

const ALLOW: &str = "/authz/envoy/orgs/acme";

fn is_refused(reply: &Reply) {
    is_denied(reply, 403, "PATH_UNREADABLE");
    assert!(reply.text.contains("fragment"), "{}", reply.text);
}

#[test]
fn a_fragment_is_refused_wherever_the_request_stands() {
    let directory = tempfile::tempdir().unwrap();
    let unix = format!("unix:{}", directory.path().join("authz.sock").display());
    let over_tcp = start(HEADER).start();
    let over_unix = start(HEADER).with(&["--listen", &unix]).start();
    let chunks = "6;x=#\r\nGET /#\r\n0\r\nx: #\r\n\r\n";
    for sidecar in [&over_tcp, &over_unix] {
        for fragment in FRAGMENTS {
            let mut connection = Connection::open(sidecar);
            connection.write(get(fragment));
            is_refused(&connection.reply());
            // It is kept, and each request is seen.
            connection.write(get(ALLOW));
            is_subject(&connection.reply(), "anna");
            connection.write(get(fragment));
            is_refused(&connection.reply());
            // Several at once, with all that a body may be between them.
            let all = [
                get(ALLOW),
                get(fragment),
                post(ALLOW, "content-length: 6", "GET /#"),
                get(fragment),
                post(ALLOW, "transfer-encoding: chunked", chunks),
                "\r\n\n".to_owned(),
                get(fragment),
                post(fragment, "transfer-encoding: chunked", chunks),
                get(ALLOW),
                post(fragment, "content-length: 2", "##"),
                get(fragment),
                get(ALLOW),
            ];
            connection.write(all.concat());
            for request in all.iter().filter(|request| request.contains("HTTP/1.1")) {
                let reply = connection.reply();
                let line = request.lines().next().unwrap();
                match (line.contains(fragment), line.starts_with("POST")) {
                    (true, _) => is_refused(&reply),
                    (false, false) => is_subject(&reply, "anna"),
                    (false, true) => is_denied(&reply, 403, "ROUTE_UNKNOWN"),
                }
            }
        }
    }
}

/// However the bytes are cut into packets.
#[test]
fn a_fragment_is_seen_in_pieces() {
    let sidecar = start(HEADER).start();
    let text = format!("{}{}", get(FRAGMENTS[0]), get(ALLOW));
    for cut in 1..text.len() {
        let (first, second) = text.split_at(cut);
        let mut connection = Connection::open(&sidecar);
        connection.write(first);
        std::thread::yield_now();
        connection.write(second);
        is_refused(&connection.reply());
        is_subject(&connection.reply(), "anna");
    }
}

#[test]
fn a_fragment_is_refused_on_every_surface() {
    let sidecar = start(HEADER).start();
    for line in [
        "GET /readyz#x",
        "GET /healthz#",
        "GET /metrics?#",
        "POST /v1/is_authorized#x",
        "POST /access/v1/evaluation#x",
        "POST /#x",
        "GET /nowhere#x",
    ] {
        let mut connection = Connection::open(&sidecar);
        connection.write(format!(
            "{line} HTTP/1.1\r\nhost: a\r\nx-request-id: 4711\r\n\r\n"
        ));
        let reply = connection.reply();
        assert_eq!(
            (reply.status, &reply.json()["code"]),
            (400, &"TARGET_MALFORMED".into()),
            "{line}"
        );
        assert_eq!(reply.header("x-request-id"), Some("4711"));
    }
    for endpoint in [
        "nginx",
        "ingress-nginx",
        "traefik",
        "caddy",
        "haproxy",
        "apisix",
    ] {
        let mut connection = Connection::open(&sidecar);
        connection.write(get(&format!("/authz/{endpoint}#x")));
        is_refused(&connection.reply());
    }
}

/// Other lines than request lines have no fragment.
#[test]
fn other_marks_are_no_fragment() {
    let sidecar = start(HEADER).start();
    let mut connection = Connection::open(&sidecar);
    for _ in 0..2 {
        connection.write(
            "GET /authz/envoy/orgs/acme HTTP/1.1\r\nhost: a\r\nx-user: anna\r\nx#y: #\r\n\r\n",
        );
        is_subject(&connection.reply(), "anna");
        let body = format!("{ALLOWED} ");
        connection.write(format!(
            "{}x: #\r\ncontent-length: {}\r\n\r\n{body}",
            head(),
            body.len()
        ));
        assert_eq!(connection.reply().status, 200);
    }
}
