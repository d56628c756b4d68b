//! The delay of the workers: how long a task that is ready waits until it is run.
//!
//! Where the processors are used up, every request waits behind all that are ready, and what is asked
//! more than can be answered waits without end. A probe, a task like any other, lets all others go
//! first and measures how long that takes. Where it takes too long, and has for a while, a share of the
//! questions is refused at their heads ([`Front`](super::front::Front)), which costs a fraction of an
//! answer. The share grows while the delay is too long, and shrinks slowly while it is not: so about as many
//! are answered as can be.
//!
//! Two things are no overload. The time from its timer to the first run of the probe does not count: other
//! programs on the same processors could make that long, while nobody waits here. And few questions that
//! take long each are not too many; those that wait for something else than a worker are not counted.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// The time between two measurements.
const INTERVAL: Duration = Duration::from_millis(5);

/// Questions for each worker that are not too many, whatever they take.
const FEW: u64 = 8;

/// The share of questions that are let in, in parts of this.
const ALL: u64 = 1024;

/// The least share: what is let in shows that there is room again.
const LEAST: u64 = 16;

/// The share that is let in more after a measurement that was not too long.
const MORE: u64 = 16;

/// Measures the delay of the workers.
#[derive(Debug)]
pub struct WorkerDelay {
    /// The longest that is no reason to refuse anything.
    most: Duration,
    /// For how long there may be longer ones.
    burst: Duration,
    /// Questions that are not too many.
    few: u64,
    /// The share that is let in.
    share: AtomicU64,
    /// The last measurement, in microseconds.
    measured: AtomicU64,
    /// Questions that came so far, and those that are in hand.
    came: AtomicU64,
    in_hand: AtomicU64,
    /// True while nothing is measured, as nothing is asked.
    rests: AtomicBool,
    wake: Notify,
}

/// A question in hand, counted until this is dropped.
#[derive(Debug)]
pub(super) struct InHand(Arc<WorkerDelay>);

/// The measurements so far.
#[derive(Debug)]
struct Course {
    /// The first of those that were too long one after the other.
    since: Option<Instant>,
    /// The share that is let in.
    share: u64,
}

impl WorkerDelay {
    pub(super) fn new(most: Duration, burst: Duration, workers: usize) -> Self {
        let workers = u64::try_from(workers).unwrap_or(u64::MAX);
        Self {
            most,
            burst,
            few: workers.saturating_mul(FEW),
            share: AtomicU64::new(ALL),
            measured: AtomicU64::new(0),
            came: AtomicU64::new(0),
            in_hand: AtomicU64::new(0),
            rests: AtomicBool::new(true),
            wake: Notify::new(),
        }
    }

    /// True while a share of the questions is refused.
    pub(super) fn refuses_some(&self) -> bool {
        self.share.load(Ordering::Relaxed) < ALL
    }

    /// Counts a question that comes, which has the probe measure. False if it is to be refused.
    pub(super) fn lets_in(&self) -> bool {
        // In one order with what the probe does before it rests.
        let number = self.came.fetch_add(1, Ordering::SeqCst);
        if self.rests.load(Ordering::SeqCst) && self.rests.swap(false, Ordering::SeqCst) {
            self.wake.notify_one();
        }
        is_let_in(number, self.share.load(Ordering::Relaxed))
    }

    /// Begins a question that is let in.
    pub(super) fn begin(self: &Arc<Self>) -> InHand {
        self.in_hand.fetch_add(1, Ordering::Relaxed);
        InHand(Arc::clone(self))
    }

    /// The last measurement; none of a server that is asked nothing.
    pub(super) fn measured(&self) -> Duration {
        Duration::from_micros(self.measured.load(Ordering::Relaxed))
    }

    /// Measures for as long as questions come, and again when the next one comes. Of those in hand, `aside`
    /// wait for something else than a worker. It does not end.
    pub(super) async fn follow(&self, aside: impl Fn() -> usize) {
        let (mut course, mut seen) = (Course::default(), 0);
        loop {
            if self.came.load(Ordering::SeqCst) == seen {
                self.wake.notified().await;
            }
            loop {
                seen = self.came.load(Ordering::SeqCst);
                tokio::time::sleep(INTERVAL).await;
                let (delay, is_crowd) = self.measure(&aside).await;
                let share = match is_crowd {
                    true => course.share(delay, self.most, self.burst, Instant::now()),
                    false => course.calmed(),
                };
                self.share.store(share, Ordering::Relaxed);
                if course.is_over() && self.came.load(Ordering::SeqCst) == seen {
                    break;
                }
            }
            self.measured.store(0, Ordering::Relaxed);
            self.rests.store(true, Ordering::SeqCst);
        }
    }

    /// Measures once. The second is true if there were more questions than few.
    async fn measure(&self, aside: &impl Fn() -> usize) -> (Duration, bool) {
        let (started, before) = (Instant::now(), self.came.load(Ordering::Relaxed));
        behind_all_others().await;
        let delay = started.elapsed();
        let micros = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        self.measured.store(micros, Ordering::Relaxed);
        // Short ones begin and end meanwhile, and long ones are in hand all the time.
        let came = self.came.load(Ordering::Relaxed).wrapping_sub(before);
        let aside = u64::try_from(aside()).unwrap_or(u64::MAX);
        let in_hand = self.in_hand.load(Ordering::Relaxed).saturating_sub(aside);
        (delay, came.max(in_hand) > self.few)
    }
}

/// True for a share of all numbers, evenly.
fn is_let_in(number: u64, share: u64) -> bool {
    let before = |number: u64| number.wrapping_mul(share) / ALL;
    share >= ALL || before(number % ALL) != before(number % ALL + 1)
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.in_hand.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Course {
    fn default() -> Self {
        Self {
            since: None,
            share: ALL,
        }
    }
}

impl Course {
    /// There are few questions: soon all are let in, and not at once, as there may be few since others are
    /// refused.
    fn calmed(&mut self) -> u64 {
        self.share = (self.share + 4 * MORE).min(ALL);
        if self.share == ALL {
            self.since = None;
        }
        self.share
    }

    /// Returns true if nothing is to be refused any more.
    fn is_over(&self) -> bool {
        self.share == ALL
    }

    /// Adds a measurement. Returns the share that is let in until the next one.
    fn share(&mut self, delay: Duration, most: Duration, burst: Duration, now: Instant) -> u64 {
        if delay <= most {
            self.since = None;
            self.share = (self.share + MORE).min(ALL);
            return self.share;
        }
        let since = *self.since.get_or_insert(now);
        if self.share < ALL || now - since > burst {
            // Less by as much as it is too long, and neither by little nor by nearly all at once.
            let fits = most.as_secs_f64() / delay.as_secs_f64();
            let eighths = if fits > 0.5 { 7 } else { 4 };
            self.share = (self.share * eighths / 8).max(LEAST);
        }
        self.share
    }
}

/// Lets all run that are ready. A task that wakes itself while it runs goes to the end of its worker's
/// queue; `yield_now` would first look for what has become ready since, and then run at once.
async fn behind_all_others() {
    let mut is_behind = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_behind, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURST: Duration = Duration::from_millis(100);

    #[test]
    fn few_questions_after_an_overload_are_all_let_in_soon() {
        let (start, most) = (Instant::now(), Duration::from_millis(10));
        let mut course = Course::default();
        let share = |course: &mut Course, millis| {
            let now = start + Duration::from_millis(millis);
            course.share(Duration::from_millis(99), most, BURST, now)
        };
        for millis in [0, 101, 106] {
            share(&mut course, millis);
        }
        let before = course.share;
        assert!(before < ALL / 2 && course.calmed() > before);
        // Many again after a moment are no burst.
        assert!(!course.is_over());
        assert!(share(&mut course, 120) < before);
        // After a while they are.
        let calm = (0..16).take_while(|_| course.calmed() < ALL);
        assert!(calm.count() < 16 && course.is_over());
        assert_eq!(share(&mut course, 700), ALL);
    }

    #[test]
    fn a_burst_is_let_in_and_of_what_lasts_a_share() {
        let start = Instant::now();
        let mut course = Course::default();
        let mut share = |delay, millis| {
            let (delay, most) = (Duration::from_millis(delay), Duration::from_millis(10));
            let now = start + Duration::from_millis(millis);
            course.share(delay, most, BURST, now)
        };
        assert_eq!((share(99, 0), share(99, 100)), (ALL, ALL));
        // One that is short begins it anew.
        assert_eq!(
            (share(10, 105), share(99, 110), share(99, 210)),
            (ALL, ALL, ALL)
        );
        assert_eq!((share(20, 211), share(15, 212)), (ALL / 2, ALL * 7 / 16));
        // Slowly more, and at once less where that was too many.
        assert_eq!(
            (share(10, 213), share(1, 214), share(20, 215)),
            (464, 480, 240)
        );
        for more in 1..50 {
            assert_eq!(share(1, 215 + more), (240 + 16 * more).min(ALL));
        }
        assert_eq!(share(99, 300), ALL);
        // It is never nothing.
        let shares = (1000..2000).map(|millis| share(99, millis));
        assert_eq!(shares.min(), Some(LEAST));
    }

    #[test]
    fn a_share_is_let_in_evenly() {
        for share in [LEAST, 100, ALL / 2, ALL - 1, ALL] {
            let let_in = |from: u64| {
                (from..from + ALL)
                    .filter(|it| is_let_in(*it, share))
                    .count()
            };
            assert_eq!(u64::try_from(let_in(0)), Ok(share));
            assert_eq!(u64::try_from(let_in(777)), Ok(share));
        }
        assert_eq!((0..10).filter(|it| is_let_in(*it, ALL / 2)).count(), 5);
    }

    /// Work that holds the only worker, and others that are ready as well, or wait for the store.
    async fn is_crowd(questions: usize, aside: usize) -> bool {
        let delay = Arc::new(WorkerDelay::new(Duration::from_millis(1), BURST, 1));
        let in_hand = || {
            delay.lets_in();
            delay.begin()
        };
        let _in_hand: Vec<_> = (0..questions).map(|_| in_hand()).collect();
        let work = async { std::thread::sleep(Duration::from_millis(20)) };
        let aside = || aside;
        let ((delay, is_crowd), ()) = tokio::join!(delay.measure(&aside), work);
        assert!(delay >= Duration::from_millis(20));
        is_crowd
    }

    #[tokio::test]
    async fn few_questions_that_take_long_are_no_overload() {
        assert!(!is_crowd(1, 0).await);
        assert!(!is_crowd(8, 0).await);
        assert!(is_crowd(9, 0).await);
    }

    #[tokio::test]
    async fn who_waits_for_the_store_is_in_no_crowd() {
        assert!(!is_crowd(100, 92).await);
        assert!(is_crowd(100, 91).await);
        assert!(!is_crowd(1, 100).await);
    }

    #[tokio::test]
    async fn it_rests_while_nothing_is_asked() {
        let delay = Arc::new(WorkerDelay::new(Duration::from_secs(1), BURST, 1));
        let followed = Arc::clone(&delay);
        let probe = tokio::spawn(async move { followed.follow(|| 0).await });
        for _ in 0..3 {
            assert!(delay.lets_in());
            assert!(!delay.rests.load(Ordering::SeqCst));
            while !delay.rests.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
        }
        probe.abort();
    }

    #[tokio::test]
    async fn all_others_go_first() {
        let order = std::sync::Mutex::new(Vec::new());
        let other = async {
            order.lock().unwrap().push("other");
        };
        let probe = async {
            behind_all_others().await;
            order.lock().unwrap().push("probe");
        };
        tokio::join!(probe, other);
        assert_eq!(*order.lock().unwrap(), ["other", "probe"]);
    }
}
