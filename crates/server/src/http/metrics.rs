//! The metrics of the server, for Prometheus. Each part of the server has its own file here.

mod added;
mod callers;
mod counted;
mod credentials;
mod decision_log;
mod limits;
mod overload;
mod policies;
mod process;
mod questions;
mod refused_tokens;
mod requests;
mod seconds;
mod store;
mod telemetry;
mod tls;
mod token_keys;

use prometheus_client::encoding::text;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::problem::Problem;
use crate::shadow;
use callers::CallerMetrics;
use credentials::CredentialMetrics;
use decision_log::DecisionLogMetrics;
use limits::LimitMetrics;
use overload::OverloadMetrics;
use peppol_authz_engine::KeptStats;
use peppol_authz_engine::slice::CacheStats;
use policies::PolicyMetrics;
use process::ProcessMetrics;
use questions::QuestionMetrics;
use refused_tokens::RefusedTokens;
use requests::RequestMetrics;
use store::{CacheMetrics, KeptMetrics, StoreMetrics};
use telemetry::TelemetryMetrics;
use tls::TlsMetrics;
use token_keys::TokenKeyMetrics;

pub(super) use callers::CallerResult;
pub(super) use requests::route;

/// Begins the name of each metric but those of the process.
const PREFIX: &str = "peppol_authz";

/// All metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    pub(super) questions: QuestionMetrics,
    pub(super) requests: RequestMetrics,
    pub(super) token_keys: TokenKeyMetrics,
    pub(super) credentials: CredentialMetrics,
    pub(super) refused_tokens: RefusedTokens,
    pub(super) store: StoreMetrics,
    pub(super) overload: OverloadMetrics,
    pub(super) limits: LimitMetrics,
    pub(super) tls: TlsMetrics,
    pub(super) callers: CallerMetrics,
    policies: PolicyMetrics,
    cache: CacheMetrics,
    kept: KeptMetrics,
    pub(super) decision_log: DecisionLogMetrics,
    pub(super) telemetry: TelemetryMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut all = Registry::default();
        all.register_collector(Box::new(ProcessMetrics));
        let registry = all.sub_registry_with_prefix(PREFIX);
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", version);
        Self {
            questions: QuestionMetrics::new(registry),
            requests: RequestMetrics::new(registry),
            token_keys: TokenKeyMetrics::new(registry),
            credentials: CredentialMetrics::new(registry),
            refused_tokens: RefusedTokens::new(registry),
            store: StoreMetrics::new(registry),
            overload: OverloadMetrics::new(registry),
            limits: LimitMetrics::new(registry),
            tls: TlsMetrics::new(registry),
            callers: CallerMetrics::new(registry),
            policies: PolicyMetrics::new(registry),
            cache: CacheMetrics::new(registry),
            kept: KeptMetrics::new(registry),
            decision_log: DecisionLogMetrics::new(registry),
            telemetry: TelemetryMetrics::new(registry),
            registry: all,
        }
    }
}

impl Metrics {
    /// Adds the metrics of a shadow.
    #[must_use]
    pub fn with_shadow(mut self, counts: &shadow::Counts) -> Self {
        counts.register(self.registry.sub_registry_with_prefix(PREFIX));
        self
    }

    /// Counts a Bundle that was taken, at the start or by a reload.
    pub fn loaded(&self) {
        self.policies.taken();
    }

    /// Counts a Bundle that was refused.
    pub fn refused(&self) {
        self.policies.refused();
    }

    /// All samples as OpenMetrics text. `revision` names the policies in force.
    pub(super) fn render(
        &self,
        revision: &str,
        cache: CacheStats,
        kept: KeptStats,
    ) -> Result<String, Problem> {
        self.policies.are(revision);
        self.cache.are(cache);
        self.kept.are(kept);
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
    fn counts_are_rendered() {
        let metrics = Metrics::default();
        metrics.questions.malformed("MALFORMED_JSON");
        metrics.refused();
        let stats = CacheStats {
            hits: 0,
            misses: 0,
            entries: 0,
            bytes: 0,
        };
        let text = metrics.render("r1", stats, KeptStats::default()).unwrap();
        assert!(
            text.contains("peppol_authz_malformed_total{code=\"MALFORMED_JSON\"} 1"),
            "{text}"
        );
        assert!(text.contains("peppol_authz_reload_refused 1"));
        assert!(text.contains("peppol_authz_policies{revision=\"r1\"} 1"));
    }
}
