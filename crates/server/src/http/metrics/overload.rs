//! Metrics of overload.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::added::added;
use crate::http::problem::Overload;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OverloadLabel {
    reason: &'static str,
}

/// Metrics of overload.
#[derive(Debug)]
pub(in crate::http) struct OverloadMetrics {
    refused: Family<OverloadLabel, Counter>,
    waiting: Gauge<u64, AtomicU64>,
    in_time: Gauge<u64, AtomicU64>,
    large_requests: Gauge<u64, AtomicU64>,
    delay: Gauge<f64, AtomicU64>,
}

impl OverloadMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            refused: added(
                registry,
                "overloaded",
                "Requests that were refused at once since too much is asked, by reason",
                Family::default(),
            ),
            waiting: added(
                registry,
                "questions_waiting",
                "Questions that wait for the tenancy store",
                Gauge::default(),
            ),
            in_time: added(
                registry,
                "questions_in_time",
                "Questions that may wait for the tenancy store for long: as many as it answers in time",
                Gauge::default(),
            ),
            large_requests: added(
                registry,
                "large_requests_waiting",
                "Large requests that wait for their turn",
                Gauge::default(),
            ),
            delay: added(
                registry,
                "worker_delay_seconds",
                "Time that a task waits for a worker, as it was measured last",
                Gauge::default(),
            ),
        }
    }

    pub(in crate::http) fn refused(&self, overload: Overload) {
        let reason = overload.name();
        self.refused.get_or_create(&OverloadLabel { reason }).inc();
    }

    /// Of the questions that wait for the store, so many may for long.
    pub(in crate::http) fn are(
        &self,
        (waiting, in_time): (usize, usize),
        large_requests: usize,
        delay: Duration,
    ) {
        let number = |number| u64::try_from(number).unwrap_or(u64::MAX);
        self.waiting.set(number(waiting));
        self.in_time.set(number(in_time));
        self.large_requests.set(number(large_requests));
        self.delay.set(delay.as_secs_f64());
    }
}
