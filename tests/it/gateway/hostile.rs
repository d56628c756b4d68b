//! A decision is about the request that the gateway names, whatever else a client writes.

use super::{ask, start};
use crate::rules::rng::Rng;

/// Headers that programs somewhere take a method, a path, a host or a caller from.
const HOSTILE: [&str; 27] = [
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-forwarded-method",
    "x-forwarded-uri",
    "x-forwarded-path",
    "x-forwarded-prefix",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-user",
    "x-forwarded-client-cert",
    "x-rewrite-url",
    "x-envoy-original-path",
    "x-envoy-original-method",
    "x-real-ip",
    "x-remote-user",
    "x-authz-subject",
    "x-authz-resource",
    "x-authz-plan",
    "x-authz-plan-id",
    "x-authz-decision-id",
    "x-authz-obligations",
    "x-auth-request-redirect",
    "x-email",
    "forwarded",
    "via",
    "host2",
];

const VALUES: [&str; 14] = [
    "GET",
    "DELETE",
    "PUT",
    "/orgs/acme",
    "/orgs/globex",
    "/iso6523-actorid-upis::0007:1",
    "/",
    "http://a/orgs/acme",
    "root",
    "anna",
    "127.0.0.1",
    "URI=spiffe://a/root",
    "",
    "\u{e5}",
];

#[test]
fn a_decision_depends_on_the_familys_headers_alone() {
    let header = |endpoint: &str| {
        format!(
            "[[gateway.header]]\nendpoint = \"{endpoint}\"\nfrom = [\"127.0.0.1\"]\nname = \"X-User\"\ntype = \"User\"\n"
        )
    };
    let all = ["nginx", "haproxy", "traefik", "caddy", "envoy", "apisix"];
    let sidecar = start(&all.map(header).concat()).start();
    let mut rng = Rng::new(7);
    let (mut allowed, mut denied) = (0, 0);
    for _ in 0..400 {
        let gateway = rng.pick(all);
        let (method, target) = rng.pick([
            ("GET", "/orgs/acme"),
            ("GET", "/orgs/globex"),
            ("DELETE", "/orgs/acme"),
            ("GET", "/orgs/../orgs/acme"),
            ("GET", "/iso6523-actorid-upis::0007:1"),
            ("GET", "/admin"),
        ]);
        let (method, gateway) = if gateway == "envoy" {
            ("GET", gateway)
        } else {
            (method, gateway)
        };
        let own: &[(&str, &str)] = match gateway {
            "nginx" | "haproxy" => &[("x-original-method", method), ("x-original-uri", target)],
            "envoy" => &[],
            _ => &[("x-forwarded-method", method), ("x-forwarded-uri", target)],
        };
        let path = match gateway {
            "envoy" => format!("/authz/envoy{target}"),
            other => format!("/authz/{other}"),
        };
        let who = rng.pick([Some("anna"), Some("mia"), None]);
        let mut headers = own.to_vec();
        headers.extend(who.map(|who| ("x-user", who)));
        let plain = ask(&sidecar.address, &path, &headers);
        for _ in 0..rng.between(1, 12) {
            let name = rng.pick(HOSTILE);
            if own.iter().all(|(own, _)| *own != name) {
                let place = rng.below(headers.len() + 1);
                headers.insert(place, (name, rng.pick(VALUES)));
            }
        }
        let hostile = ask(&sidecar.address, &path, &headers);
        let told = |reply: &crate::sidecar::Reply| {
            let headers = [
                "x-authz-code",
                "x-authz-subject",
                "x-authz-resource",
                "x-authz-obligations",
            ];
            (
                reply.status,
                headers.map(|name| reply.header(name).map(str::to_owned)),
            )
        };
        assert_eq!(told(&plain), told(&hostile), "{path} {headers:?}");
        if plain.status == 200 {
            allowed += 1
        } else {
            denied += 1
        }
    }
    assert!(allowed > 50 && denied > 50, "{allowed} {denied}");
}
