//! Metrics of callers. The callers that have a label of their own are bounded in number.

use std::collections::HashSet;
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::added::added;
use crate::callers::Caller;

/// The callers with a label of their own: the first ones. All others are `other`.
const OWN_LABELS: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallerLabels {
    caller: String,
    result: &'static str,
}

/// The fate of a request of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum CallerResult {
    /// It is let in. What it asks may be refused all the same.
    LetIn,
    /// The caller is not known.
    Unknown,
    /// The policies of callers do not permit it.
    NotPermitted,
    /// The rate of the caller is reached.
    TooOften,
    /// The caller has as many requests in hand as it may have.
    TooMuch,
}

/// Metrics of callers.
#[derive(Debug)]
pub(in crate::http) struct CallerMetrics {
    requests: Family<CallerLabels, Counter>,
    refused: Gauge,
    known: Mutex<HashSet<String>>,
}

impl CallerResult {
    fn name(self) -> &'static str {
        match self {
            Self::LetIn => "let_in",
            Self::Unknown => "unknown",
            Self::NotPermitted => "not_permitted",
            Self::TooOften => "too_often",
            Self::TooMuch => "too_much_at_once",
        }
    }
}

impl CallerMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            requests: added(
                registry,
                "caller_requests",
                "Requests, by caller (the first hundred by name) and result",
                Family::default(),
            ),
            refused: added(
                registry,
                "callers_refused",
                "1 if the last change of the policies or the keys of callers was refused",
                Gauge::default(),
            ),
            known: Mutex::default(),
        }
    }

    /// Counts a request that is let in. The caller holds its counter.
    pub(in crate::http) fn let_in(&self, caller: &Caller) {
        caller.let_in.count(|| {
            let counter = self.counter(&caller.id, CallerResult::LetIn).clone();
            Box::new(move || {
                counter.inc();
            })
        });
    }

    /// Counts a request that is not let in, or not answered.
    pub(in crate::http) fn refused(&self, caller: &str, result: CallerResult) {
        self.counter(caller, result).inc();
    }

    fn counter(&self, caller: &str, result: CallerResult) -> impl Deref<Target = Counter> {
        let labels = CallerLabels {
            caller: self.label(caller).to_owned(),
            result: result.name(),
        };
        self.requests.get_or_create(&labels)
    }

    pub(in crate::http) fn are(&self, is_refused: bool) {
        self.refused.set(is_refused.into());
    }

    fn label<'c>(&self, caller: &'c str) -> &'c str {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(caller) {
            return caller;
        }
        if known.len() < OWN_LABELS {
            known.insert(caller.to_owned());
            return caller;
        }
        "other"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_without_end_share_a_label() {
        let metrics = CallerMetrics::new(&mut Registry::default());
        for number in 0..2 * OWN_LABELS {
            let name = number.to_string();
            let own = number < OWN_LABELS;
            assert_eq!(metrics.label(&name), if own { &*name } else { "other" });
        }
        assert_eq!(metrics.label("7"), "7");
    }
}
