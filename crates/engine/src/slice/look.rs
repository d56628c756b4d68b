//! A look at the store: when it was begun, and the state that it finds.

use std::sync::Arc;
use std::time::Duration;

use crate::moment::Moment;
use crate::schema::Schema;
use crate::store::{Mark, Revision, Snapshot, Store, StoreError};

/// A state of the store that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Counted from 1.
    pub epoch: u64,
    /// The state: this one or, where the store does not tell what changes, a later
    /// one.
    pub revision: Revision,
    /// When the look at it was begun.
    pub looked: Moment,
    /// How long before that it was the newest, at most.
    pub lag: Duration,
    /// True if the store tells what changes.
    pub told: bool,
    /// Its mark, or one from before; `None` where the store has none.
    pub mark: Option<Mark>,
}

/// When a state was the newest, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastNewest {
    /// When it was looked at.
    pub looked: Moment,
    /// How long before that it was the newest, at most.
    pub lag: Duration,
}

/// When a look at the store was begun.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The time.
    pub looked: Moment,
    /// The mark of the store.
    pub mark: Option<Mark>,
}

impl LastNewest {
    /// How long ago that was, at most.
    #[must_use]
    pub fn age(self) -> Duration {
        self.looked.elapsed().saturating_add(self.lag)
    }
}

impl Known {
    /// When it was the newest, as a look finds it that was begun later.
    #[must_use]
    pub fn newest_by(&self, look: Look) -> LastNewest {
        match self.mark {
            // Nothing was written since: it still is.
            Some(mark) if mark.settles && look.mark == Some(mark) => LastNewest {
                looked: look.looked,
                lag: Duration::ZERO,
            },
            _ => LastNewest {
                looked: self.looked,
                lag: self.lag,
            },
        }
    }
}

impl Look {
    /// A look that begins now.
    #[must_use]
    pub fn now(store: &dyn Store) -> Self {
        Self {
            looked: Moment::now(),
            mark: store.mark(),
        }
    }

    /// A look, and a snapshot that was begun after it. A store that has a mark by then and had none
    /// before, as one that was opened anew, is looked at once more: without a mark its state would
    /// count for as long as that of a store that has none.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn at(
        store: &dyn Store,
        schema: &Arc<Schema>,
        since: Option<&Revision>,
    ) -> Result<(Self, Box<dyn Snapshot>), StoreError> {
        let look = Self::now(store);
        let snapshot = store.snapshot(schema, since).await?;
        if look.mark.is_some() || store.mark().is_none() {
            return Ok((look, snapshot));
        }
        drop(snapshot);
        let look = Self::now(store);
        let snapshot = store.snapshot(schema, since).await?;
        Ok((look, snapshot))
    }
}
