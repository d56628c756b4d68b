//! The progress of an import: a bar on a terminal, else a line every few seconds.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

/// How often a line is written.
const EVERY: Duration = Duration::from_secs(3);

/// Shows how much has been read.
pub(super) struct Progress {
    total: Option<u64>,
    bar: ProgressBar,
    lines: Option<Lines>,
}

/// The thread that writes lines.
struct Lines {
    read: Arc<AtomicU64>,
    /// Dropped at the end, which the thread hears.
    end: Sender<()>,
    thread: JoinHandle<()>,
}

impl Progress {
    /// Of so many bytes; `None` if nobody knows how many there will be. `tell` writes a line.
    pub(super) fn new(total: Option<u64>, tell: fn(&str)) -> Self {
        // Hidden by itself where standard error is no terminal.
        let bar = match total {
            Some(total) => {
                ProgressBar::new(total).with_style(style("{bar:40} {bytes}/{total_bytes} {eta}"))
            }
            None => ProgressBar::new_spinner().with_style(style("{spinner} {bytes} {elapsed}")),
        };
        let lines = (!std::io::stderr().is_terminal()).then(|| {
            let read = Arc::new(AtomicU64::new(0));
            let (end, ended) = channel();
            let seen = Arc::clone(&read);
            let thread = std::thread::spawn(move || write_lines(total, &seen, &ended, tell));
            Lines { read, end, thread }
        });
        Self { total, bar, lines }
    }

    /// So many bytes have been read, in all.
    pub(super) fn is_at(&self, read: u64) {
        self.bar.set_position(read);
        if self.total == Some(read) {
            self.bar.set_message("storing");
        }
        if let Some(lines) = &self.lines {
            lines.read.store(read, Ordering::Relaxed);
        }
    }

    /// Nothing is shown any more.
    pub(super) fn end(self) {
        self.bar.finish_and_clear();
        if let Some(Lines { end, thread, .. }) = self.lines {
            drop(end);
            // It ends by itself, and has nothing to tell.
            let _ = thread.join();
        }
    }
}

fn write_lines(total: Option<u64>, read: &AtomicU64, ended: &Receiver<()>, tell: fn(&str)) {
    let started = Instant::now();
    while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        let read = read.load(Ordering::Relaxed);
        let seconds = started.elapsed().as_secs();
        let of = total.map(|total| format!(" of {}", HumanBytes(total)));
        let does = if total == Some(read) {
            "storing"
        } else {
            "importing"
        };
        tell(&format!(
            "{does}: {}{} read, {seconds} s",
            HumanBytes(read),
            of.unwrap_or_default()
        ));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(&format!("{template} {{msg}}"))
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
