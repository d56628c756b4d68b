//! The answer that the policies of callers have given a caller last.
//!
//! A caller asks for the same again and again over its connection. So the answer is at hand, without a look into
//! the memory that all callers share. It counts for the same policies and the same request alone.

use std::sync::{Mutex, PoisonError};

use super::asked::{Asked, CallerAction};

/// The last answer, if there is one.
#[derive(Default)]
pub(super) struct LastPermit(Mutex<Option<GivenPermit>>);

/// An answer, and all that it depends on beside the caller.
struct GivenPermit {
    /// The number of the policies, which no others have.
    policies: u64,
    action: CallerAction,
    asked: Asked,
    permits: bool,
}

impl LastPermit {
    /// The answer to this, if it was the last one.
    pub(super) fn of(&self, policies: u64, action: CallerAction, asked: &Asked) -> Option<bool> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.as_ref()?;
        let is_it = last.policies == policies && last.action == action && last.asked == *asked;
        is_it.then_some(last.permits)
    }

    /// Remembers the answer to this.
    pub(super) fn remember(
        &self,
        policies: u64,
        action: CallerAction,
        asked: Asked,
        permits: bool,
    ) {
        let given = GivenPermit {
            policies,
            action,
            asked,
            permits,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(given);
    }
}
