//! The greatest number of a while.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The greatest value of before is forgotten after this time, or after twice of it.
const WHILE: Duration = Duration::from_secs(60);

/// The greatest number of the last one or two minutes in which somebody looked.
#[derive(Debug, Default)]
pub(super) struct Peak {
    now: AtomicUsize,
    before: AtomicUsize,
    since: Mutex<Option<Instant>>,
}

impl Peak {
    /// Adds a number.
    pub(super) fn note(&self, number: usize) {
        // A read first: few are the greatest.
        if self.now.load(Ordering::Relaxed) < number {
            self.now.fetch_max(number, Ordering::Relaxed);
        }
    }

    /// The greatest one.
    pub(super) fn look(&self) -> usize {
        self.look_at(Instant::now())
    }

    fn look_at(&self, now: Instant) -> usize {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = *since.get_or_insert(now);
        if now.saturating_duration_since(begun) >= WHILE {
            *since = Some(now);
            let last = self.now.swap(0, Ordering::Relaxed);
            self.before.store(last, Ordering::Relaxed);
        }
        let before = self.before.load(Ordering::Relaxed);
        self.now.load(Ordering::Relaxed).max(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_is_known_for_a_while() {
        let peak = Peak::default();
        let start = Instant::now();
        let look = |seconds, number| {
            peak.note(number);
            peak.look_at(start + Duration::from_secs(seconds))
        };
        assert_eq!((look(0, 3), look(1, 7), look(59, 5)), (3, 7, 7));
        // It can be seen for a minute at least.
        assert_eq!((look(60, 0), look(119, 2)), (7, 7));
        assert_eq!((look(120, 1), look(180, 0)), (2, 0));
    }
}
