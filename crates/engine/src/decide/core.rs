//! The engine: a store and the Bundle in force.

use std::collections::HashSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use cedar_policy::EntityTypeName;

use super::health::Health;
use super::kept::KeptDecisions;
use super::known::KnownQuestions;
use super::session::Session;
use super::state::{EngineState, Tenancy};
use crate::policy::Bundle;
use crate::slice::{Cache, Freshness, StoreWaits, Timeline, WaitLimits, links_misfit};
use crate::store::{Store, StoreError};

/// Of the memory for decisions, the part of their questions is one of as many: they weigh less.
const QUESTIONS: u64 = 3;

/// Decides questions by the newest Bundle and a new enough state of a store.
pub struct Engine {
    state: ArcSwap<EngineState>,
    /// Held while another state takes the place of this one: the types that a store has ever said
    /// something of.
    spoken: Mutex<HashSet<EntityTypeName>>,
    freshness: Freshness,
    health: Health,
    cache_bytes: u64,
    decision_bytes: u64,
}

/// Settings.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// Bytes of entities kept in memory; 0 keeps none.
    pub cache_bytes: u64,
    /// Bytes of decisions kept in memory, and of their questions; 0 keeps none, and so does a
    /// `cache_bytes` of 0.
    pub decision_bytes: u64,
    /// How new a state has to be.
    pub freshness: Freshness,
}

impl Engine {
    /// An engine over a store. The Bundle's schema must fit it. Any number of questions may wait for
    /// the store.
    ///
    /// # Errors
    /// A store that does not fit the schema.
    pub fn new(
        store: Arc<dyn Store>,
        bundle: Arc<Bundle>,
        options: EngineOptions,
    ) -> Result<Self, StoreError> {
        Self::bounded(store, bundle, options, WaitLimits::NONE)
    }

    /// The same, with bounds for the questions that wait for the store. Those beyond fail with
    /// [`Failure::Overloaded`](super::failure::Failure::Overloaded).
    ///
    /// # Errors
    /// A store that does not fit the schema.
    pub fn bounded(
        store: Arc<dyn Store>,
        bundle: Arc<Bundle>,
        options: EngineOptions,
        limits: WaitLimits,
    ) -> Result<Self, StoreError> {
        let waits = Arc::new(StoreWaits::new(limits));
        let tenancy = Tenancy::new(store, options.freshness);
        let decision_bytes = match options.cache_bytes {
            0 => 0,
            _ => options.decision_bytes,
        };
        let memory = Memory::new(
            Cache::new(options.cache_bytes),
            decision_bytes,
            Arc::default(),
        );
        let state = prepare(tenancy, bundle, memory, waits)?;
        Ok(Self {
            state: ArcSwap::from_pointee(state),
            spoken: Mutex::default(),
            freshness: options.freshness,
            health: Health::default(),
            cache_bytes: options.cache_bytes,
            decision_bytes,
        })
    }

    /// Takes another Bundle from now on. Questions that have begun end with the
    /// one that they began with.
    ///
    /// # Errors
    /// A store that does not fit the schema; the Bundle is not taken then.
    pub fn replace(&self, bundle: Arc<Bundle>) -> Result<(), StoreError> {
        self.swap(Some(bundle), None)
    }

    /// Takes another store from now on. Nothing that was read from the one before is kept.
    ///
    /// # Errors
    /// A store that does not fit the schema; it is not taken then.
    pub fn replace_store(&self, store: Arc<dyn Store>) -> Result<(), StoreError> {
        self.swap(None, Some(store))
    }

    /// Takes another Bundle and another store from now on, both at once.
    ///
    /// # Errors
    /// A store that does not fit the schema; neither is taken then.
    pub fn replace_both(
        &self,
        bundle: Arc<Bundle>,
        store: Arc<dyn Store>,
    ) -> Result<(), StoreError> {
        self.swap(Some(bundle), Some(store))
    }

    fn swap(
        &self,
        bundle: Option<Arc<Bundle>>,
        store: Option<Arc<dyn Store>>,
    ) -> Result<(), StoreError> {
        let mut spoken = self.spoken.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.state();
        spoken.extend(spoken_types(&now));
        let is_same = store.is_none();
        let tenancy = match store {
            Some(store) => {
                store.inherit(spoken.clone());
                Tenancy::new(store, self.freshness)
            }
            None => Arc::clone(&now.tenancy),
        };
        let bundle = bundle.unwrap_or_else(|| Arc::clone(&now.bundle));
        let cache = match is_same && bundle.schema.is_same(&now.bundle.schema) {
            // Reading all of them again would hold up the questions after each change of policies.
            true => now.cache.for_same_schema(),
            false => Cache::counting(self.cache_bytes, now.cache.counts()),
        };
        let recalled = Arc::clone(now.kept.recalled());
        let memory = Memory::new(cache, self.decision_bytes, recalled);
        let state = prepare(tenancy, bundle, memory, Arc::clone(&now.waits))?;
        // Of another store the first look tells.
        if is_same {
            state.tell_unread_links();
        }
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
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.state().tenancy.store)
    }

    /// The states of the store that were seen.
    #[must_use]
    pub fn timeline(&self) -> Arc<Timeline> {
        Arc::clone(&self.state().tenancy.timeline)
    }

    /// How the looks of [`Engine::follow`] went.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// How new a state has to be.
    #[must_use]
    pub fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    /// Fixes the policies for a question or a batch. The state of the store is fixed when it is
    /// decided. A session needs the engine no longer, and may outlive it.
    #[must_use]
    pub fn session(&self) -> Session {
        Session::new(self.state())
    }
}

impl Tenancy {
    fn new(store: Arc<dyn Store>, freshness: Freshness) -> Arc<Self> {
        Arc::new(Self {
            store,
            timeline: Arc::default(),
            freshness,
        })
    }
}

/// The types of which the store of a state says what their entities are.
fn spoken_types(state: &EngineState) -> HashSet<EntityTypeName> {
    let (store, schema) = (&state.tenancy.store, &state.bundle.schema);
    let types = schema.entity_types().into_iter().map(|found| &found.name);
    types
        .filter(|name| store.speaks_of(name, schema))
        .cloned()
        .collect()
}

/// All that is kept in memory under one Bundle.
struct Memory {
    cache: Cache,
    kept: KeptDecisions,
    known: KnownQuestions,
}

impl Memory {
    /// `recalled` counts the decisions that were given again.
    fn new(cache: Cache, decision_bytes: u64, recalled: Arc<AtomicU64>) -> Self {
        let questions = decision_bytes / QUESTIONS;
        Self {
            cache,
            kept: KeptDecisions::new(decision_bytes - questions, recalled),
            known: KnownQuestions::new(questions),
        }
    }
}

fn prepare(
    tenancy: Arc<Tenancy>,
    bundle: Arc<Bundle>,
    Memory { cache, kept, known }: Memory,
    waits: Arc<StoreWaits>,
) -> Result<EngineState, StoreError> {
    tenancy.store.check(&bundle.schema)?;
    if let Some(problem) = links_misfit(&bundle, &*tenancy.store) {
        return Err(StoreError::Misfit(problem));
    }
    Ok(EngineState {
        bundle,
        cache,
        kept,
        known,
        tenancy,
        waits,
    })
}
