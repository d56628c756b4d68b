//! The readiness of the server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use super::problem::Problem;

/// Tells if the server is ready, and why not.
#[derive(Debug, Default)]
pub struct Readiness {
    started: AtomicBool,
    draining: AtomicBool,
    refused_reload: RwLock<Option<String>>,
    /// True if a refused reload makes the server unready; otherwise it is only shown.
    strict: bool,
}

impl Readiness {
    /// Not ready until [`Readiness::started`]. With `strict`, a reload that is
    /// refused makes it unready until one succeeds.
    #[must_use]
    pub fn new(strict: bool) -> Self {
        Self {
            strict,
            ..Self::default()
        }
    }

    /// Notes that the store holds what it should: questions can be answered.
    pub fn started(&self) {
        self.started.store(true, Ordering::Release);
    }

    /// Notes that no more requests should be sent here.
    pub fn draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Notes how the last reload ended: `Some` says why it was refused.
    pub fn reloaded(&self, refused: Option<String>) {
        *self
            .refused_reload
            .write()
            .unwrap_or_else(PoisonError::into_inner) = refused;
    }

    pub(super) fn ready_to_answer(&self) -> Result<(), Problem> {
        if self.is_started() {
            Ok(())
        } else {
            Err(Problem::NotReady)
        }
    }

    pub(super) fn is_started(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Returns true if a refused reload makes it unready.
    pub(super) fn is_strict(&self) -> bool {
        self.strict
    }

    /// The reason why the last reload was refused.
    pub(super) fn refused(&self) -> Option<String> {
        self.refused_reload
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
