//! Why there is no slice.

use crate::store::StoreError;

/// Why a reading cannot begin or go on.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ReadingError {
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state that is demanded was not there in time.
    #[error("the tenancy store has not reached the state that was asked for")]
    Behind,
    /// The state that is demanded is that of a store which takes the place of this one.
    #[error("the tenancy store has changed, and the change is not in force")]
    Replaced,
    /// The state that is demanded is of another history of the store.
    #[error("the state that was asked for is of another history of the tenancy store")]
    AnotherHistory,
    /// As many wait for the store as may.
    #[error("too many wait for the tenancy store")]
    Overloaded,
}

/// Why there is no slice.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum SliceError {
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entity refers to one that is not known, so that the slice would end
    /// before the level that the policies need.
    #[error("{reference}")]
    Incomplete {
        /// The one that refers, and the one that it refers to.
        reference: String,
        /// True if it is the caller who says so.
        described: bool,
    },
    /// Cedar refuses the entities.
    #[error("the entities do not fit together: {0}")]
    Unfit(String),
}

/// Why an entity cannot be looked up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    /// The store cannot be read.
    #[error(transparent)]
    Reading(#[from] ReadingError),
    /// A candidate is unusable.
    #[error(transparent)]
    Slice(#[from] SliceError),
    /// More candidates would have to be looked at.
    #[error("more than {0} candidates would have to be looked at")]
    TooWide(usize),
}
