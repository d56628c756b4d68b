//! Metrics of the decision log.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::added::added;
use super::counted::counted;
use crate::decision_log::LogStats;

/// Metrics of the decision log.
#[derive(Debug)]
pub(in crate::http) struct DecisionLogMetrics {
    lines: Counter,
    dropped: Counter,
    failing: Gauge,
}

impl DecisionLogMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            lines: added(
                registry,
                "decision_log_lines",
                "Lines of the decision log that were written",
                Counter::default(),
            ),
            dropped: added(
                registry,
                "decision_log_dropped",
                "Decisions that were given without a line",
                Counter::default(),
            ),
            failing: added(
                registry,
                "decision_log_failing",
                "1 while the decision log cannot be written",
                Gauge::default(),
            ),
        }
    }

    pub(in crate::http) fn is(&self, stats: LogStats) {
        counted(&self.lines, stats.written);
        counted(&self.dropped, stats.dropped);
        self.failing.set(i64::from(stats.failing));
    }
}
