//! Durations, in seconds.

use prometheus_client::metrics::histogram::Histogram;

/// From 5 µs, a warm decision, to a second.
const SECONDS: [f64; 15] = [
    5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 1.0,
];

pub(super) fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}
