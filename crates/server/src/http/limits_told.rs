//! All limits of a server, and how near each is, for its metrics.

use std::sync::Arc;

use super::app::App;
use super::limits_used::LimitUsed;
use super::listener::Listener;
use crate::callers::Callers;

impl App {
    /// Has the metrics tell how many connections a listener has, as soon as it is served.
    pub fn counts_connections_of(&self, listener: &Listener) {
        self.limits_in_force
            .count(Arc::clone(&listener.traits().in_use));
    }

    /// All limits that something is used of.
    pub(super) fn limits_used(&self) -> Vec<LimitUsed> {
        let known = &self.limits_in_force;
        let state = self.engine.state();
        let of_memory = |used, most| {
            let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            Some((number(used), number(most)))
        };
        let [connections, of_one_peer] = known.of_connections();
        let callers = self.callers.as_ref().map(Callers::limits_used);
        let log = self.decision_log.as_ref().map(|log| log.used());
        let peaks = &self.limits.peaks;
        let all = [
            ("server.connections", connections),
            ("server.connections_per_peer", of_one_peer),
            ("server.questions", Some((state.waiting(), known.questions))),
            ("server.large_requests", Some(self.large.used())),
            ("store.readers", state.readers()),
            (
                "cache.bytes",
                of_memory(state.cache.stats().bytes, known.cache_bytes),
            ),
            (
                "cache.decision_bytes",
                of_memory(state.kept().bytes, known.decision_bytes),
            ),
            ("gateway.plans_bytes", Some(self.handed.used())),
            ("callers.rate", callers.map(|used| used.rate)),
            ("callers.concurrency", callers.map(|used| used.concurrency)),
            (
                "introspection.connections",
                self.credentials.introspecting(),
            ),
            ("decision_log.capacity", log.map(|used| used.lines)),
            ("decision_log.queue_bytes", log.map(|used| used.bytes)),
            ("shadow.capacity", self.shadow.as_ref().map(|it| it.used())),
            (
                "limits.body_bytes",
                Some((peaks.body_bytes.look(), self.limits.body_bytes)),
            ),
            (
                "limits.batch",
                Some((peaks.batch.look(), self.limits.batch)),
            ),
            (
                "limits.batch_bytes",
                Some((peaks.batch_bytes.look(), self.limits.batch_bytes)),
            ),
            (
                "limits.candidates",
                Some((peaks.candidates.look(), self.limits.candidates)),
            ),
        ];
        // 0 is no limit.
        let set = all.into_iter().filter_map(|(setting, used)| {
            let (used, most) = used.filter(|(_, most)| *most > 0)?;
            Some(LimitUsed {
                setting,
                used,
                most,
            })
        });
        set.collect()
    }
}
