//! The places beyond the limit: a crowd that says nothing does not keep them from those who ask.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The places, and who is on them.
#[derive(Debug)]
pub(in crate::http) struct ReservedPlaces {
    free: Arc<Semaphore>,
    /// Those that may still be silent, the oldest first.
    silent: VecDeque<Weak<ReservedPlace>>,
    /// The number at which those that are not are forgotten.
    most: usize,
}

/// One of the places, while a connection has it.
#[derive(Debug)]
pub(in crate::http) struct ReservedPlace {
    state: Mutex<ReservedState>,
    lost: Notify,
}

#[derive(Debug)]
enum ReservedState {
    /// No request has come.
    Silent(OwnedSemaphorePermit),
    /// One has come.
    Asking(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit),
    /// Somebody else has it, or nobody.
    Left,
}

// === impl ReservedPlaces ===

impl ReservedPlaces {
    pub(in crate::http) fn new(places: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(places)),
            silent: VecDeque::new(),
            most: places.saturating_mul(2),
        }
    }

    /// The semaphore of those that nobody has.
    pub(in crate::http) fn free(&self) -> Arc<Semaphore> {
        Arc::clone(&self.free)
    }

    /// Returns true if somebody on a place has said nothing.
    pub(in crate::http) fn has_silent(&mut self) -> bool {
        while let Some(oldest) = self.silent.front() {
            if oldest.upgrade().is_some_and(|place| place.is_silent()) {
                return true;
            }
            self.silent.pop_front();
        }
        false
    }

    /// A place: a free one, or that of the connection that was silent for longest.
    pub(in crate::http) fn take(&mut self) -> Option<Arc<ReservedPlace>> {
        let free = Arc::clone(&self.free).try_acquire_owned().ok();
        let held = free.or_else(|| self.taken_from_silent())?;
        Some(self.given(held))
    }

    /// The place of a permit of [`Self::free`].
    pub(in crate::http) fn given(&mut self, held: OwnedSemaphorePermit) -> Arc<ReservedPlace> {
        if self.silent.len() >= self.most {
            let is_silent = |place: &Weak<ReservedPlace>| {
                place.upgrade().is_some_and(|place| place.is_silent())
            };
            self.silent.retain(is_silent);
        }
        let place = Arc::new(ReservedPlace {
            state: Mutex::new(ReservedState::Silent(held)),
            lost: Notify::new(),
        });
        self.silent.push_back(Arc::downgrade(&place));
        place
    }

    fn taken_from_silent(&mut self) -> Option<OwnedSemaphorePermit> {
        while let Some(oldest) = self.silent.pop_front() {
            if let Some(held) = oldest.upgrade().and_then(|place| place.lose()) {
                return Some(held);
            }
        }
        None
    }
}

// === impl ReservedPlace ===

impl ReservedPlace {
    fn state(&self) -> MutexGuard<'_, ReservedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_silent(&self) -> bool {
        matches!(*self.state(), ReservedState::Silent(_))
    }

    /// Takes the place away from one that is silent.
    fn lose(&self) -> Option<OwnedSemaphorePermit> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, ReservedState::Left) {
            ReservedState::Silent(held) => {
                self.lost.notify_one();
                Some(held)
            }
            other => {
                *state = other;
                None
            }
        }
    }

    pub(super) fn asks(&self) {
        let mut state = self.state();
        *state = match std::mem::replace(&mut *state, ReservedState::Left) {
            ReservedState::Silent(held) => ReservedState::Asking(held),
            other => other,
        };
    }

    pub(super) fn leave(&self) {
        *self.state() = ReservedState::Left;
    }

    /// Ready when somebody else has got the place.
    pub(in crate::http) async fn is_lost(&self) {
        self.lost.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_silent_for_longest_loses_its_place_and_who_asks_does_not() {
        let mut places = ReservedPlaces::new(2);
        let (first, second) = (places.take().unwrap(), places.take().unwrap());
        first.asks();
        assert!(places.has_silent());
        let third = places.take().unwrap();
        assert!(!second.is_silent() && third.is_silent());
        third.asks();
        assert!(!places.has_silent());
        assert!(places.take().is_none());
        // One that lost its place gives nothing back.
        second.leave();
        assert!(places.take().is_none());
        first.leave();
        let fourth = places.take();
        assert!(fourth.is_some());
        assert_eq!(places.free().available_permits(), 0);
    }
}
