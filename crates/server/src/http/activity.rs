//! The use that a client makes of a connection: a client that makes none does not keep its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Bytes that every client of HTTP/2 begins with: its preface, and the head of a frame (RFC 9113,
/// 3.4 and 4.1).
const BEGINNING: usize = 24 + 9;

/// The requests of one connection, and the bytes that it began with.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Up to [`BEGINNING`] at least.
    bytes: AtomicUsize,
    begun: AtomicU64,
    ended: AtomicU64,
}

/// A request, from its head to its answer.
pub(super) struct Ongoing(Arc<Activity>);

// === impl Activity ===

impl Activity {
    /// A request begins, and ends with the value that is returned.
    pub(super) fn begin(self: &Arc<Self>) -> Ongoing {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Ongoing(Arc::clone(self))
    }

    /// Some bytes of the client were read.
    pub(super) fn read(&self, bytes: &[u8]) {
        if self.bytes.load(Ordering::Relaxed) < BEGINNING {
            self.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        }
    }

    /// Returns when the client has not begun to speak HTTP/2 in time.
    pub(super) async fn never_began(&self, header_read_timeout: Duration) {
        tokio::time::sleep(header_read_timeout).await;
        if self.bytes.load(Ordering::Relaxed) >= BEGINNING {
            std::future::pending::<()>().await;
        }
    }

    /// Returns when no request was there for `idle_timeout`, and at the latest for twice as long.
    pub(super) async fn fell_idle(&self, idle_timeout: Duration) {
        let count = || {
            let ended = self.ended.load(Ordering::Relaxed);
            (self.begun.load(Ordering::Relaxed), ended)
        };
        loop {
            let before = count();
            tokio::time::sleep(idle_timeout).await;
            if before == count() && before.0 == before.1 {
                return;
            }
        }
    }
}

// === impl Ongoing ===

impl Drop for Ongoing {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}
