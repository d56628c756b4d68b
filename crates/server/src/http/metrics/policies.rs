//! Metrics of the policies in force and of their reloads.

use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::added::added;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadResultLabel {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PolicyRevisionLabel {
    revision: String,
}

/// Metrics of the policies in force.
#[derive(Debug)]
pub(super) struct PolicyMetrics {
    reloads: Family<ReloadResultLabel, Counter>,
    reload_refused: Gauge,
    last_reload: Gauge<f64, AtomicU64>,
    revision: Family<PolicyRevisionLabel, Gauge>,
}

impl PolicyMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            reloads: added(
                registry,
                "reloads",
                "Changes of policies or schema, by result",
                Family::default(),
            ),
            reload_refused: added(
                registry,
                "reload_refused",
                "1 while the last change was refused",
                Gauge::default(),
            ),
            last_reload: added(
                registry,
                "last_reload_timestamp_seconds",
                "When the policies in force were taken",
                Gauge::default(),
            ),
            revision: added(
                registry,
                "policies",
                "The revision in force",
                Family::default(),
            ),
        }
    }

    pub(super) fn taken(&self) {
        self.reloaded("taken");
        self.reload_refused.set(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.last_reload
            .set(now.map_or(0.0, |now| now.as_secs_f64()));
    }

    pub(super) fn refused(&self) {
        self.reloaded("refused");
        self.reload_refused.set(1);
    }

    fn reloaded(&self, result: &'static str) {
        self.reloads
            .get_or_create(&ReloadResultLabel { result })
            .inc();
    }

    pub(super) fn are(&self, revision: &str) {
        self.revision.clear();
        let revision = revision.to_owned();
        self.revision
            .get_or_create(&PolicyRevisionLabel { revision })
            .set(1);
    }
}
