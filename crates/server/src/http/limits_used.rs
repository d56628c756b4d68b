//! How near the settings that are limits are.
//!
//! Each limit is a number of something that is used at once, or that one request may have. Of the latter the
//! greatest of the last minutes counts. Limits of the form of a request are none of these: what is beyond them is
//! counted by its code.

use std::sync::{Arc, Mutex, PoisonError};

use super::accept::ConnectionsInUse;
use super::app::App;
use super::listener::Listener;
use crate::callers::Callers;
use crate::config::Config;

/// A setting that is a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LimitUsed {
    /// Its key.
    pub(super) setting: &'static str,
    pub(super) used: usize,
    pub(super) most: usize,
}

/// Limits that nobody else knows.
#[derive(Debug)]
pub struct LimitsInForce {
    cache_bytes: u64,
    decision_bytes: u64,
    questions: usize,
    connections: Mutex<Vec<Arc<ConnectionsInUse>>>,
}

impl LimitsInForce {
    pub(super) fn new(settings: &Config) -> Self {
        let cache = &settings.cache;
        Self {
            cache_bytes: if cache.enabled { cache.bytes } else { 0 },
            decision_bytes: cache.decision_bytes,
            questions: settings.server.questions,
            connections: Mutex::default(),
        }
    }

    /// Connections, and those of the peer that has most: of the listener that is nearest to its limit.
    fn of_connections(&self) -> [Option<(usize, usize)>; 2] {
        let known = self.connections.lock();
        let known = known.unwrap_or_else(PoisonError::into_inner);
        let used: Vec<_> = known.iter().filter_map(|of| of.used()).collect();
        [
            used.iter().map(|used| used.all).max(),
            used.iter().map(|used| used.of_one_peer).max(),
        ]
    }
}

impl App {
    /// Has the metrics tell how many connections a listener has, as soon as it is served.
    pub fn counts_connections_of(&self, listener: &Listener) {
        let in_use = Arc::clone(&listener.traits().in_use);
        let known = self.limits_in_force.connections.lock();
        known.unwrap_or_else(PoisonError::into_inner).push(in_use);
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
