//! The engine: a store and the Bundle in force.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::health::Health;
use super::session::Session;
use super::state::{EngineState, Tenancy};
use crate::policy::Bundle;
use crate::slice::{Cache, Freshness, Timeline};
use crate::store::{Store, StoreError};

/// Decides questions by the newest Bundle and a new enough state of a store.
pub struct Engine {
    tenancy: Arc<Tenancy>,
    state: ArcSwap<EngineState>,
    health: Health,
    cache_bytes: u64,
}

/// Settings.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// Bytes of entities kept in memory; 0 keeps none.
    pub cache_bytes: u64,
    /// How new a state has to be.
    pub freshness: Freshness,
}

impl Engine {
    /// An engine over a store. The Bundle's schema must fit it.
    ///
    /// # Errors
    /// A store that does not fit the schema.
    pub fn new(
        store: Arc<dyn Store>,
        bundle: Arc<Bundle>,
        options: EngineOptions,
    ) -> Result<Self, StoreError> {
        let tenancy = Arc::new(Tenancy {
            store,
            timeline: Timeline::default(),
            freshness: options.freshness,
        });
        let state = prepare(&tenancy, bundle, options.cache_bytes)?;
        Ok(Self {
            tenancy,
            state: ArcSwap::from_pointee(state),
            health: Health::default(),
            cache_bytes: options.cache_bytes,
        })
    }

    /// Takes another Bundle from now on. Questions that have begun end with the
    /// one that they began with.
    ///
    /// # Errors
    /// A store that does not fit the schema; the Bundle is not taken then.
    pub fn replace(&self, bundle: Arc<Bundle>) -> Result<(), StoreError> {
        let state = prepare(&self.tenancy, bundle, self.cache_bytes)?;
        self.state.store(Arc::new(state));
        Ok(())
    }

    /// The policies in force.
    #[must_use]
    pub fn state(&self) -> Arc<EngineState> {
        self.state.load_full()
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.tenancy.store
    }

    /// The states of the store that were seen.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.tenancy.timeline
    }

    /// How the looks of [`Engine::follow`] went.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// How new a state has to be.
    #[must_use]
    pub fn freshness(&self) -> &Freshness {
        &self.tenancy.freshness
    }

    /// Fixes the policies for a question or a batch. The state of the store is fixed when it is
    /// decided. A session needs the engine no longer, and may outlive it.
    #[must_use]
    pub fn session(&self) -> Session {
        Session::new(self.state())
    }
}

fn prepare(
    tenancy: &Arc<Tenancy>,
    bundle: Arc<Bundle>,
    cache_bytes: u64,
) -> Result<EngineState, StoreError> {
    tenancy.store.check(&bundle.schema)?;
    Ok(EngineState {
        bundle,
        cache: Cache::new(cache_bytes),
        tenancy: Arc::clone(tenancy),
    })
}
