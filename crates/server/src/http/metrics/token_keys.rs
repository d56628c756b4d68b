//! Metrics of the keys that tokens are verified by.

use std::sync::atomic::AtomicU64;
use std::time::UNIX_EPOCH;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::added::added;
use super::counted::counted;
use crate::identity::KeysHealth;

/// Metrics of the keys of tokens.
#[derive(Debug)]
pub(in crate::http) struct TokenKeyMetrics {
    keys: Gauge,
    refused: Gauge,
    seen: Gauge<f64, AtomicU64>,
    failures: Counter,
}

impl TokenKeyMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            keys: added(
                registry,
                "token_keys",
                "Keys that tokens may be verified by",
                Gauge::default(),
            ),
            refused: added(
                registry,
                "token_keys_refused",
                "Keys that are published for tokens and are not used",
                Gauge::default(),
            ),
            seen: added(
                registry,
                "token_keys_seen_timestamp_seconds",
                "When the keys of tokens were looked at last; 0 where they never were",
                Gauge::default(),
            ),
            failures: added(
                registry,
                "token_keys_failures",
                "Looks at the keys of tokens that failed",
                Counter::default(),
            ),
        }
    }

    pub(in crate::http) fn are(&self, health: KeysHealth) {
        self.keys
            .set(i64::try_from(health.keys).unwrap_or(i64::MAX));
        self.refused
            .set(i64::try_from(health.refused).unwrap_or(i64::MAX));
        counted(&self.failures, health.failures);
        let seen = health
            .last_success
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        self.seen.set(seen.map_or(0.0, |seen| seen.as_secs_f64()));
    }
}
