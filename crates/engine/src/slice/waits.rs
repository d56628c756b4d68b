//! The questions that wait for the store, of which there are only so many.
//!
//! A store that is slow, or asked for more than it can give, would else make all wait behind all
//! others, each until its time is over. So the questions beyond are refused at once, and those that are let in are
//! answered about as soon as ever. There are two bounds: a number that is never exceeded, and a
//! lower one, of those that the store answers in time ([`Pace`]), which may be exceeded for a moment: a burst is
//! let in, and a load that lasts is not. A burst is one after a calm that was as long: a load that lasts
//! has gaps, in which all are answered. A question that finds all in memory does not wait, and
//! is never refused.

mod pace;
#[cfg(test)]
mod simulated;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pace::{EndedRead, FEW, Pace};

/// The shortest calm after which there may be a burst.
const CALM: Duration = Duration::from_millis(100);

/// The bounds.
#[derive(Clone, Copy, Debug)]
pub struct WaitLimits {
    /// Questions that the store answers at once, at most.
    pub at_once: usize,
    /// The most that ever wait, those that it answers among them.
    pub most: usize,
    /// How long there may be more than are answered in time.
    pub burst: Duration,
    /// An answer within this time is in time, however short a read is.
    pub soon: Duration,
}

impl WaitLimits {
    /// None.
    pub const NONE: Self = Self {
        at_once: usize::MAX,
        most: usize::MAX,
        burst: Duration::MAX,
        soon: Duration::MAX,
    };
}

/// Counts the questions that wait.
#[derive(Debug)]
pub(crate) struct StoreWaits {
    limits: WaitLimits,
    waiting: AtomicUsize,
    /// Those that wait until another one has read.
    following: AtomicUsize,
    crowd: Mutex<Crowd>,
}

/// Those that are more than few.
#[derive(Debug)]
struct Crowd {
    pace: Pace,
    /// When there were more than are answered in time, after a calm; and when that was last so.
    since: Option<Instant>,
    last: Option<Instant>,
}

/// One question that waits, counted until this is dropped.
#[derive(Debug)]
pub(crate) struct StoreWait {
    waits: Arc<StoreWaits>,
    began: Instant,
    /// How many waited then, itself among them.
    among: usize,
    has_read: bool,
}

/// One that waits for what another one reads, counted until this is dropped. It is no load: it asks the store for
/// nothing, and all who wait for one read go on at once.
#[derive(Debug)]
pub(crate) struct Following<'a>(&'a StoreWaits);

impl StoreWaits {
    pub(crate) fn new(limits: WaitLimits) -> Self {
        Self {
            limits,
            waiting: AtomicUsize::new(0),
            following: AtomicUsize::new(0),
            crowd: Mutex::new(Crowd {
                pace: Pace::new(limits.at_once, limits.soon),
                since: None,
                last: None,
            }),
        }
    }

    /// How many wait now.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How many wait for the store or for another one's read.
    pub(crate) fn elsewhere(&self) -> usize {
        self.waiting() + self.following.load(Ordering::Relaxed)
    }

    /// How many may wait for long now.
    pub(crate) fn limit(&self) -> usize {
        self.crowd().pace.limit().min(self.limits.most)
    }

    /// Counts one that waits for another one's read.
    pub(crate) fn follow(&self) -> Following<'_> {
        self.following.fetch_add(1, Ordering::Relaxed);
        Following(self)
    }

    /// Lets a question wait, or not.
    pub(crate) fn begin(self: &Arc<Self>) -> Option<StoreWait> {
        self.begin_at(Instant::now())
    }

    fn begin_at(self: &Arc<Self>, now: Instant) -> Option<StoreWait> {
        let others = self.waiting.fetch_add(1, Ordering::Relaxed);
        // Counted until it is dropped, also where it is refused.
        let wait = StoreWait {
            waits: Arc::clone(self),
            began: now,
            among: others + 1,
            has_read: false,
        };
        if others >= self.limits.most {
            return None;
        }
        if others < FEW {
            return Some(wait);
        }
        let lets_in = self.crowd().lets_in(others, self.limits.burst, now);
        lets_in.then_some(wait)
    }

    fn crowd(&self) -> MutexGuard<'_, Crowd> {
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Crowd {
    /// True if one more may wait.
    fn lets_in(&mut self, others: usize, burst: Duration, now: Instant) -> bool {
        if others < self.pace.limit() {
            return true;
        }
        let calm = burst.max(CALM).max(self.pace.calm());
        let before = self.last.replace(now);
        let is_over = before.is_none_or(|last| now.saturating_duration_since(last) > calm);
        let since = match self.since {
            Some(since) if !is_over => since,
            _ => {
                self.pace.begin();
                now
            }
        };
        self.since = Some(since);
        if now.saturating_duration_since(since) < burst {
            return true;
        }
        self.pace.last(since, now);
        others < self.pace.limit()
    }
}

impl StoreWait {
    /// Notes that the store has answered: its time counts.
    pub(crate) fn has_read(&mut self) {
        self.has_read = true;
    }
}

impl Drop for StoreWait {
    fn drop(&mut self) {
        let ended_among = self.waits.waiting.fetch_sub(1, Ordering::Relaxed);
        if self.has_read {
            let now = Instant::now();
            let read = EndedRead {
                took: now.saturating_duration_since(self.began),
                began_among: self.among,
                ended_among,
            };
            self.waits.crowd().pace.add(read, now);
        }
    }
}

impl Drop for Following<'_> {
    fn drop(&mut self) {
        self.0.following.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: WaitLimits = WaitLimits {
        at_once: 2,
        most: 10,
        burst: Duration::from_millis(100),
        soon: Duration::ZERO,
    };

    /// Those that are let in at that time.
    fn let_in(waits: &Arc<StoreWaits>, number: usize, now: Instant) -> Vec<StoreWait> {
        (0..number).filter_map(|_| waits.begin_at(now)).collect()
    }

    /// Reads that waited for nobody, of which each took a millisecond.
    fn see_few(waits: &StoreWaits, now: Instant) {
        let read = EndedRead {
            took: Duration::from_millis(1),
            began_among: 1,
            ended_among: 1,
        };
        (0..10).for_each(|_| waits.crowd().pace.add(read, now));
    }

    #[test]
    fn a_burst_is_let_in_and_what_lasts_is_not() {
        let waits = Arc::new(StoreWaits::new(LIMITS));
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        see_few(&waits, start);
        let mut waiting = let_in(&waits, 20, start);
        assert_eq!(waiting.len(), 10);
        // As many as are answered are let in, while it is a burst.
        waiting.truncate(8);
        waiting.extend(let_in(&waits, 20, at(99)));
        assert_eq!(waiting.len(), 10);
        // It is none any more.
        waiting.truncate(8);
        assert!(let_in(&waits, 1, at(100)).is_empty());
        waiting.truncate(5);
        waiting.extend(let_in(&waits, 20, at(100)));
        assert_eq!(waiting.len(), 6);
        // A gap begins no other one.
        waiting.clear();
        assert_eq!(let_in(&waits, 20, at(200)).len(), 6);
        // A calm does.
        assert_eq!(let_in(&waits, 20, at(301)).len(), 10);
        assert_eq!(waits.waiting(), 0);
    }

    #[test]
    fn where_nothing_is_known_few_are_let_in_behind_a_burst() {
        let waits = Arc::new(StoreWaits::new(LIMITS));
        let start = Instant::now();
        let mut waiting = let_in(&waits, 20, start);
        assert_eq!(waiting.len(), 10);
        waiting.truncate(1);
        let later = start + Duration::from_millis(100);
        // More than may wait for long are the sign.
        assert_eq!((let_in(&waits, 20, later).len(), waits.limit()), (5, FEW));
        assert_eq!(let_in(&waits, 20, later).len(), 1);
        see_few(&waits, later);
        assert_eq!(let_in(&waits, 20, later).len(), 5);
    }

    #[test]
    fn no_more_are_let_in_than_may_wait_though_more_could_be_answered() {
        let limits = WaitLimits {
            at_once: 16,
            most: 3,
            ..LIMITS
        };
        let waits = Arc::new(StoreWaits::new(limits));
        assert_eq!(let_in(&waits, 20, Instant::now()).len(), 3);
    }

    #[test]
    fn who_follows_another_takes_no_place() {
        let waits = Arc::new(StoreWaits::new(LIMITS));
        let following: Vec<_> = (0..20).map(|_| waits.follow()).collect();
        let waiting = let_in(&waits, 20, Instant::now());
        assert_eq!(
            (waiting.len(), waits.waiting(), waits.elsewhere()),
            (10, 10, 30)
        );
        drop((following, waiting));
        assert_eq!(waits.elsewhere(), 0);
    }

    #[test]
    fn without_limits_all_are_let_in() {
        let waits = Arc::new(StoreWaits::new(WaitLimits::NONE));
        assert_eq!(let_in(&waits, 10_000, Instant::now()).len(), 10_000);
    }
}
