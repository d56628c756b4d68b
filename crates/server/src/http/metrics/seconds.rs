//! Durations, in seconds.

use prometheus_client::metrics::histogram::Histogram;

/// From 5 µs, a warm decision, to the longest that a request may be allowed to last, an hour.
const SECONDS: [f64; 21] = [
    5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 300.0, 3600.0,
];

pub(super) fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}
