//! The rights in one state of a store.

use std::io::Error;
use std::sync::Arc;

use serde_json::Value as Json;

use super::found_rights::{FoundRights, Rights};
use super::scope::scope_json;
use super::some_rights::SomeRights;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::slice::Freshness;
use peppol_authz_engine::store::{HeldStore, Store, StoreError};
use peppol_authz_engine::{Engine, EngineOptions, ReviewError, ReviewScope, Reviewed, Right};

/// Memory for the entities that a review looks at again and again.
const CACHE_BYTES: u64 = 256 << 20;

/// Why there is no review.
#[derive(Debug, thiserror::Error)]
pub enum NoReview {
    /// It would not be complete.
    #[error(transparent)]
    Incomplete(#[from] ReviewError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rights cannot be kept.
    #[error("the rights cannot be kept: {0}")]
    Kept(#[from] Error),
}

/// The rights in one state of a store.
#[derive(Debug)]
pub struct FoundReview {
    /// The scope, as it is written.
    pub(super) scope: Json,
    /// The parts beside the rights.
    pub reviewed: Reviewed,
    /// The rights.
    pub rights: Rights,
}

impl FoundReview {
    /// Finds all rights in the newest state, by so many workers: one is the task that asks, several are tasks of the
    /// runtime. `some` is called with some at a time, and ends the work by an error.
    ///
    /// # Errors
    /// Anything that keeps the review from being complete, and what `some` says.
    pub async fn of(
        store: Arc<dyn Store>,
        bundle: Arc<Bundle>,
        scope: &ReviewScope,
        workers: usize,
        some: &mut (dyn FnMut(&SomeRights) -> Result<(), String> + Send),
    ) -> Result<Self, NoReview> {
        let held = HeldStore::of(store, &bundle.schema).await?;
        let options = EngineOptions {
            cache_bytes: CACHE_BYTES,
            decision_bytes: 0,
            freshness: Freshness::EACH,
        };
        let engine = Engine::new(Arc::new(held), bundle, options)?;
        let mut rights = FoundRights::new()?;
        let make = |rights: Vec<Right>| SomeRights::of(&rights).map_err(|error| error.to_string());
        let mut take = |found: SomeRights| {
            some(&found)?;
            rights.add(&found).map_err(|error| error.to_string())
        };
        let session = engine.session();
        let reviewed = scope.review(&session, workers, Arc::new(make), &mut take);
        let reviewed = reviewed.await?;
        Ok(Self {
            scope: scope_json(scope),
            reviewed,
            rights: rights.end()?,
        })
    }
}
