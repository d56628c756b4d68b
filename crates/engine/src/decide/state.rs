//! The state that an engine decides by: a Bundle, its entities in memory, and the store behind
//! them.

use std::sync::Arc;

use super::kept::{KeptDecisions, KeptStats};
use super::known::KnownQuestions;
use crate::policy::Bundle;
use crate::slice::{Cache, Freshness, StoreWaits, Timeline, unread_links};
use crate::store::Store;

/// A Bundle, and the entities that were checked under its schema. A reload swaps the whole; entities are kept where the
/// schema stays the same.
pub struct EngineState {
    /// Policies and schema.
    pub bundle: Arc<Bundle>,
    /// Entities in memory.
    pub cache: Cache,
    pub(crate) kept: KeptDecisions,
    pub(super) known: KnownQuestions,
    pub(super) tenancy: Arc<Tenancy>,
    pub(super) waits: Arc<StoreWaits>,
}

impl EngineState {
    /// The decisions in memory; their bytes are also those of the questions.
    #[must_use]
    pub fn kept(&self) -> KeptStats {
        let kept = self.kept.stats();
        KeptStats {
            bytes: kept.bytes + self.known.bytes(),
            ..kept
        }
    }

    /// How many questions wait for the store now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waits.waiting()
    }

    /// The connections that read the store now, and how many may; `None` for a store without any.
    #[must_use]
    pub fn readers(&self) -> Option<(usize, usize)> {
        self.tenancy.store.readers()
    }

    /// How many questions may wait for the store for long.
    #[must_use]
    pub fn in_time(&self) -> usize {
        self.waits.limit()
    }

    /// How many wait for the store, or until another one has read from it.
    #[must_use]
    pub fn elsewhere(&self) -> usize {
        self.waits.elsewhere()
    }

    /// Warns of links in the store that nobody reads.
    pub(super) fn tell_unread_links(&self) {
        if let Some(text) = unread_links(&self.bundle, &*self.tenancy.store) {
            tracing::warn!("{text}");
        }
    }
}

/// A store, and the states of it that were seen. It outlives Bundles; what was seen of one store
/// is never taken for another.
pub(super) struct Tenancy {
    pub(super) store: Arc<dyn Store>,
    pub(super) timeline: Arc<Timeline>,
    pub(super) freshness: Freshness,
}
