//! The engine: what is decided by, and what is known of the store.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::follow::Health;
use super::session::Session;
use crate::policy::Bundle;
use crate::slice::{Cache, Freshness, Timeline};
use crate::store::{Store, StoreError};

/// Decides questions by the newest Bundle and a new enough state of a store.
pub struct Engine {
    store: Arc<dyn Store>,
    state: ArcSwap<State>,
    timeline: Timeline,
    health: Health,
    options: EngineOptions,
}

/// Settings.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// Bytes of entities kept in memory; 0 keeps none.
    pub cache_bytes: u64,
    /// How new a state has to be.
    pub freshness: Freshness,
}

/// What is swapped whole at a reload: a Bundle, and the entities that were
/// checked under its schema.
#[derive(Debug)]
pub struct State {
    /// Policies and schema.
    pub bundle: Arc<Bundle>,
    /// Entities in memory.
    pub cache: Cache,
}

impl Engine {
    /// An engine over a store. The Bundle's schema must fit it.
    ///
    /// # Errors
    /// What of the store does not fit the schema.
    pub fn new(
        store: Arc<dyn Store>,
        bundle: Arc<Bundle>,
        options: EngineOptions,
    ) -> Result<Self, StoreError> {
        let state = Self::prepare(&store, bundle, options)?;
        Ok(Self {
            store,
            state: ArcSwap::from_pointee(state),
            timeline: Timeline::default(),
            health: Health::default(),
            options,
        })
    }

    /// Takes another Bundle from now on. Questions that have begun end with the
    /// one that they began with.
    ///
    /// # Errors
    /// What of the store does not fit the schema; the Bundle is not taken then.
    pub fn replace(&self, bundle: Arc<Bundle>) -> Result<(), StoreError> {
        let state = Self::prepare(&self.store, bundle, self.options)?;
        self.state.store(Arc::new(state));
        Ok(())
    }

    fn prepare(
        store: &Arc<dyn Store>,
        bundle: Arc<Bundle>,
        options: EngineOptions,
    ) -> Result<State, StoreError> {
        store.check(&bundle.schema)?;
        Ok(State {
            bundle,
            cache: Cache::new(options.cache_bytes),
        })
    }

    /// The policies in force.
    #[must_use]
    pub fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The states of the store that were seen.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// How the looks of [`Engine::follow`] went.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// How new a state has to be.
    #[must_use]
    pub fn freshness(&self) -> &Freshness {
        &self.options.freshness
    }

    /// Fixes the policies for a question or a batch; the state of the store is
    /// fixed when it is decided.
    #[must_use]
    pub fn session(&self) -> Session<'_> {
        Session::new(self)
    }
}
