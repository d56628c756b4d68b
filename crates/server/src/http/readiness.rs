//! The readiness of the server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Instant;

use super::problem::Problem;

/// The paths that anyone is answered: a probe knows no keys, and is told no reasons.
pub(super) const PROBES: [&str; 3] = ["/livez", "/healthz", "/readyz"];

/// Tells if the server is ready, and why not.
#[derive(Debug, Default)]
pub struct Readiness {
    started: AtomicBool,
    draining: AtomicBool,
    refused_reload: RwLock<Option<String>>,
    /// The time from which nothing is answered, and why.
    withheld: RwLock<Option<(Instant, String)>>,
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

    /// Notes that nothing is to be answered from that time on, and why: the entities in force are
    /// not those that there are. Of two times the earlier counts.
    pub fn withhold(&self, from: Instant, why: String) {
        let mut withheld = self
            .withheld
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let before = withheld.as_ref().map(|(from, _)| *from);
        *withheld = Some((before.map_or(from, |before| before.min(from)), why));
    }

    /// Notes that the entities in force are those that there are.
    pub fn release(&self) {
        *self
            .withheld
            .write()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn ready_to_answer(&self) -> Result<(), Problem> {
        if !self.is_started() {
            return Err(Problem::NotReady);
        }
        match self.withholds() {
            Some(why) => Err(Problem::Unavailable(why)),
            None => Ok(()),
        }
    }

    /// The reason why nothing is answered.
    pub(super) fn withholds(&self) -> Option<String> {
        let withheld = self.withheld.read().unwrap_or_else(PoisonError::into_inner);
        let now = withheld
            .as_ref()
            .filter(|(from, _)| Instant::now() >= *from);
        now.map(|(_, why)| why.clone())
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
