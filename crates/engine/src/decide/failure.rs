//! Why there is no decision.

use std::sync::Arc;

use crate::slice::{LookupError, ReadingError, SliceError};
use crate::store::StoreError;

/// Why there is no decision. None of these is ever an Allow.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The store cannot be reached.
    #[error("{0}")]
    Unavailable(StoreError),
    /// The store has not reached the state that was asked for.
    #[error("the tenancy store has not reached the state that was asked for")]
    Behind,
    /// The state that was asked for is of another history of the store, or so old that the
    /// store cannot tell.
    #[error(
        "the state that was asked for is of another history of the tenancy store, which was \
         restored or replaced since, or older than its records"
    )]
    AnotherHistory,
    /// As many questions wait for the store as may.
    #[error("too many questions wait for the tenancy store")]
    Overloaded,
    /// The contents of the store cannot be used: they do not fit the schema, or an
    /// entity refers to one that is not there.
    #[error("{0}")]
    Tenancy(String),
    /// An entity that the caller describes, or a policy, refers to one that the store does not serve
    /// and the caller does not describe.
    #[error("`entities`: an entity or a policy refers to one that is not there")]
    Described,
    /// A search would have to decide more candidates than it may.
    #[error("more than {0} candidates would have to be decided")]
    TooWide(usize),
    /// The rows that a plan is for would have to be named by more ids than may be.
    #[error(
        "`{attribute}` would have to be one of more than {most} entities of `{of}`, or too many would have to be looked at"
    )]
    PlanTooWide {
        /// The attribute that names them.
        attribute: Arc<str>,
        /// Their type.
        of: Arc<str>,
        /// The limit.
        most: usize,
    },
    /// A plan cannot say exactly what a policy says.
    #[error("policy `{policy}`: {place}: {why}")]
    NotExact {
        /// The policy.
        policy: Arc<str>,
        /// The place in it.
        place: Arc<str>,
        /// The reason.
        why: Arc<str>,
    },
    /// The question was read by another schema, which these policies are not for.
    #[error("no policies were prepared for this question")]
    NoShard,
    /// The thread's stack is too small to evaluate every policy that can be loaded.
    #[error("the thread has {left} bytes of stack left, where {bytes} are needed")]
    SmallStack {
        /// Bytes that are left.
        left: usize,
        /// Bytes that are needed.
        bytes: usize,
    },
}

impl From<SliceError> for Failure {
    fn from(error: SliceError) -> Self {
        match error {
            SliceError::Store(error) => error.into(),
            SliceError::Incomplete {
                described: true, ..
            } => Self::Described,
            SliceError::Incomplete { .. } | SliceError::Unfit(_) => {
                Self::Tenancy(error.to_string())
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Misfit(text) => Self::Tenancy(text),
            other => Self::Unavailable(other),
        }
    }
}

impl From<ReadingError> for Failure {
    fn from(error: ReadingError) -> Self {
        match error {
            ReadingError::Store(error) => error.into(),
            ReadingError::Behind | ReadingError::Replaced => Self::Behind,
            ReadingError::AnotherHistory => Self::AnotherHistory,
            ReadingError::Overloaded => Self::Overloaded,
        }
    }
}

impl From<LookupError> for Failure {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Reading(error) => error.into(),
            LookupError::Slice(error) => error.into(),
            LookupError::TooWide(most) => Self::TooWide(most),
        }
    }
}
