//! A counter of what is counted elsewhere.

use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::Counter;

/// Sets a counter to a count, which never falls.
pub(super) fn counted(counter: &Counter, count: u64) {
    counter.inner().store(count, Ordering::Relaxed);
}
