//! The questions that wait for the store, of which there are only so many.
//!
//! A store that is slow, or asked for more than it can give, would else make all wait behind all
//! others, each until its time is over. So what is beyond is refused at once, and what is let in is
//! answered about as soon as ever. There are two bounds: a number that is never exceeded, and a
//! lower one, a few for each connection to the store, which may be exceeded for a moment: a burst is
//! let in, and a load that lasts is not. A burst is one after a calm that was as long: a load that lasts
//! has gaps, in which all are answered. A question that finds all in memory does not wait, and
//! is never refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Questions for each connection to the store that may wait for long: one is answered, and two are next.
const LASTING: usize = 3;

/// The shortest calm after which there may be a burst.
const CALM: Duration = Duration::from_millis(100);

/// The bounds.
#[derive(Clone, Copy, Debug)]
pub struct WaitLimits {
    /// Questions that the store answers at once.
    pub at_once: usize,
    /// The most that ever wait, those that it answers among them.
    pub most: usize,
    /// How long there may be more than three times as many as are answered at once.
    pub burst: Duration,
}

impl WaitLimits {
    /// None.
    pub const NONE: Self = Self {
        at_once: usize::MAX,
        most: usize::MAX,
        burst: Duration::MAX,
    };
}

/// Counts the questions that wait.
#[derive(Debug)]
pub(crate) struct StoreWaits {
    limits: WaitLimits,
    waiting: AtomicUsize,
    /// Those that wait until another one has read.
    following: AtomicUsize,
    began: Instant,
    /// When one came that could not be answered at once, after a calm; and when the last one did: in
    /// microseconds from `began`.
    crowded: AtomicU64,
    last: AtomicU64,
}

/// One question that waits, counted until this is dropped.
#[derive(Debug)]
pub(crate) struct StoreWait(Arc<StoreWaits>);

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
            began: Instant::now(),
            crowded: AtomicU64::new(0),
            last: AtomicU64::new(u64::MAX),
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
        let wait = StoreWait(Arc::clone(self));
        if others >= self.limits.most {
            return None;
        }
        if others < self.limits.at_once {
            return Some(wait);
        }
        let now = now.saturating_duration_since(self.began);
        let micros = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        let micros_of = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let (burst, calm) = (self.limits.burst, self.limits.burst.max(CALM));
        let last = self.last.swap(micros, Ordering::Relaxed);
        if last == u64::MAX || micros.saturating_sub(last) > micros_of(calm) {
            self.crowded.store(micros, Ordering::Relaxed);
        }
        let lasted = micros.saturating_sub(self.crowded.load(Ordering::Relaxed));
        let is_burst = lasted < micros_of(burst);
        let lasting = self.limits.at_once.saturating_mul(LASTING);
        (is_burst || others < lasting).then_some(wait)
    }
}

impl Drop for StoreWait {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
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
    };

    /// Those that are let in at that time.
    fn let_in(waits: &Arc<StoreWaits>, number: usize, after: Duration) -> Vec<StoreWait> {
        let now = waits.began + after;
        (0..number).filter_map(|_| waits.begin_at(now)).collect()
    }

    #[test]
    fn a_burst_is_let_in_and_what_lasts_is_not() {
        let waits = Arc::new(StoreWaits::new(LIMITS));
        let mut waiting = let_in(&waits, 20, Duration::ZERO);
        assert_eq!(waiting.len(), 10);
        // As many as are answered are let in, while it is a burst.
        waiting.truncate(8);
        waiting.extend(let_in(&waits, 20, Duration::from_millis(99)));
        assert_eq!(waiting.len(), 10);
        // It is none any more.
        waiting.truncate(8);
        assert!(let_in(&waits, 1, Duration::from_millis(100)).is_empty());
        waiting.truncate(5);
        waiting.extend(let_in(&waits, 20, Duration::from_millis(100)));
        assert_eq!(waiting.len(), 6);
        // A gap begins no other one.
        waiting.clear();
        assert_eq!(let_in(&waits, 20, Duration::from_millis(200)).len(), 6);
        // A calm does.
        assert_eq!(let_in(&waits, 20, Duration::from_millis(301)).len(), 10);
        assert_eq!(waits.waiting(), 0);
    }

    #[test]
    fn no_more_are_let_in_than_may_wait_though_more_could_be_answered() {
        let limits = WaitLimits {
            at_once: 16,
            most: 3,
            ..LIMITS
        };
        let waits = Arc::new(StoreWaits::new(limits));
        assert_eq!(let_in(&waits, 20, Duration::ZERO).len(), 3);
    }

    #[test]
    fn who_follows_another_takes_no_place() {
        let waits = Arc::new(StoreWaits::new(LIMITS));
        let following: Vec<_> = (0..20).map(|_| waits.follow()).collect();
        let waiting = let_in(&waits, 20, Duration::ZERO);
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
        assert_eq!(
            let_in(&waits, 10_000, Duration::from_secs(1 << 30)).len(),
            10_000
        );
    }
}
