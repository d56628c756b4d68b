//! All metrics at one look, as OpenMetrics text.

use super::app::App;
use super::problem::Problem;
use super::store_state::store_state;
use crate::callers::Callers;

impl App {
    /// All metrics as they are now: for Prometheus, and for a collector.
    ///
    /// # Errors
    /// A metric that cannot be written; there is none.
    pub async fn metrics_text(&self) -> Result<String, Problem> {
        store_state(self).await;
        let known = self.engine.timeline().now();
        self.metrics
            .store
            .was_seen(known.map(|known| known.looked.elapsed()));
        let health = self.credentials.health();
        self.metrics.token_keys.are(health.token_keys);
        self.metrics.credentials.are(health);
        let state = self.engine.state();
        let waiting = (state.waiting(), state.in_time());
        drop(state);
        let large_requests = self.large.waiting();
        let delay = self.delay.measured();
        self.metrics.overload.are(waiting, large_requests, delay);
        self.metrics.limits.are(&self.limits_used());
        let callers = self.callers.as_ref();
        let is_refused = callers.is_some_and(Callers::is_refused);
        self.metrics.callers.are(is_refused);
        for (listener, tls) in &self.tls {
            self.metrics.tls.are(listener, tls.health());
        }
        if let Some(log) = &self.decision_log {
            self.metrics.decision_log.is(log.stats());
        }
        if let Some(telemetry) = &self.telemetry {
            self.metrics.telemetry.are(&telemetry.stats());
        }
        let state = self.engine.state();
        self.metrics
            .render(&state.bundle.revision, state.cache.stats(), state.kept())
    }
}
