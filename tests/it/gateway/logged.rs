//! The decision log's lines about gateways' requests.

use peppol_authz_server::http::envoy::HttpRequest;
use serde_json::{Value, json};

use super::envoy::{Envoy, get};
use super::{as_nginx, ask, is_denied, is_subject, of_acme, start};
use crate::sidecar::{Sidecar, Start};

const SETTINGS: &str = "[gateway]\nenvoy_grpc_listen = \"127.0.0.1:0\"\n\
    [[gateway.header]]\nendpoint = \"nginx\"\nfrom = [\"127.0.0.1\"]\n\
    name = \"X-User\"\ntype = \"User\"\n\
    [[gateway.header]]\nendpoint = \"envoy\"\nfrom = [\"127.0.0.1\"]\n\
    name = \"X-User\"\ntype = \"User\"\n";

fn logging() -> Start {
    let start = start(SETTINGS);
    let to = format!("file:{}", start.path("d.log").display());
    start.with(&["--decision-log", &to])
}

fn ended(mut sidecar: Sidecar) -> Vec<Value> {
    sidecar.stop();
    let text = std::fs::read_to_string(sidecar.path("d.log")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

const ANNA: [(&str, &str); 1] = [("x-user", "anna")];

/// A request for another mode, which may be one that there is not.
fn put(mode: &str) -> HttpRequest {
    let body = json!({"modeChangeRequest": mode}).to_string();
    let headers = [ANNA[0], ("content-type", "application/json")];
    HttpRequest {
        method: "PUT".to_owned(),
        size: i64::try_from(body.len()).unwrap(),
        body,
        ..get("/orgs/acme", &headers)
    }
}

#[test]
fn each_question_of_a_request_has_a_line_under_the_id_of_the_request() {
    let sidecar = logging().start();
    let address = sidecar.logged("listening for Envoy's gRPC")["address"].clone();
    let allowed = of_acme(&sidecar, &ANNA);
    is_subject(&allowed, "anna");
    let mut envoy = Envoy::connect(address.as_str().unwrap());
    // To change the mode is asked besides, and denied.
    let put = envoy.check(put("SHARED"), "");
    put.is_denied(403, "AT-1120");
    let denied = envoy.check(get("/orgs/globex", &ANNA), "");
    denied.is_denied(403, "NOT_PERMITTED");
    let lines = ended(sidecar);
    let asked: Vec<_> = lines
        .iter()
        .map(|line| {
            assert_eq!(line["surface"], "gateway");
            let of = |member: &str| line["question"][member]["id"].as_str().unwrap();
            (
                of("action"),
                of("resource"),
                line["decision"].as_str().unwrap(),
            )
        })
        .collect();
    let wanted = [
        ("getOrganisation", "acme", "Allow"),
        ("updateOrganisation", "acme", "Allow"),
        ("requestModeChange", "acme", "Deny"),
        ("getOrganisation", "globex", "Deny"),
    ];
    assert_eq!(asked, wanted);
    let id = "x-authz-decision-id";
    let told = [
        allowed.header(id),
        put.header(id),
        put.header(id),
        denied.header(id),
    ];
    let logged: Vec<_> = lines.iter().map(|line| line["id"].as_str()).collect();
    assert_eq!(logged, told);
}

/// All that was asked is allowed, and yet the request is not: the log says why.
#[test]
fn what_a_request_is_denied_for_has_a_line_where_no_question_says_it() {
    let sidecar = logging().start();
    let address = sidecar.logged("listening for Envoy's gRPC")["address"].clone();
    let mut envoy = Envoy::connect(address.as_str().unwrap());
    let verdict = envoy.check(put("carol@acme.example"), "");
    verdict.is_denied(403, "REQUEST_MALFORMED");
    let lines = ended(sidecar);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["decision"], "Allow");
    assert_eq!(lines[0]["question"]["action"]["id"], "updateOrganisation");
    assert_eq!(lines[1]["decision"], "Deny");
    assert_eq!(lines[1]["question"], Value::Null);
    assert_eq!(lines[1]["codes"], json!(["REQUEST_MALFORMED"]));
    assert_eq!(lines[1]["id"], lines[0]["id"]);
    assert!(!lines[1].to_string().contains('@'), "{}", lines[1]);
}

/// A request that names nobody and nothing is logged by its code, without the client's words.
#[test]
fn a_request_that_was_no_question_has_a_line_too() {
    let sidecar = logging().start();
    let of =
        |target: &str, headers: &[(&str, &str)]| as_nginx(&sidecar.address, "GET", target, headers);
    is_denied(
        &of("/nowhere/carol@acme.example", &ANNA),
        403,
        "ROUTE_UNKNOWN",
    );
    is_denied(&of("/orgs/acme", &[]), 401, "TOKEN_MISSING");
    let overridden = [ANNA[0], ("x-http-method", "carol@acme.example")];
    is_denied(&of("/orgs/acme", &overridden), 403, "METHOD_OVERRIDDEN");
    is_denied(
        &ask(&sidecar.address, "/authz/caddy", &ANNA),
        403,
        "GATEWAY_MALFORMED",
    );
    assert_eq!(of("/iso6523-actorid-upis::0007:1", &[]).status, 200);
    let lines = ended(sidecar);
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            assert_eq!(line["question"], Value::Null);
            (
                line["decision"].as_str().unwrap(),
                line["codes"].clone(),
                line["said"].clone(),
            )
        })
        .collect();
    let said = |endpoint: &str, route: Value| json!({"endpoint": endpoint, "route": route});
    let get_org = || json!("GET /orgs/{orgId}");
    assert_eq!(
        told[..4],
        [
            ("Deny", json!(["ROUTE_UNKNOWN"]), said("nginx", Value::Null)),
            ("Deny", json!(["TOKEN_MISSING"]), said("nginx", get_org())),
            (
                "Deny",
                json!(["METHOD_OVERRIDDEN"]),
                said("nginx", get_org())
            ),
            (
                "Deny",
                json!(["GATEWAY_MALFORMED"]),
                said("caddy", Value::Null)
            ),
        ]
    );
    assert_eq!((told[4].0, &told[4].1), ("Allow", &json!([])));
    assert!(told[4].2["route"].as_str().unwrap().starts_with("GET /"));
}

#[test]
fn a_gateway_lets_nothing_through_without_a_line() {
    let start = start(SETTINGS).with(&["--decision-log", "file:/dev/full"]);
    let start = start.variable("PEPPOL_AUTHZ_DECISION_LOG__WHEN_FULL", "refuse");
    let sidecar = start
        .variable("PEPPOL_AUTHZ_SERVER__DRAIN_TIMEOUT", "0s")
        .start();
    let address = sidecar.logged("listening for Envoy's gRPC")["address"].clone();
    // By this one it is found out.
    of_acme(&sidecar, &ANNA);
    sidecar.wait_for_log("the decision log cannot be written");
    for target in ["/orgs/acme", "/nowhere", "/iso6523-actorid-upis::0007:1"] {
        let reply = as_nginx(&sidecar.address, "GET", target, &ANNA);
        is_denied(&reply, 503, "DECISION_NOT_LOGGED");
    }
    let mut envoy = Envoy::connect(address.as_str().unwrap());
    let verdict = envoy.check(get("/orgs/acme", &ANNA), "");
    verdict.is_denied(503, "DECISION_NOT_LOGGED");
}
