//! Requests as gateways send them that are not run here themselves, each with where that is known from.

use super::{as_nginx, is_denied, is_subject, start};
use crate::connection::Connection;
use crate::sidecar::{Reply, Sidecar, project};

/// The settings of `examples`, for all of these gateways at once.
const SETTINGS: &str = r#"
[[gateway.family]]
endpoint = "nginx"
method = "X-Auth-Request-Method"
target = "X-Auth-Request-Redirect"
"#;

const RECORDED: [&str; 5] = [
    "ingress-nginx",
    "istio",
    "envoy-gateway",
    "apisix",
    "oauth2-proxy-style",
];

/// Of each endpoint: the headers by which it is told method and target.
const TOLD_BY: [(&str, &str, &str); 6] = [
    ("nginx", "x-original-method", "x-original-uri"),
    ("haproxy", "x-original-method", "x-original-uri"),
    ("ingress-nginx", "x-original-method", "x-original-url"),
    ("traefik", "x-forwarded-method", "x-forwarded-uri"),
    ("caddy", "x-forwarded-method", "x-forwarded-uri"),
    ("apisix", "x-forwarded-method", "x-forwarded-uri"),
];

fn believed() -> String {
    ["nginx", "ingress-nginx", "envoy", "apisix"]
        .map(|endpoint| {
            format!(
                "[[gateway.header]]\nendpoint = \"{endpoint}\"\nfrom = [\"127.0.0.1\"]\n\
                 name = \"X-User\"\ntype = \"User\"\n"
            )
        })
        .concat()
}

fn text(name: &str) -> String {
    let path = project(&format!("tests/it/fixtures/gateways/{name}.http"));
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("# "));
    lines.map(|line| format!("{line}\r\n")).collect()
}

fn sent(sidecar: &Sidecar, text: &str, method: &str, target: &str, user: &str) -> Reply {
    let text = text
        .replace("{method}", method)
        .replace("{target}", target)
        .replace("{user}", user);
    let mut connection = Connection::open(sidecar);
    connection.write(text);
    connection.reply()
}

#[test]
fn what_gateways_send_is_understood() {
    let sidecar = start(&format!("{SETTINGS}{}", believed())).start();
    for name in RECORDED {
        let text = text(name);
        let ask = |method, target, user| sent(&sidecar, &text, method, target, user);
        is_subject(&ask("GET", "/orgs/acme", "anna"), "anna");
        is_subject(&ask("GET", "/orgs/acme?x=https://a/b", "anna"), "anna");
        is_denied(&ask("GET", "/orgs/globex", "anna"), 403, "NOT_PERMITTED");
        is_denied(&ask("DELETE", "/orgs/acme", "anna"), 403, "ROUTE_UNKNOWN");
        is_denied(
            &ask("GET", "/orgs/acme/../globex", "anna"),
            403,
            "PATH_UNREADABLE",
        );
        is_denied(&ask("GET", "/orgs/acme#x", "anna"), 403, "PATH_UNREADABLE");
        is_denied(&ask("GET", "/orgs/acme", ""), 401, "TOKEN_MISSING");
    }
}

/// In the URL that ingress-nginx makes, the host is a client's. nginx takes none with `/`.
#[test]
fn a_host_moves_no_path() {
    let sidecar = start(&believed()).start();
    let text = text("ingress-nginx");
    for (host, code) in [
        ("services.example.com:8443", None),
        ("[::1]", None),
        ("a?x=", Some("GATEWAY_MALFORMED")),
        ("a#", Some("GATEWAY_MALFORMED")),
        ("a@b", Some("GATEWAY_MALFORMED")),
        ("a\\", Some("GATEWAY_MALFORMED")),
        ("", Some("GATEWAY_MALFORMED")),
    ] {
        let text = text.replace("https://services.example.com", &format!("https://{host}"));
        let denied = sent(&sidecar, &text, "GET", "/orgs/globex", "anna");
        // Nothing of `globex` is allowed, whatever it is read as.
        assert_eq!(denied.status, 403, "{host}: {denied:?}");
        let reply = sent(&sidecar, &text, "GET", "/orgs/acme", "anna");
        match code {
            None => is_subject(&reply, "anna"),
            Some(code) => is_denied(&reply, 403, code),
        }
    }
}

#[test]
fn a_denial_says_which_header_is_missing() {
    let sidecar = start("").start();
    for (endpoint, method, target) in TOLD_BY {
        let path = format!("/authz/{endpoint}");
        let url = match endpoint {
            "ingress-nginx" => "http://a/orgs/acme",
            _ => "/orgs/acme",
        };
        for (headers, named, problem) in [
            (vec![], method, "is missing"),
            (vec![(method, "GET")], target, "is missing"),
            (vec![(target, url)], method, "is missing"),
            (vec![(method, "GET"), (target, "")], target, "is missing"),
            (
                vec![(method, "GET"), (target, url), (target, url)],
                target,
                "has not one value",
            ),
            (
                vec![(method, "GET"), (method, "GET"), (target, url)],
                method,
                "has not one value",
            ),
        ] {
            let reply = super::ask(&sidecar.address, &path, &headers);
            is_denied(&reply, 403, "GATEWAY_MALFORMED");
            let detail = reply.json()["detail"].to_string();
            assert!(
                detail.contains(&format!("`{named}` {problem}")),
                "{path}: {detail}"
            );
        }
    }
    let headers = [
        ("x-original-method", "GET"),
        ("x-original-url", "/orgs/acme"),
    ];
    let reply = super::ask(&sidecar.address, "/authz/ingress-nginx", &headers);
    is_denied(&reply, 403, "GATEWAY_MALFORMED");
    assert!(
        reply.text.contains("`x-original-url` is no URL"),
        "{}",
        reply.text
    );
    for path in ["/authz/envoy", "/authz/envoys", "/authz/nginx/", "/authz"] {
        let reply = super::ask(&sidecar.address, path, &headers);
        is_denied(&reply, 403, "GATEWAY_MALFORMED");
        assert!(
            reply.text.contains("no path follows `/authz/envoy`"),
            "{}",
            reply.text
        );
    }
}

/// The headers of the settings count, and those that they replace are a client's.
#[test]
fn an_endpoint_reads_the_family_that_is_set() {
    let url = SETTINGS.replace(
        "target = \"X-Auth-Request-Redirect\"",
        "target = \"X-Url\"\nform = \"url\"",
    );
    let sidecar = start(&format!("{url}{}", believed())).start();
    let own = [
        ("x-auth-request-method", "GET"),
        ("x-url", "http://a/orgs/acme"),
        ("x-user", "anna"),
    ];
    is_subject(
        &as_nginx(&sidecar.address, "DELETE", "/orgs/globex", &own),
        "anna",
    );
    let anna = [("x-user", "anna")];
    is_denied(
        &as_nginx(&sidecar.address, "GET", "/orgs/acme", &anna),
        403,
        "GATEWAY_MALFORMED",
    );
    let path = [
        ("x-auth-request-method", "GET"),
        ("x-url", "/orgs/acme"),
        ("x-user", "anna"),
    ];
    is_denied(
        &as_nginx(&sidecar.address, "GET", "/orgs/acme", &path),
        403,
        "GATEWAY_MALFORMED",
    );
}
