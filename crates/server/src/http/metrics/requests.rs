//! Metrics of requests, whatever they ask.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::added::added;
use super::seconds::histogram;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    path: &'static str,
    status: u16,
}

/// Metrics of requests.
#[derive(Debug)]
pub(in crate::http) struct RequestMetrics {
    seconds: Family<RequestLabels, Histogram>,
    panics: Counter,
}

impl RequestMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            seconds: added(
                registry,
                "http_request_duration_seconds",
                "Time from a request's head to its answer, by path and status",
                Family::new_with_constructor(histogram as fn() -> Histogram),
            ),
            panics: added(
                registry,
                "panics",
                "Handlers that panicked",
                Counter::default(),
            ),
        }
    }

    pub(in crate::http) fn answered(&self, path: &'static str, status: u16, elapsed: Duration) {
        self.seconds
            .get_or_create(&RequestLabels { path, status })
            .observe(elapsed.as_secs_f64());
    }

    pub(in crate::http) fn panicked(&self) {
        self.panics.inc();
    }
}

/// The route of a path, so that a caller cannot make labels up.
pub(in crate::http) fn route(path: &str) -> &'static str {
    /// The client's path is behind it.
    const ENVOY: &str = "/authz/envoy";
    const KEPT_PLAN: &str = "/v1/plan/";
    const POLICY: &str = "/v1/policies/";
    const CONSOLE: &str = "/console";
    const ROUTES: [&str; 30] = [
        "/",
        "/v1/is_authorized",
        "/v1/batch_is_authorized",
        "/v1/plan",
        "/api/plan/resources",
        "/v1/search",
        "/access/v1/evaluation",
        "/access/v1/evaluations",
        "/access/v1/search/subject",
        "/access/v1/search/resource",
        "/access/v1/search/action",
        "/.well-known/authzen-configuration",
        "/authz/nginx",
        "/authz/ingress-nginx",
        "/authz/traefik",
        "/authz/caddy",
        "/authz/haproxy",
        "/authz/apisix",
        "/livez",
        "/readyz",
        "/healthz",
        "/version",
        "/metrics",
        "/openapi.json",
        "/debug/config",
        "/admin/reload",
        "/admin/log-filter",
        "/v1/policies",
        "/v1/schema",
        "/v1/data",
    ];
    let is_below = |rest: &str| rest.is_empty() || rest.starts_with('/');
    if path.strip_prefix(ENVOY).is_some_and(is_below) {
        return ENVOY;
    }
    if path.strip_prefix(CONSOLE).is_some_and(is_below) {
        return CONSOLE;
    }
    if path.starts_with(KEPT_PLAN) {
        return "/v1/plan/{id}";
    }
    if path.starts_with(POLICY) {
        return "/v1/policies/{id}";
    }
    ROUTES
        .into_iter()
        .find(|route| *route == path)
        .unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_no_route_has_one_label() {
        assert_eq!(route("/v1/is_authorized"), "/v1/is_authorized");
        assert_eq!(route("/v1/is_authorized/x"), "other");
        for path in ["/authz/envoy", "/authz/envoy/", "/authz/envoy/orgs/acme"] {
            assert_eq!(route(path), "/authz/envoy");
        }
        assert_eq!(route("/authz/envoys"), "other");
        assert_eq!(route("/console/ask"), "/console");
        assert_eq!(route("/consoles"), "other");
        assert_eq!(route("/v1/plan/0198"), "/v1/plan/{id}");
    }
}
