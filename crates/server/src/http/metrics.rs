//! What is counted, for Prometheus.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::Problem;
use crate::decision_log::LogStats;
use crate::identity::KeysHealth;
use crate::shadow;
use peppol_authz_engine::slice::CacheStats;
use peppol_authz_engine::{Decision, Failure, Found};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    action: String,
    decision: &'static str,
    /// The codes of a denial, with commas between; empty for an Allow.
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    path: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GatewayLabels {
    endpoint: &'static str,
    status: u16,
    /// Of a denial; empty where it is allowed.
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RevisionLabel {
    revision: String,
}

/// All counters.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    decisions: Family<DecisionLabels, Counter>,
    decision_seconds: Histogram,
    searches: Family<ResultLabel, Counter>,
    search_candidates: Histogram,
    malformed: Family<CodeLabel, Counter>,
    gateway_answers: Family<GatewayLabels, Counter>,
    request_seconds: Family<RequestLabels, Histogram>,
    panics: Counter,
    store_failures: Counter,
    store_up: Gauge,
    store_state_age: Gauge<f64, AtomicU64>,
    token_keys: Gauge,
    token_keys_seen: Gauge<f64, AtomicU64>,
    token_keys_failures: Gauge<u64, AtomicU64>,
    reloads: Family<ResultLabel, Counter>,
    reload_refused: Gauge,
    last_reload: Gauge<f64, AtomicU64>,
    policies: Family<RevisionLabel, Gauge>,
    cache_hits: Gauge<u64, AtomicU64>,
    cache_misses: Gauge<u64, AtomicU64>,
    cache_entries: Gauge<u64, AtomicU64>,
    cache_bytes: Gauge<u64, AtomicU64>,
    decision_log_lines: Counter,
    decision_log_dropped: Counter,
    decision_log_failing: Gauge,
}

/// From 5 µs, a warm decision, to a second.
const SECONDS: [f64; 15] = [
    5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 1.0,
];

const CANDIDATES: [f64; 7] = [0.0, 1.0, 10.0, 1e2, 1e3, 1e4, 1e5];

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

/// The route of a path, so that a caller cannot make labels up.
pub(super) fn route(path: &str) -> &'static str {
    /// The client's path is behind it.
    const ENVOY: &str = "/authz/envoy";
    const ROUTES: [&str; 20] = [
        "/",
        "/v1/is_authorized",
        "/v1/batch_is_authorized",
        "/v1/search",
        "/access/v1/evaluation",
        "/access/v1/evaluations",
        "/access/v1/search/subject",
        "/access/v1/search/resource",
        "/access/v1/search/action",
        "/.well-known/authzen-configuration",
        "/authz/nginx",
        "/authz/traefik",
        "/authz/caddy",
        "/authz/haproxy",
        "/livez",
        "/readyz",
        "/healthz",
        "/version",
        "/metrics",
        "/openapi.json",
    ];
    let is_envoy = |rest: &str| rest.is_empty() || rest.starts_with('/');
    if path.strip_prefix(ENVOY).is_some_and(is_envoy) {
        return ENVOY;
    }
    ROUTES
        .into_iter()
        .find(|route| *route == path)
        .unwrap_or("other")
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("peppol_authz"),
            decisions: Family::default(),
            decision_seconds: histogram(),
            searches: Family::default(),
            search_candidates: Histogram::new(CANDIDATES),
            malformed: Family::default(),
            gateway_answers: Family::default(),
            request_seconds: Family::new_with_constructor(histogram),
            panics: Counter::default(),
            store_failures: Counter::default(),
            store_up: Gauge::default(),
            store_state_age: Gauge::default(),
            token_keys: Gauge::default(),
            token_keys_seen: Gauge::default(),
            token_keys_failures: Gauge::default(),
            reloads: Family::default(),
            reload_refused: Gauge::default(),
            last_reload: Gauge::default(),
            policies: Family::default(),
            cache_hits: Gauge::default(),
            cache_misses: Gauge::default(),
            cache_entries: Gauge::default(),
            cache_bytes: Gauge::default(),
            decision_log_lines: Counter::default(),
            decision_log_dropped: Counter::default(),
            decision_log_failing: Gauge::default(),
        };
        let m = &mut metrics;
        let r = &mut m.registry;
        r.register(
            "decisions",
            "Decisions, by action, decision and codes",
            m.decisions.clone(),
        );
        r.register(
            "decision_duration_seconds",
            "From the text of a question to its decision",
            m.decision_seconds.clone(),
        );
        r.register("searches", "Searches, by result", m.searches.clone());
        r.register(
            "search_candidates",
            "Candidates that were decided for a page of a search",
            m.search_candidates.clone(),
        );
        r.register(
            "malformed",
            "Questions that were none, by code",
            m.malformed.clone(),
        );
        r.register(
            "gateway_answers",
            "Answers to gateways, by endpoint, status and code",
            m.gateway_answers.clone(),
        );
        r.register(
            "http_request_duration_seconds",
            "From a request's head to its answer, by path and status",
            m.request_seconds.clone(),
        );
        r.register("panics", "Handlers that panicked", m.panics.clone());
        r.register(
            "store_failures",
            "Questions that the tenancy store could not serve",
            m.store_failures.clone(),
        );
        r.register(
            "token_keys",
            "Keys that tokens may be verified by",
            m.token_keys.clone(),
        );
        r.register(
            "token_keys_seen_timestamp_seconds",
            "When the keys of tokens were looked at last; 0 where they never were",
            m.token_keys_seen.clone(),
        );
        r.register(
            "token_keys_failures",
            "Looks at the keys of tokens that failed",
            m.token_keys_failures.clone(),
        );
        r.register(
            "store_up",
            "1 where the tenancy store could be read at this look",
            m.store_up.clone(),
        );
        r.register(
            "store_state_age_seconds",
            "Since the last look at the tenancy store that succeeded; -1 before the first",
            m.store_state_age.clone(),
        );
        r.register(
            "reloads",
            "Changes of policies or schema, by result",
            m.reloads.clone(),
        );
        r.register(
            "reload_refused",
            "1 while the last change was refused",
            m.reload_refused.clone(),
        );
        r.register(
            "last_reload_timestamp_seconds",
            "When the policies in force were taken",
            m.last_reload.clone(),
        );
        r.register("policies", "The revision in force", m.policies.clone());
        r.register(
            "cache_hits",
            "Entities found in memory, since the last reload",
            m.cache_hits.clone(),
        );
        r.register(
            "cache_misses",
            "Entities asked of the store, since the last reload",
            m.cache_misses.clone(),
        );
        r.register(
            "cache_entries",
            "Entities in memory",
            m.cache_entries.clone(),
        );
        r.register(
            "cache_bytes",
            "About how many bytes they take",
            m.cache_bytes.clone(),
        );
        r.register(
            "decision_log_lines",
            "Lines of the decision log that were written",
            m.decision_log_lines.clone(),
        );
        r.register(
            "decision_log_dropped",
            "Decisions that were given without a line",
            m.decision_log_dropped.clone(),
        );
        r.register(
            "decision_log_failing",
            "1 while the decision log cannot be written",
            m.decision_log_failing.clone(),
        );
        metrics
    }
}

impl Metrics {
    /// With those of a shadow.
    #[must_use]
    pub fn with_shadow(mut self, counts: &shadow::Counts) -> Self {
        counts.register(&mut self.registry);
        self
    }

    pub(super) fn decided(&self, action: &str, decision: &Decision, elapsed: Duration) {
        let codes: Vec<&str> = decision
            .reasons
            .iter()
            .filter_map(|reason| reason.code.as_deref())
            .collect();
        let labels = DecisionLabels {
            action: action.to_owned(),
            decision: decision.verdict.name(),
            code: codes.join(","),
        };
        self.decisions.get_or_create(&labels).inc();
        self.decision_seconds.observe(elapsed.as_secs_f64());
    }

    pub(super) fn malformed(&self, code: &'static str) {
        self.malformed.get_or_create(&CodeLabel { code }).inc();
    }

    pub(super) fn answered_gateway(&self, endpoint: &'static str, status: u16, code: &str) {
        let labels = GatewayLabels {
            endpoint,
            status,
            code: code.to_owned(),
        };
        self.gateway_answers.get_or_create(&labels).inc();
    }

    pub(super) fn answered(&self, path: &'static str, status: u16, elapsed: Duration) {
        self.request_seconds
            .get_or_create(&RequestLabels { path, status })
            .observe(elapsed.as_secs_f64());
    }

    pub(super) fn panicked(&self) {
        self.panics.inc();
    }

    pub(super) fn searched(&self, found: &Result<Found, Failure>) {
        let result = match found {
            Ok(found) => {
                let decided = u32::try_from(found.decided).unwrap_or(u32::MAX);
                self.search_candidates.observe(decided.into());
                "answered"
            }
            Err(Failure::TooWide(_)) => "too_wide",
            Err(_) => {
                self.store_failed();
                "failed"
            }
        };
        self.searches.get_or_create(&ResultLabel { result }).inc();
    }

    pub(super) fn store_failed(&self) {
        self.store_failures.inc();
    }

    pub(super) fn store_is_up(&self, up: bool) {
        self.store_up.set(i64::from(up));
    }

    pub(super) fn store_was_seen(&self, ago: Option<Duration>) {
        self.store_state_age
            .set(ago.map_or(-1.0, |ago| ago.as_secs_f64()));
    }

    /// A Bundle was taken, at the start or by a reload.
    pub fn loaded(&self) {
        self.reloads
            .get_or_create(&ResultLabel { result: "taken" })
            .inc();
        self.reload_refused.set(0);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |d| d.as_secs_f64());
        self.last_reload.set(now);
    }

    /// A Bundle was refused.
    pub fn refused(&self) {
        self.reloads
            .get_or_create(&ResultLabel { result: "refused" })
            .inc();
        self.reload_refused.set(1);
    }

    /// How the looks at the keys of tokens went.
    pub(super) fn keys_are(&self, health: KeysHealth) {
        self.token_keys
            .set(i64::try_from(health.keys).unwrap_or(i64::MAX));
        self.token_keys_failures.set(health.failures);
        let seen = health
            .last_success
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        self.token_keys_seen
            .set(seen.map_or(0.0, |seen| seen.as_secs_f64()));
    }

    pub(super) fn logged(&self, stats: LogStats) {
        let store = |counter: &Counter, value| counter.inner().store(value, Ordering::Relaxed);
        store(&self.decision_log_lines, stats.written);
        store(&self.decision_log_dropped, stats.dropped);
        self.decision_log_failing.set(i64::from(stats.failing));
    }

    pub(super) fn render(&self, revision: &str, cache: CacheStats) -> Result<String, Problem> {
        self.policies.clear();
        self.policies
            .get_or_create(&RevisionLabel {
                revision: revision.to_owned(),
            })
            .set(1);
        self.cache_hits.set(cache.hits);
        self.cache_misses.set(cache.misses);
        self.cache_entries.set(cache.entries);
        self.cache_bytes.set(cache.bytes);
        let mut out = String::new();
        text::encode(&mut out, &self.registry)
            .map_err(|error| Problem::Internal(error.to_string()))?;
        Ok(out)
    }
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
    }

    #[test]
    fn counts_are_rendered() {
        let metrics = Metrics::default();
        metrics.malformed("MALFORMED_JSON");
        metrics.refused();
        let stats = CacheStats {
            hits: 0,
            misses: 0,
            entries: 0,
            bytes: 0,
        };
        let text = metrics.render("r1", stats).unwrap();
        assert!(
            text.contains("peppol_authz_malformed_total{code=\"MALFORMED_JSON\"} 1"),
            "{text}"
        );
        assert!(text.contains("peppol_authz_reload_refused 1"));
        assert!(text.contains("peppol_authz_policies{revision=\"r1\"} 1"));
    }
}
