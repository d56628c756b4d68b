//! Access reviews: every right in one state of the store, when it was last used, and what has changed since an earlier
//! review; as a table, as JSON and as a page.
//!
//! 1. [`FoundReview::of`] has the engine find the rights, and keeps them in a file (`found`): memory does not grow with them.
//! 2. [`LastUses`] reads decision logs for the last time that each was used (`used`).
//! 3. [`Since`] compares them with an earlier review (`since`).
//! 4. [`AccessReview::write`] writes all of it (`csv`, `json`, `html`).

mod csv;
mod found;
mod html;
mod json;
mod right_line;
mod scope;
mod since;
mod used;

use std::io::{Error, Write};
use std::sync::Arc;

use serde_json::Value as Json;

use found::FoundRights;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::slice::Freshness;
use peppol_authz_engine::store::{HeldStore, Store, StoreError};
use peppol_authz_engine::{Engine, EngineOptions, ReviewError, ReviewScope, Reviewed, Right};

pub use found::Rights;
pub use scope::{scope_json, tenant};
pub use since::{Differences, Since};
pub use used::{LastUses, LogsRead};

/// Memory for the entities that a review looks at again and again.
const CACHE_BYTES: u64 = 256 << 20;

/// The form of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewForm {
    /// A table for other programs.
    Csv,
    /// For the next review, and for other programs.
    Json,
    /// A page to read and to print.
    Html,
}

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

/// A review, to be written.
#[derive(Debug)]
pub struct AccessReview {
    /// The rights.
    pub found: FoundReview,
    /// The difference from an earlier review.
    pub since: Option<Differences>,
    /// When each was last used.
    pub uses: Option<LastUses>,
}

impl FoundReview {
    /// Finds all rights in the newest state. `each` is called with every one, and ends the work by an error.
    ///
    /// # Errors
    /// Anything that keeps the review from being complete, and what `each` says.
    pub async fn of(
        store: Arc<dyn Store>,
        bundle: Arc<Bundle>,
        scope: &ReviewScope,
        each: &mut (dyn FnMut(&Right) -> Result<(), String> + Send),
    ) -> Result<Self, NoReview> {
        let held = HeldStore::of(store, &bundle.schema).await?;
        let options = EngineOptions {
            cache_bytes: CACHE_BYTES,
            decision_bytes: 0,
            freshness: Freshness::EACH,
        };
        let engine = Engine::new(Arc::new(held), bundle, options)?;
        let mut rights = FoundRights::new()?;
        let mut take = |right: Right| {
            each(&right)?;
            rights.add(&right).map_err(|error| error.to_string())
        };
        let reviewed = scope.review(&engine.session(), &mut take).await?;
        Ok(Self {
            scope: scope_json(scope),
            reviewed,
            rights: rights.end()?,
        })
    }
}

impl ReviewForm {
    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    /// The end of a file's name.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Html => "html",
        }
    }
}

impl AccessReview {
    /// Writes all of it.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn write(&self, form: ReviewForm, to: &mut dyn Write) -> Result<(), Error> {
        match form {
            ReviewForm::Csv => csv::write(self, to),
            ReviewForm::Json => json::write(self, to),
            ReviewForm::Html => html::write(self, to),
        }
    }
}
