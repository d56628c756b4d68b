//! Metrics of opaque tokens and static keys.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::added::added;
use super::counted::counted;
use crate::identity::CredentialsHealth;

/// Metrics of opaque tokens and static keys.
#[derive(Debug)]
pub(in crate::http) struct CredentialMetrics {
    introspections: Counter,
    introspections_failed: Counter,
    api_keys: Gauge,
    api_keys_refused: Gauge,
}

impl CredentialMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            introspections: added(
                registry,
                "introspections",
                "Requests to the introspection endpoint",
                Counter::default(),
            ),
            introspections_failed: added(
                registry,
                "introspections_failed",
                "Requests to the introspection endpoint without an answer that can be used",
                Counter::default(),
            ),
            api_keys: added(
                registry,
                "api_keys",
                "Static keys in force",
                Gauge::default(),
            ),
            api_keys_refused: added(
                registry,
                "api_keys_refused",
                "1 if the last change of the file of static keys was refused",
                Gauge::default(),
            ),
        }
    }

    pub(in crate::http) fn are(&self, health: CredentialsHealth) {
        counted(&self.introspections, health.introspections);
        counted(&self.introspections_failed, health.introspections_failed);
        self.api_keys
            .set(i64::try_from(health.api_keys).unwrap_or(i64::MAX));
        self.api_keys_refused.set(health.api_keys_refused.into());
    }
}
