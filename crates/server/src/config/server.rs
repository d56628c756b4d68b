//! Threads, connections and timeouts of the HTTP server.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;
use super::range::{HOUR, MILLISECOND, SettingFaults};

/// The smallest stack of a thread that evaluates policies, in bytes: Cedar's recursion limit
/// depends on it.
pub const MIN_WORKER_STACK_BYTES: usize = peppol_authz_engine::WORKER_STACK_BYTES;

/// Threads, connections and timeouts of the HTTP server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Threads that answer questions; 0 is one for each core.
    pub workers: usize,
    /// Stack of each of them, in bytes; [`MIN_WORKER_STACK_BYTES`] at least.
    pub worker_stack_bytes: usize,
    /// Connections that are open at once; more wait in the kernel's queue.
    pub connections: usize,
    /// Those of them that one peer may have open; 0 is three quarters of them.
    pub connections_per_peer: usize,
    /// Questions that may wait for the store.
    pub questions: usize,
    /// Large requests that may be worked on or wait for that.
    pub large_requests: usize,
    /// How late the workers may be.
    #[serde(with = "duration")]
    pub delay: Duration,
    /// How long there may be more than can last, of what `questions` and `delay` bound.
    #[serde(with = "duration")]
    pub burst_time: Duration,
    /// Time from the first byte of a request's head (or from connecting) to the end of the head.
    #[serde(with = "duration")]
    pub header_read_timeout: Duration,
    /// Time from the end of the head to the last byte of the body.
    #[serde(with = "duration")]
    pub body_read_timeout: Duration,
    /// Time from the end of the head to the answer.
    #[serde(with = "duration")]
    pub request_timeout: Duration,
    /// How long a connection may stay open without a request.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    /// How long the program answers on, unready, after the signal to stop.
    #[serde(with = "duration")]
    pub drain_delay: Duration,
    /// How long requests may take to finish after the signal to stop; 0 cuts them at once.
    #[serde(with = "duration")]
    pub drain_timeout: Duration,
}

// === impl Server ===

impl Server {
    /// Threads that answer questions.
    pub(crate) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        match self.workers {
            0 => cores(),
            set => set,
        }
    }

    /// Connections that one peer may have open.
    pub(crate) fn of_one_peer(&self) -> usize {
        match self.connections_per_peer {
            0 => self.connections - self.connections / 4,
            set => set,
        }
    }

    pub(super) fn check(&self, faults: &mut SettingFaults) {
        let stack = MIN_WORKER_STACK_BYTES..=1 << 30;
        faults.number("server.workers", self.workers, 0..=1024);
        faults.number("server.worker_stack_bytes", self.worker_stack_bytes, stack);
        faults.number("server.connections", self.connections, 1..=1_000_000);
        faults.number(
            "server.connections_per_peer",
            self.connections_per_peer,
            0..=1_000_000,
        );
        faults.number("server.questions", self.questions, 1..=1_000_000);
        faults.number("server.large_requests", self.large_requests, 1..=100_000);
        let (some, day) = (MILLISECOND..=HOUR, MILLISECOND..=24 * HOUR);
        for (key, timeout, range) in [
            ("server.delay", self.delay, &some),
            (
                "server.burst_time",
                self.burst_time,
                &(Duration::ZERO..=HOUR),
            ),
            (
                "server.header_read_timeout",
                self.header_read_timeout,
                &some,
            ),
            ("server.body_read_timeout", self.body_read_timeout, &some),
            ("server.request_timeout", self.request_timeout, &some),
            ("server.idle_timeout", self.idle_timeout, &day),
            (
                "server.drain_delay",
                self.drain_delay,
                &(Duration::ZERO..=HOUR),
            ),
            (
                "server.drain_timeout",
                self.drain_timeout,
                &(Duration::ZERO..=HOUR),
            ),
        ] {
            faults.duration(key, timeout, range);
        }
    }
}
