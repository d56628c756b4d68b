//! The health of a store: how the looks at it went.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::store::StoreError;

/// How the looks at a store went.
#[derive(Debug, Default)]
pub struct Health {
    failing: Mutex<Option<Failing>>,
}

/// A store that cannot be read.
#[derive(Clone, Debug)]
pub struct Failing {
    /// Since when.
    pub since: Instant,
    /// Why, at the last look; for the log and not for callers.
    pub error: StoreError,
}

impl Health {
    /// `Some` while the last look failed.
    #[must_use]
    pub fn failing(&self) -> Option<Failing> {
        self.lock().clone()
    }

    pub(super) fn looked(&self, result: &Result<(), StoreError>) {
        let mut failing = self.lock();
        match (result, failing.as_mut()) {
            (Ok(()), None) => {}
            (Ok(()), Some(before)) => {
                let seconds = before.since.elapsed().as_secs_f64();
                tracing::info!(seconds, "the tenancy store can be read again");
                *failing = None;
            }
            (Err(error), Some(before)) => {
                if before.error.to_string() != error.to_string() {
                    tracing::error!(cause = %error, "the tenancy store cannot be read");
                }
                before.error = error.clone();
            }
            (Err(error), None) => {
                tracing::error!(cause = %error, "the tenancy store cannot be read");
                *failing = Some(Failing {
                    since: Instant::now(),
                    error: error.clone(),
                });
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Failing>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
