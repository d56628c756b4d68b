//! The queue from the surfaces to the thread that writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use super::act::Act;
use super::entry::LineOptions;
use super::progress::LogProgress;
use super::pseudonym::{KeyError, Pseudonyms};
use super::sink::LogSink;
use super::weight::weight;
use super::writer::{LogEntry, LogMessage, REST, Writer};
use crate::config::{self, OtlpSettings, Personal, WhenFull};
use peppol_authz_engine::Decided;

/// A queue for as many decisions is not full after [`REST`].
const ROOMY: usize = 1000;

/// The decision log, which takes decisions to be written.
pub struct DecisionLog {
    queue: Sender<LogMessage>,
    room: Room,
    when_full: WhenFull,
    shared: Arc<LogProgress>,
    /// True if the last decision was dropped, which is logged once.
    dropping: AtomicBool,
}

/// The memory for decisions that wait.
#[derive(Clone)]
pub struct Room {
    free: Arc<Semaphore>,
    all: u32,
}

impl Room {
    /// Room for this number of bytes, at most 4 GiB.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let all = u32::try_from(bytes).unwrap_or(u32::MAX);
        let free = usize::try_from(all).unwrap_or(usize::MAX);
        Self {
            free: Arc::new(Semaphore::new(free.min(Semaphore::MAX_PERMITS))),
            all,
        }
    }

    /// Takes room for a decision, if there is room now. A decision that is larger than all of the
    /// room gets all of it.
    #[must_use]
    pub fn now(&self, decided: &Decided) -> Option<OwnedSemaphorePermit> {
        self.now_for(weight(decided))
    }

    fn now_for(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let free = Arc::clone(&self.free);
        free.try_acquire_many_owned(self.needs(bytes)).ok()
    }

    /// How much of it is taken, and all of it.
    fn used(&self) -> (usize, usize) {
        let all = usize::try_from(self.all).unwrap_or(usize::MAX);
        (all.saturating_sub(self.free.available_permits()), all)
    }

    async fn later_for(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let free = Arc::clone(&self.free);
        free.acquire_many_owned(self.needs(bytes)).await.ok()
    }

    fn needs(&self, bytes: usize) -> u32 {
        u32::try_from(bytes).map_or(self.all, |bytes| bytes.min(self.all))
    }
}

/// The room for lines that is used, and all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRoom {
    /// Lines that wait.
    pub lines: (usize, usize),
    /// Their bytes.
    pub bytes: (usize, usize),
}

/// The numbers of lines, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogStats {
    /// Lines that were written.
    pub written: u64,
    /// Decisions that were answered without a line.
    pub dropped: u64,
    /// True if the last write failed.
    pub failing: bool,
}

/// A decision must not be answered, as it has no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the decision log takes no more")]
pub struct NotLogged;

/// Why there is no decision log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The target cannot be opened.
    #[error("`decision_log.to`: `{0}`: {1}")]
    Open(String, std::io::Error),
    /// There is no key.
    #[error("`decision_log.key_file`: {0}")]
    Key(#[from] KeyError),
}

impl DecisionLog {
    /// Opens the log that the settings name; `None` if they name none.
    ///
    /// # Errors
    /// The target cannot be opened, or there is no key.
    pub fn start(
        settings: &config::DecisionLogSettings,
        collector: &OtlpSettings,
    ) -> Result<Option<Self>, LogError> {
        let open = |error| LogError::Open(settings.to.to_string(), error);
        let sink = LogSink::open(settings, collector).map_err(open)?;
        let Some(sink) = sink else {
            return Ok(None);
        };
        let pseudonyms = match (settings.personal, &settings.key_file) {
            (Personal::Plain, _) => Pseudonyms::none(),
            (Personal::Hash, Some(path)) => Pseudonyms::by_file(path)?,
            (Personal::Hash, None) => {
                tracing::info!(
                    "no `decision_log.key_file`: hashes of the decision log are by a key of this \
                     start alone, and cannot be compared with those of others"
                );
                Pseudonyms::random()?
            }
        };
        let (queue, receiver) = channel(settings.capacity);
        let shared = Arc::<LogProgress>::default();
        let writer = Writer {
            queue: receiver,
            sink,
            pseudonyms,
            lines: LineOptions {
                with_slice: settings.slice,
                longest: settings.line_bytes,
                keeps_parts: true,
            },
            rest: (settings.capacity >= ROOMY).then_some(REST),
            shared: Arc::clone(&shared),
        };
        std::thread::Builder::new()
            .name("decision-log".to_owned())
            .spawn(move || writer.run())
            .map_err(open)?;
        Ok(Some(Self {
            queue,
            room: Room::new(settings.queue_bytes),
            when_full: settings.when_full,
            shared,
            dropping: AtomicBool::new(false),
        }))
    }

    /// Takes a decision. With [`WhenFull::Wait`] it waits while there is no room, unless the file cannot be
    /// written: that may last. The caller limits the time.
    ///
    /// # Errors
    /// The decision must not be answered.
    pub async fn take(&self, decided: Arc<Decided>) -> Result<(), NotLogged> {
        self.take_entry(LogEntry::Decided(decided)).await
    }

    /// Takes an administrative act, in the same way.
    ///
    /// # Errors
    /// The act must not be done.
    pub async fn take_act(&self, act: Act) -> Result<(), NotLogged> {
        self.take_entry(LogEntry::Act(Box::new(act))).await
    }

    async fn take_entry(&self, entry: LogEntry) -> Result<(), NotLogged> {
        match self.when_full {
            WhenFull::Wait => {
                let mut failing = self.shared.failing.subscribe();
                tokio::select! {
                    biased;
                    _ = failing.wait_for(|failing| *failing) => Err(NotLogged),
                    taken = self.take_later(entry) => taken,
                }
            }
            WhenFull::Refuse => {
                if self.is_failing() {
                    return Err(NotLogged);
                }
                self.try_take(entry)
            }
            WhenFull::Drop => {
                let taken = self.try_take(entry);
                self.note(taken.is_ok());
                Ok(())
            }
        }
    }

    async fn take_later(&self, entry: LogEntry) -> Result<(), NotLogged> {
        let room = self.room.later_for(entry.weight()).await;
        let entry = LogMessage::Entry(entry, room.ok_or(NotLogged)?);
        self.queue.send(entry).await.map_err(|_| NotLogged)
    }

    fn try_take(&self, entry: LogEntry) -> Result<(), NotLogged> {
        let room = self.room.now_for(entry.weight()).ok_or(NotLogged)?;
        let entry = LogMessage::Entry(entry, room);
        self.queue.try_send(entry).map_err(|_| NotLogged)
    }

    fn is_failing(&self) -> bool {
        *self.shared.failing.borrow()
    }

    /// Counts dropped decisions, and logs when dropping begins and ends.
    fn note(&self, is_taken: bool) {
        if is_taken {
            // A read first, as a write for each decision would be slow.
            if self.dropping.load(Ordering::Relaxed) && self.dropping.swap(false, Ordering::Relaxed)
            {
                let dropped = self.shared.dropped.load(Ordering::Relaxed);
                tracing::warn!(dropped, "the decision log takes decisions again");
            }
        } else {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            if !self.dropping.swap(true, Ordering::Relaxed) {
                tracing::error!("the decision log is full, decisions are dropped");
            }
        }
    }

    /// Returns true if answers wait or are refused, as their lines cannot be written.
    #[must_use]
    pub fn holds_answers(&self) -> bool {
        self.when_full != WhenFull::Drop && self.is_failing()
    }

    /// The room that is used.
    #[must_use]
    pub fn used(&self) -> LogRoom {
        let all = self.queue.max_capacity();
        LogRoom {
            lines: (all.saturating_sub(self.queue.capacity()), all),
            bytes: self.room.used(),
        }
    }

    /// The numbers of lines, for metrics.
    #[must_use]
    pub fn stats(&self) -> LogStats {
        LogStats {
            written: self.shared.written.load(Ordering::Relaxed),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
            failing: self.is_failing(),
        }
    }

    /// Takes no more decisions, and waits at most `within` until all lines are written. Returns
    /// true if they are.
    pub async fn end(&self, within: Duration) -> bool {
        let until = Instant::now() + within;
        let (sender, ended) = oneshot::channel();
        let told = tokio::time::timeout_at(until, self.queue.send(LogMessage::End(sender))).await;
        let Ok(Ok(())) = told else {
            return false;
        };
        matches!(tokio::time::timeout_at(until, ended).await, Ok(Ok(())))
    }
}
