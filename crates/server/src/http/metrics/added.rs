//! A metric that is made and shown at once, so that none is forgotten in the registry.

use prometheus_client::registry::{Metric, Registry};

/// Adds a metric to a registry. The registry and the caller share its value.
pub(super) fn added<M: Metric + Clone>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    metric: M,
) -> M {
    registry.register(name, help, metric.clone());
    metric
}
