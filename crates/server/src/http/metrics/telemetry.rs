//! Metrics of what a collector is told.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::added::added;
use super::counted::counted;
use crate::telemetry::SignalStats;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ItemLabels {
    signal: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignalLabel {
    signal: &'static str,
}

/// Metrics of what a collector is told.
#[derive(Debug)]
pub(in crate::http) struct TelemetryMetrics {
    items: Family<ItemLabels, Counter>,
    failing: Family<SignalLabel, Gauge>,
}

impl TelemetryMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            items: added(
                registry,
                "otlp_items",
                "Spans, metrics and records for the collector, and what became of them",
                Family::default(),
            ),
            failing: added(
                registry,
                "otlp_failing",
                "1 while the collector cannot be told",
                Family::default(),
            ),
        }
    }

    pub(in crate::http) fn are(&self, signals: &[SignalStats]) {
        for stats in signals {
            let signal = stats.signal;
            for (result, count) in [
                ("sent", stats.sent),
                ("dropped", stats.dropped),
                ("rejected", stats.rejected),
            ] {
                let labels = ItemLabels { signal, result };
                counted(&self.items.get_or_create(&labels), count);
            }
            let label = SignalLabel { signal };
            let failing = i64::from(stats.is_failing);
            self.failing.get_or_create(&label).set(failing);
        }
    }
}
