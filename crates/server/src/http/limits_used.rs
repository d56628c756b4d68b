//! How near the settings that are limits are.
//!
//! Each limit is a number of something that is used at once, or that one request may have. Of the latter the
//! greatest of the last minutes counts. Limits of the form of a request are none of these: what is beyond them is
//! counted by its code.

use std::sync::{Arc, Mutex, PoisonError};

use super::in_use::ConnectionsInUse;
use crate::config::Config;

/// A setting that is a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitUsed {
    /// Its key.
    pub setting: &'static str,
    /// How much of it is used.
    pub used: usize,
    /// The limit.
    pub most: usize,
}

/// Limits that nobody else knows.
#[derive(Debug)]
pub struct LimitsInForce {
    pub(super) cache_bytes: u64,
    pub(super) decision_bytes: u64,
    pub(super) questions: usize,
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

    /// Counts the connections of a listener, too.
    pub(super) fn count(&self, in_use: Arc<ConnectionsInUse>) {
        let known = self.connections.lock();
        known.unwrap_or_else(PoisonError::into_inner).push(in_use);
    }

    /// Connections, and those of the peer that has most: of the listener that is nearest to its limit.
    pub(super) fn of_connections(&self) -> [Option<(usize, usize)>; 2] {
        let known = self.connections.lock();
        let known = known.unwrap_or_else(PoisonError::into_inner);
        let used: Vec<_> = known.iter().filter_map(|of| of.used()).collect();
        [
            used.iter().map(|used| used.all).max(),
            used.iter().map(|used| used.of_one_peer).max(),
        ]
    }
}
