//! Metrics of the settings that are limits: what each is, and how much of it is used.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::added::added;
use crate::http::limits_used::LimitUsed;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabel {
    setting: &'static str,
}

/// Metrics of limits.
#[derive(Debug)]
pub(in crate::http) struct LimitMetrics {
    most: Family<LimitLabel, Gauge<u64, AtomicU64>>,
    used: Family<LimitLabel, Gauge<u64, AtomicU64>>,
}

impl LimitMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            most: added(
                registry,
                "limit",
                "The limit that a setting gives",
                Family::default(),
            ),
            used: added(
                registry,
                "limit_used",
                "How much of a limit is used: now, or by the greatest request of the last minutes",
                Family::default(),
            ),
        }
    }

    pub(in crate::http) fn are(&self, limits: &[LimitUsed]) {
        let number = |number| u64::try_from(number).unwrap_or(u64::MAX);
        for LimitUsed {
            setting,
            used,
            most,
        } in limits
        {
            let label = LimitLabel { setting };
            self.most.get_or_create(&label).set(number(*most));
            self.used.get_or_create(&label).set(number(*used));
        }
    }
}
