//! Limits of each caller: how often it may ask, and how much at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Callers that are kept apart; one that is forgotten begins anew.
const KEPT: u64 = 10_000;

/// The time after which a caller that asks nothing is forgotten.
const IDLE: Duration = Duration::from_secs(600);

/// The limits, the same for each caller. 0 is none.
pub(super) struct CallerLimits {
    rate: usize,
    concurrency: usize,
    callers: moka::sync::Cache<String, Arc<CallerUse>>,
}

/// The use that one caller has made of its limits.
struct CallerUse {
    /// Requests that it may make now, and since when.
    left: Mutex<(f64, Instant)>,
    running: AtomicUsize,
}

/// A request in hand, counted until this is dropped.
pub struct Running(Option<Arc<CallerUse>>);

/// The limit that a caller has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReachedLimit {
    /// The rate; so many seconds later it may ask again.
    Rate(u64),
    /// Requests at once.
    Concurrency,
}

/// The use of a limit by the caller that is nearest to it, and the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallerLimitsUsed {
    /// Requests of the last second.
    pub rate: (usize, usize),
    /// Requests at once.
    pub concurrency: (usize, usize),
}

// === impl CallerLimits ===

impl CallerLimits {
    pub(super) fn new(rate: usize, concurrency: usize) -> Self {
        Self {
            rate,
            concurrency,
            callers: moka::sync::Cache::builder()
                .max_capacity(KEPT)
                .time_to_idle(IDLE)
                .build(),
        }
    }

    /// Lets a request of a caller in.
    ///
    /// # Errors
    /// The limit that it has reached.
    pub(super) fn enter(&self, id: &str) -> Result<Running, ReachedLimit> {
        if self.rate == 0 && self.concurrency == 0 {
            return Ok(Running(None));
        }
        let now = Instant::now();
        let known = self.callers.get(id).unwrap_or_else(|| {
            self.callers.get_with(id.to_owned(), || {
                Arc::new(CallerUse {
                    left: Mutex::new((self.burst(), now)),
                    running: AtomicUsize::new(0),
                })
            })
        });
        // Counted first, so that no two take the last place.
        let running = Running(Some(Arc::clone(&known)));
        let before = known.running.fetch_add(1, Ordering::Relaxed);
        if self.concurrency > 0 && before >= self.concurrency {
            return Err(ReachedLimit::Concurrency);
        }
        if self.rate > 0 {
            self.take_one(&known, now)?;
        }
        Ok(running)
    }

    /// Their use.
    pub(super) fn used(&self) -> CallerLimitsUsed {
        let now = Instant::now();
        let (mut rate, mut concurrency) = (0, 0);
        for (_, known) in &self.callers {
            concurrency = known.running.load(Ordering::Relaxed).max(concurrency);
            let left = known.left.lock().unwrap_or_else(PoisonError::into_inner);
            let used = self.burst() - self.left_at(*left, now);
            // A part of a request is none.
            rate = rate.max(used.round() as usize);
        }
        CallerLimitsUsed {
            rate: (rate, self.rate),
            concurrency: (concurrency, self.concurrency),
        }
    }

    /// The requests of one second.
    fn burst(&self) -> f64 {
        f64::from(u32::try_from(self.rate).unwrap_or(u32::MAX))
    }

    /// The requests that are left now of those that were.
    fn left_at(&self, (left, since): (f64, Instant), now: Instant) -> f64 {
        let gained = now.saturating_duration_since(since).as_secs_f64() * self.burst();
        (left + gained).min(self.burst())
    }

    fn take_one(&self, known: &CallerUse, now: Instant) -> Result<(), ReachedLimit> {
        let mut left = known.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = (self.left_at(*left, now), now.max(left.1));
        if left.0 < 1.0 {
            return Err(ReachedLimit::Rate(1));
        }
        left.0 -= 1.0;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(known) = &self.0 {
            known.running.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_its_own_rate_and_its_own_places() {
        let limits = CallerLimits::new(2, 0);
        for id in ["a", "b"] {
            assert!(limits.enter(id).is_ok() && limits.enter(id).is_ok());
            assert_eq!(limits.enter(id).err(), Some(ReachedLimit::Rate(1)), "{id}");
        }
        assert_eq!(limits.used().concurrency, (0, 0));
        assert_eq!(limits.used().rate.1, 2);
        let limits = CallerLimits::new(0, 1);
        assert_eq!(limits.used().concurrency, (0, 1));
        let held = limits.enter("a").ok();
        assert_eq!(limits.used().concurrency, (1, 1));
        assert_eq!(limits.enter("a").err(), Some(ReachedLimit::Concurrency));
        assert!(limits.enter("b").is_ok());
        drop(held);
        assert!(limits.enter("a").is_ok());
    }
}
