//! The way of spans, metrics and records to the thread that sends them: bounded, and never waited for.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// The least time between two lines of the log that tell of the same.
const APART: Duration = Duration::from_secs(10);

/// Something that is sent, as it is counted.
pub(super) trait Counted {
    /// How many spans, records or metrics it is.
    fn count(&self) -> u64;
}

/// Takes what is to be sent.
pub(super) struct Outbox<T> {
    queue: Sender<T>,
    progress: Arc<SignalProgress>,
}

/// How sending goes on, of one signal.
#[derive(Debug)]
pub(super) struct SignalProgress {
    signal: &'static str,
    sent: AtomicU64,
    dropped: AtomicU64,
    rejected: AtomicU64,
    is_failing: AtomicBool,
    told: Mutex<Option<Instant>>,
}

/// Spans, records or metrics, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalStats {
    /// `traces`, `metrics` or `logs`.
    pub signal: &'static str,
    /// Those that the collector has taken.
    pub sent: u64,
    /// Those that were dropped: no room, or a collector that failed.
    pub dropped: u64,
    /// Those that the collector has rejected.
    pub rejected: u64,
    /// True if the last message failed.
    pub is_failing: bool,
}

impl<T> Outbox<T> {
    /// An outbox for that many things.
    pub(super) fn new(signal: &'static str, most: usize) -> (Self, Receiver<T>) {
        let (queue, inbox) = channel(most);
        let progress = Arc::new(SignalProgress {
            signal,
            sent: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
            told: Mutex::default(),
        });
        (Self { queue, progress }, inbox)
    }

    pub(super) fn progress(&self) -> Arc<SignalProgress> {
        Arc::clone(&self.progress)
    }
}

impl<T: Counted> Outbox<T> {
    /// Takes something, or drops it where there is no room.
    pub(super) fn offer(&self, thing: T) {
        match self.queue.try_send(thing) {
            // At the end nothing is taken any more.
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(thing)) => self.progress.dropped(thing.count()),
        }
    }
}

impl<T> Clone for Outbox<T> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            progress: self.progress(),
        }
    }
}

impl<T> fmt::Debug for Outbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Outbox").field(&self.progress).finish()
    }
}

impl SignalProgress {
    pub(super) fn stats(&self) -> SignalStats {
        SignalStats {
            signal: self.signal,
            sent: self.sent.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            is_failing: self.is_failing.load(Ordering::Relaxed),
        }
    }

    /// A message was taken, apart from what was rejected.
    pub(super) fn sent(&self, count: u64, rejected: u64) {
        let taken = count.saturating_sub(rejected);
        self.sent.fetch_add(taken, Ordering::Relaxed);
        self.rejected.fetch_add(rejected, Ordering::Relaxed);
        if self.is_failing.swap(false, Ordering::Relaxed) {
            let dropped = self.dropped.load(Ordering::Relaxed);
            tracing::info!(
                signal = self.signal,
                dropped,
                "the collector takes it again"
            );
        }
    }

    /// A message failed; it may be sent again.
    pub(super) fn failed(&self, cause: &dyn fmt::Display) {
        let is_new = !self.is_failing.swap(true, Ordering::Relaxed);
        if is_new && self.may_tell() {
            tracing::warn!(signal = self.signal, %cause, "the collector cannot be told");
        }
    }

    pub(super) fn dropped(&self, count: u64) {
        let before = self.dropped.fetch_add(count, Ordering::Relaxed);
        if self.may_tell() {
            let dropped = before + count;
            tracing::warn!(signal = self.signal, dropped, "telemetry is dropped");
        }
    }

    /// True once in a while.
    fn may_tell(&self) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if told.is_some_and(|told| now.duration_since(told) < APART) {
            return false;
        }
        *told = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Spans(u64);

    impl Counted for Spans {
        fn count(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted() {
        let (outbox, mut inbox) = Outbox::new("traces", 2);
        for count in [1, 2, 3, 4] {
            outbox.offer(Spans(count));
        }
        assert_eq!(outbox.progress().stats().dropped, 7);
        assert!(inbox.try_recv().is_ok());
        outbox.offer(Spans(5));
        assert_eq!(outbox.progress().stats().dropped, 7);
    }
}
