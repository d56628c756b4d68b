//! Keeps questions from crowding a database that is down.
//!
//! After a failure nobody tries for a moment, then one does; what the others are
//! told is what happened last. So a server that comes back is met by one connection
//! and not by all that wait for it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::StoreError;

/// How long nobody tries after a failure.
const PAUSE: Duration = Duration::from_millis(50);

/// How long somebody who tries may take before another does.
const TRY: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Gate {
    closed: Mutex<Option<Closed>>,
}

#[derive(Debug)]
struct Closed {
    until: Instant,
    error: StoreError,
}

/// Leave to try. Somebody who gives up has another try in their place.
pub(super) struct Pass<'a>(&'a Gate);

impl Gate {
    /// # Errors
    /// What happened last, while nobody should try.
    pub(super) fn enter(&self) -> Result<Pass<'_>, StoreError> {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(closed) = closed.as_mut() {
            let now = Instant::now();
            if now < closed.until {
                return Err(closed.error.clone());
            }
            closed.until = now + TRY;
        }
        Ok(Pass(self))
    }
}

impl Pass<'_> {
    /// Says what came of it.
    pub(super) fn leave(self, error: Option<&StoreError>) {
        let mut closed = self.0.closed.lock().unwrap_or_else(PoisonError::into_inner);
        *closed = error.map(|error| Closed {
            until: Instant::now() + PAUSE,
            error: error.clone(),
        });
        drop(closed);
        std::mem::forget(self);
    }
}

impl Drop for Pass<'_> {
    /// It was not said, as of a question that took too long.
    fn drop(&mut self) {
        let mut closed = self.0.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(closed) = closed.as_mut() {
            closed.until = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_failure_one_tries_and_the_others_are_told() {
        let gate = Gate::default();
        let error = StoreError::Unavailable("gone".to_owned());
        let pass = gate.enter().ok().unwrap();
        // Others may enter as long as nothing has failed.
        assert!(gate.enter().is_ok());
        pass.leave(Some(&error));
        assert!(gate.enter().is_err());
        std::thread::sleep(PAUSE);
        let pass = gate.enter().ok().unwrap();
        assert!(gate.enter().is_err(), "one tries");
        // Whoever gives up leaves the try to the next.
        drop(pass);
        let pass = gate.enter().ok().unwrap();
        pass.leave(None);
        let both = (gate.enter(), gate.enter());
        assert!(both.0.is_ok() && both.1.is_ok());
    }
}
