//! Keeps questions from crowding a database that is down.
//!
//! After a failure nobody tries for a moment, then one does; what the others are
//! told is what happened last. So a server that comes back is met by one connection
//! and not by all that wait for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use peppol_authz_engine::store::StoreError;

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

/// Leave to try. What comes of it is to be told.
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    told: bool,
}

impl Gate {
    /// # Errors
    /// The last failure, while nobody should try.
    pub(super) fn enter(&self) -> Result<Pass<'_>, StoreError> {
        let mut closed = self.lock();
        if let Some(closed) = closed.as_mut() {
            let now = Instant::now();
            if now < closed.until {
                return Err(closed.error.clone());
            }
            closed.until = now + TRY;
        }
        Ok(Pass {
            gate: self,
            told: false,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Closed>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    /// Of a try that was given up, as when a caller has gone, nobody knows what would
    /// have come: the next one tries.
    fn drop(&mut self) {
        if !self.told
            && let Some(closed) = self.gate.lock().as_mut()
        {
            closed.until = Instant::now();
        }
    }
}

impl Pass<'_> {
    pub(super) fn leave(mut self, error: Option<&StoreError>) {
        self.told = true;
        let mut closed = self.gate.lock();
        *closed = error.map(|error| Closed {
            until: Instant::now() + PAUSE,
            error: error.clone(),
        });
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
        pass.leave(None);
        assert!(gate.enter().is_ok() && gate.enter().is_ok());
    }

    #[test]
    fn a_try_that_is_given_up_leaves_it_to_the_next() {
        let gate = Gate::default();
        let error = StoreError::Unavailable("gone".to_owned());
        gate.enter().ok().unwrap().leave(Some(&error));
        std::thread::sleep(PAUSE);
        drop(gate.enter().ok().unwrap());
        let pass = gate.enter().ok().unwrap();
        assert!(gate.enter().is_err(), "one tries");
        pass.leave(None);
        assert!(gate.enter().is_ok());
    }
}
