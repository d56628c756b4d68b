//! A store that is away, hangs or panics: never an allow, and what gateways understand.

use peppol_authz_server::config::{Config, Flags};
use peppol_authz_server::http::Gateway;

use super::endpoints::ENDPOINTS;
use super::envoy::{Envoy, get};
use super::{OF_ACME, ask, is_denied};
use crate::limits::trouble::{StoreTrouble, start_with};

const SETTINGS: &str = r#"
    [[gateway.header]]
    endpoint = "nginx"
    from = ["127.0.0.1"]
    name = "X-User"
    type = "User"
"#;

#[test]
fn a_store_in_trouble_is_a_server_error_on_every_endpoint() {
    let settings: String = ENDPOINTS
        .map(|name| SETTINGS.replace("nginx", name))
        .concat();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("authz.toml");
    std::fs::write(&file, settings).unwrap();
    let flags = Flags {
        config: Some(file),
        ..Flags::default()
    };
    let settings = Config::load_from(&flags, []).unwrap();
    let server = start_with(Gateway::new(&settings.gateway));
    let mut envoy = Envoy::connect(&server.envoy);
    for (trouble, status, code) in [
        (StoreTrouble::None, 403, "UNKNOWN_PRINCIPAL"),
        (StoreTrouble::IsAway, 503, "STORE_UNAVAILABLE"),
        (StoreTrouble::Hangs, 503, "TIMED_OUT"),
        (StoreTrouble::PanicsAtOnce, 500, "INTERNAL"),
        (StoreTrouble::PanicsWhileReading, 500, "INTERNAL"),
        (StoreTrouble::HoldsWhatDoesNotFit, 500, "TENANCY_UNUSABLE"),
        (StoreTrouble::None, 403, "UNKNOWN_PRINCIPAL"),
    ] {
        server.has(trouble);
        for name in ENDPOINTS {
            let path = match name {
                "envoy" => "/authz/envoy/orgs/acme".to_owned(),
                other => format!("/authz/{other}"),
            };
            let reply = ask(&server.address, &path, &OF_ACME);
            is_denied(&reply, status, code);
            assert!(!reply.text.contains("secret"), "{}", reply.text);
            assert_eq!(reply.header("retry-after").is_some(), status == 503);
        }
        // No error of gRPC, which Envoy may be told to let through.
        let verdict = envoy.check(get("/orgs/acme", &[("x-user", "anna")]), "");
        verdict.is_denied(status, code);
        assert!(!verdict.body.contains("secret"), "{verdict:?}");
    }
    let metrics = server.connect().get("/metrics").text;
    for sample in [
        "panics_total 16",
        "gateway_answers_total{endpoint=\"caddy\",status=\"500\",code=\"INTERNAL\"} 2",
        "gateway_answers_total{endpoint=\"envoy_grpc\",status=\"503\",code=\"TIMED_OUT\"} 1",
    ] {
        assert!(
            metrics.contains(&format!("\npeppol_authz_{sample}\n")),
            "{sample}: {metrics}"
        );
    }
}
