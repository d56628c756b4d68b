//! The progress of the thread that writes, as the others see it.

use std::sync::atomic::AtomicU64;

use tokio::sync::watch;

/// The progress of the thread that writes.
#[derive(Default)]
pub(super) struct LogProgress {
    /// Lines that were written.
    pub(super) written: AtomicU64,
    /// Decisions without a line.
    pub(super) dropped: AtomicU64,
    /// True while the last write has failed.
    pub(super) failing: watch::Sender<bool>,
}
