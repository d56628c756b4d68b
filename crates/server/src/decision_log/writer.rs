//! The thread that turns decisions into lines and writes them.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::act::{self, Act};
use super::batch::LineBatch;
use super::entry::{self, LineOptions};
use super::progress::LogProgress;
use super::pseudonym::Pseudonyms;
use super::sink::LogSink;
use super::weight::weight;
use peppol_authz_engine::Decided;

/// A message to the thread that writes.
pub(super) enum LogMessage {
    /// A line, with the room that it takes until it is written.
    Entry(LogEntry, OwnedSemaphorePermit),
    /// The end: nothing follows, and the sender is told when all lines are written.
    End(oneshot::Sender<()>),
}

/// The contents of a line.
pub(super) enum LogEntry {
    Decided(Arc<Decided>),
    Act(Box<Act>),
}

/// Bytes that are written together, unless one line has more.
const BATCH: usize = 64 << 10;

/// The rest after a write that left nothing in the queue. A thread that is woken for each line costs more
/// than the line.
pub(super) const REST: Duration = Duration::from_millis(2);

/// How soon a write is tried again that failed, at first and at last.
const AGAIN: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(20)..=Duration::from_millis(500);

/// How long a target may take nothing before it counts as failing: whoever reads a pipe may be slow.
const GRACE: Duration = Duration::from_secs(1);

impl LogEntry {
    /// The memory that it takes while it waits, about, in bytes.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Decided(decided) => weight(decided),
            Self::Act(act) => act.weight(),
        }
    }
}

/// Makes lines and writes them.
pub(super) struct Writer {
    pub(super) queue: Receiver<LogMessage>,
    pub(super) sink: LogSink,
    pub(super) pseudonyms: Pseudonyms,
    pub(super) lines: LineOptions,
    /// Rests where the queue has room for what comes meanwhile.
    pub(super) rest: Option<Duration>,
    pub(super) shared: Arc<LogProgress>,
}

impl Writer {
    /// Runs until it is told to end.
    pub(super) fn run(mut self) {
        while let Some(first) = self.queue.blocking_recv() {
            let mut batch = LineBatch::default();
            let mut taken = Vec::new();
            let mut end = self.add(first, &mut batch, &mut taken);
            let mut has_all = false;
            while end.is_none() && batch.text.len() < BATCH {
                match self.queue.try_recv() {
                    Ok(next) => end = self.add(next, &mut batch, &mut taken),
                    // All that there is: it is not kept back.
                    Err(_) => {
                        has_all = true;
                        break;
                    }
                }
            }
            self.write(&mut batch);
            drop(taken);
            if let Some(end) = end {
                // Nobody may wait for it any more.
                let _ = end.send(());
                return;
            }
            if let Some(rest) = self.rest.filter(|_| has_all) {
                std::thread::sleep(rest);
            }
        }
    }

    fn add(
        &self,
        entry: LogMessage,
        batch: &mut LineBatch,
        taken: &mut Vec<OwnedSemaphorePermit>,
    ) -> Option<oneshot::Sender<()>> {
        let entry = match entry {
            LogMessage::End(end) => return Some(end),
            LogMessage::Entry(entry, room) => {
                taken.push(room);
                entry
            }
        };
        let before = batch.text.len();
        let (id, written) = match &entry {
            LogEntry::Decided(decided) => {
                let text = &mut batch.text;
                let written = entry::write(decided, &self.pseudonyms, self.lines, text);
                (decided.id, written)
            }
            LogEntry::Act(act) => (act.id, act::write(act, &self.pseudonyms, &mut batch.text)),
        };
        match written {
            Ok(()) => batch.end_line(),
            Err(error) => {
                batch.text.truncate(before);
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                tracing::error!(decision_id = %id, %error, "a decision was not logged: its line cannot be written");
            }
        }
        None
    }

    /// Writes all of it, however long that takes.
    fn write(&mut self, batch: &mut LineBatch) {
        let mut pause = *AGAIN.start();
        let mut takes_nothing_since: Option<Instant> = None;
        loop {
            let before = batch.written();
            let result = self.sink.write(batch);
            let dropped = batch.take_dropped();
            let written = (batch.written() - before).saturating_sub(dropped);
            let count = |lines: usize| u64::try_from(lines).unwrap_or(u64::MAX);
            self.shared
                .written
                .fetch_add(count(written), Ordering::Relaxed);
            self.shared
                .dropped
                .fetch_add(count(dropped), Ordering::Relaxed);
            if written > 0 {
                takes_nothing_since = None;
            }
            match result {
                Ok(()) => {
                    if self.shared.failing.send_replace(false) {
                        tracing::info!("the decision log can be written again");
                    }
                    return;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let since = *takes_nothing_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= GRACE && !self.shared.failing.send_replace(true) {
                        tracing::error!("the decision log cannot be written: nobody reads it");
                    }
                    std::thread::sleep(*AGAIN.start());
                    continue;
                }
                Err(error) => {
                    if !self.shared.failing.send_replace(true) {
                        tracing::error!(%error, "the decision log cannot be written");
                    }
                }
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(*AGAIN.end());
        }
    }
}
