//! Metrics of the tenancy store, and of entities and decisions in memory.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::added::added;
use super::counted::counted;
use peppol_authz_engine::KeptStats;
use peppol_authz_engine::slice::CacheStats;

/// Metrics of the tenancy store.
#[derive(Debug)]
pub(in crate::http) struct StoreMetrics {
    up: Gauge,
    state_age: Gauge<f64, AtomicU64>,
}

impl StoreMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            up: added(
                registry,
                "store_up",
                "1 if the tenancy store can be read",
                Gauge::default(),
            ),
            state_age: added(
                registry,
                "store_state_age_seconds",
                "Time since the last look at the tenancy store that succeeded; -1 before the first",
                Gauge::default(),
            ),
        }
    }

    pub(in crate::http) fn is_up(&self, up: bool) {
        self.up.set(i64::from(up));
    }

    pub(in crate::http) fn was_seen(&self, ago: Option<Duration>) {
        self.state_age
            .set(ago.map_or(-1.0, |ago| ago.as_secs_f64()));
    }
}

/// Metrics of the decisions in memory.
#[derive(Debug)]
pub(super) struct KeptMetrics {
    recalled: Counter,
    decisions: Gauge<u64, AtomicU64>,
    bytes: Gauge<u64, AtomicU64>,
}

impl KeptMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            recalled: added(
                registry,
                "recalled_decisions",
                "Decisions that were given again to an equal question",
                Counter::default(),
            ),
            decisions: added(
                registry,
                "kept_decisions",
                "Decisions in memory",
                Gauge::default(),
            ),
            bytes: added(
                registry,
                "kept_decision_bytes",
                "Memory of these decisions, about, in bytes",
                Gauge::default(),
            ),
        }
    }

    pub(super) fn are(&self, kept: KeptStats) {
        counted(&self.recalled, kept.recalled);
        self.decisions.set(kept.decisions);
        self.bytes.set(kept.bytes);
    }
}

/// Metrics of the entities in memory.
#[derive(Debug)]
pub(super) struct CacheMetrics {
    hits: Counter,
    misses: Counter,
    entries: Gauge<u64, AtomicU64>,
    bytes: Gauge<u64, AtomicU64>,
}

impl CacheMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            hits: added(
                registry,
                "cache_hits",
                "Entities found in memory",
                Counter::default(),
            ),
            misses: added(
                registry,
                "cache_misses",
                "Entities asked of the store",
                Counter::default(),
            ),
            entries: added(
                registry,
                "cache_entries",
                "Entities in memory",
                Gauge::default(),
            ),
            bytes: added(
                registry,
                "cache_bytes",
                "Memory of these entities, about, in bytes",
                Gauge::default(),
            ),
        }
    }

    pub(super) fn are(&self, cache: CacheStats) {
        counted(&self.hits, cache.hits);
        counted(&self.misses, cache.misses);
        self.entries.set(cache.entries);
        self.bytes.set(cache.bytes);
    }
}
