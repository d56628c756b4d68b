//! Checks of every answer to a gateway, and the start of the cases of gateways.

use serde_json::{Value, json};

use super::{Values, WireCase, differences, private};
use crate::gateway::endpoints::ENDPOINTS;
use crate::sidecar::{Reply, Start};

/// Headers by which the cases name principals, of each gateway and from the machine itself.
fn believed() -> String {
    let of = |endpoint: &str| {
        [
            ("X-User", "type = \"User\""),
            ("X-Email", "type = \"User\", attribute = \"email\""),
            (
                "X-Sub-Account",
                "type = \"SubAccount\", attribute = \"email\"",
            ),
        ]
        .map(|(name, rest)| {
            format!(
                "{{endpoint = \"{endpoint}\", from = [\"127.0.0.1\"], name = \"{name}\", {rest}}}"
            )
        })
        .join(", ")
    };
    let all = ENDPOINTS.map(of);
    format!("[{}]", all.join(", "))
}

/// A case as each of its gateways asks, which is all of them where it names none. Among its headers
/// `{method}` and `{target}` are what the gateway says these by, in place of what it would say, and
/// `{other method}` and `{other target}` what others do.
pub(super) fn asked(case: WireCase) -> Vec<WireCase> {
    let Some(request) = &case.request else {
        return vec![case];
    };
    let (method, target) = request.split_once(' ').unwrap();
    let named = ENDPOINTS.into_iter().filter(|name| {
        case.gateways.is_empty() || case.gateways.iter().any(|wanted| wanted == name)
    });
    named
        .map(|name| case.asked_by(name, method, target))
        .collect()
}

impl WireCase {
    fn asked_by(&self, gateway: &str, method: &str, target: &str) -> Self {
        let mut case = self.clone();
        case.name = format!("{}, as {gateway} asks", self.name);
        let original = ["x-original-method", "x-original-uri"];
        let url = ["x-original-method", "x-original-url"];
        let forwarded = ["x-forwarded-method", "x-forwarded-uri"];
        let (own, other) = match gateway {
            "nginx" | "haproxy" => (original, forwarded),
            "ingress-nginx" => (url, forwarded),
            "traefik" | "caddy" | "apisix" => (forwarded, original),
            _ => {
                case.method = method.to_owned();
                case.path = Some(format!("/authz/envoy{target}"));
                return case;
            }
        };
        // By whichever method its author thought best.
        let by = if gateway == "haproxy" { "POST" } else { "GET" };
        case.method = by.to_owned();
        case.path = Some(format!("/authz/{gateway}"));
        let placeholders = ["{method}", "{target}", "{other method}", "{other target}"];
        let target = match gateway {
            "ingress-nginx" => format!("https://a{target}"),
            _ => target.to_owned(),
        };
        let said = [Some(method), Some(target.as_str()), None, None];
        let names = own.into_iter().chain(other);
        for ((placeholder, said), name) in placeholders.into_iter().zip(said).zip(names) {
            let said = said.map(|said| Values::One(said.to_owned()));
            if let Some(values) = case.headers.remove(placeholder).or(said) {
                case.headers.insert(name.to_owned(), values);
            }
        }
        case
    }
}

/// The settings of a file of cases.
pub(super) fn told(file: &str, start: Start) -> Start {
    let start = if file.starts_with("gateway-") {
        start
            .variable("PEPPOL_AUTHZ_GATEWAY__HEADER", &believed())
            .variable("PEPPOL_AUTHZ_LIMITS__BODY_BYTES", "2048")
    } else {
        start
    };
    match file {
        "gateway-off.toml" => start.variable("PEPPOL_AUTHZ_GATEWAY__ENDPOINTS", "[\"caddy\"]"),
        "gateway-denial.toml" => {
            let path = start.path("config.toml");
            let text = "[gateway]\nrealm = \"Acme\"\n[gateway.denial]\nstatus = \"{status}\"\n\
                        ids = [\"{decisionId}\", \"{requestId}\"]\ndateTime = \"at {time}\"\n\
                        helpLink = \"https://help.example.com/{code}\"\nkeep = [1, true, \"{{}}\"]\n\
                        [gateway.denial.error]\ncode = \"API{status}\"\nmessage = \"{code}: {message}\"\n";
            std::fs::write(&path, text).unwrap();
            start.with(&["--config", path.to_str().unwrap()])
        }
        _ => start,
    }
}

/// Checks the status, and the headers that are always there.
pub(super) fn holds(reply: &Reply, body: &Value, faults: &mut Vec<String>) {
    if ![200, 401, 403, 500, 503].contains(&reply.status) {
        faults.push(format!("no gateway understands {}", reply.status));
    }
    let mut wanted = vec!["x-authz-decision-id"];
    let ours = [
        "x-authz-subject",
        "x-authz-subject-type",
        "x-authz-resource",
        "x-authz-obligations",
    ];
    match reply.status {
        200 => wanted.extend(ours),
        401 => wanted.extend(["x-authz-code", "www-authenticate"]),
        _ => wanted.push("x-authz-code"),
    }
    for name in wanted {
        if reply.header(name).is_none() {
            faults.push(format!("there is no `{name}`"));
        }
    }
    if reply.header("cache-control") != Some("no-store") {
        faults.push("it may be stored".to_owned());
    }
    if reply.header("allow").is_some() {
        faults.push("it says which methods there are".to_owned());
    }
    if reply.status == 200 {
        if !reply.text.is_empty() {
            faults.push("an allow has a body".to_owned());
        }
        return;
    }
    // The digits of an id are nobody's.
    let id = reply.header("x-authz-decision-id").unwrap_or_default();
    private(&Value::from(reply.text.replace(id, "")), faults);
    if reply.header("content-type") == Some("application/problem+json") {
        let shape = json!({
            "type": "about:blank",
            "title": "…",
            "status": reply.status,
            "code": reply.header("x-authz-code"),
            "detail": "…",
            "decisionId": reply.header("x-authz-decision-id"),
        });
        differences(&shape, body, true, "", faults);
    }
}
