//! The accept loop, and the drain at its end. Both servers have this one.
//!
//! A failing `accept` never ends the loop. Without free file descriptors it waits until some are free:
//! the connections that are open still deserve their answers.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::connection::{ConnectionPeer, Stage};
use super::listener::{Listener, Stream};
use crate::config::Server;

/// The first pause after a failed `accept`, doubled up to the last one.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// How often the log says that the limit of connections is reached.
const REMINDER: Duration = Duration::from_secs(60);

/// Accepts connections on `listener` until `shutdown` is ready, and has each of them driven by a task
/// of its own.
///
/// Then it stops to accept (a Unix socket's file is removed), calls `draining`, and tells connections
/// to finish. It waits for them up to `limits.drain_timeout`, cuts what is left and returns how many
/// were cut. Dropping the future cuts all.
pub(super) async fn accept<D, F>(
    listener: Listener,
    limits: &Server,
    shutdown: impl Future<Output = ()>,
    draining: impl FnOnce(),
    drive: D,
) -> usize
where
    D: Fn(Stream, ConnectionPeer, watch::Receiver<Stage>) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let stages = watch::Sender::new(Stage::Serve);
    let mut door = Door::new(listener, limits.connections);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let ((stream, peer), slot) = tokio::select! {
            biased;
            () = shutdown.as_mut() => break,
            entered = door.enter() => entered,
        };
        let driven = drive(stream, peer, stages.subscribe());
        tokio::spawn(async move {
            driven.await;
            drop(slot);
        });
    }
    drop(door);
    draining();
    drain(&stages, limits.drain_timeout).await
}

/// Waits until every connection is closed, at most for `timeout`, and returns how many had to be
/// cut.
async fn drain(stages: &watch::Sender<Stage>, timeout: Duration) -> usize {
    stages.send_replace(Stage::Drain);
    tracing::info!(connections = stages.receiver_count(), "draining");
    if tokio::time::timeout(timeout, stages.closed()).await.is_ok() {
        return 0;
    }
    let cut = stages.receiver_count();
    stages.send_replace(Stage::Cut);
    tracing::warn!(
        connections = cut,
        "cut connections that did not finish in {timeout:?}"
    );
    cut
}

/// Lets connections in, one for each free slot.
struct Door {
    listener: Listener,
    slots: Arc<Semaphore>,
    limit: usize,
    pause: Duration,
    reminded: Option<Instant>,
}

// === impl Door ===

impl Door {
    fn new(listener: Listener, limit: usize) -> Self {
        let slots = Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)));
        Self {
            listener,
            slots,
            limit,
            pause: FIRST_PAUSE,
            reminded: None,
        }
    }

    /// Waits for a slot, and then for a connection: who finds none waits in the kernel's queue.
    /// Dropping the future loses no connection.
    async fn enter(&mut self) -> ((Stream, ConnectionPeer), Option<OwnedSemaphorePermit>) {
        if self.slots.available_permits() == 0
            && self.reminded.is_none_or(|at| at.elapsed() >= REMINDER)
        {
            self.reminded = Some(Instant::now());
            tracing::warn!(
                limit = self.limit,
                "all connections are in use, others wait"
            );
        }
        // `None` is for a semaphore that was closed, and this one never is.
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        loop {
            match self.listener.accept().await {
                Ok(accepted) => {
                    self.pause = FIRST_PAUSE;
                    return (accepted, slot);
                }
                Err(error) => {
                    if let Some(pause) = self.pause_after(&error) {
                        tracing::error!(%error, ?pause, "cannot accept connections");
                        tokio::time::sleep(pause).await;
                    }
                }
            }
        }
    }

    /// How long to wait after this error, as most are ours (no file descriptors, no memory) and
    /// would be back at once.
    fn pause_after(&mut self, error: &io::Error) -> Option<Duration> {
        // The client's: it was gone before it was accepted.
        if matches!(
            error.kind(),
            ErrorKind::ConnectionAborted
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionRefused
        ) {
            return None;
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(LAST_PAUSE);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn failing_to_accept_pauses_for_longer_and_longer_but_not_for_what_clients_do() {
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let mut door = Door::new(listener, 1);
        let no_descriptors = io::Error::from_raw_os_error(24);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            assert_eq!(door.pause_after(&ErrorKind::ConnectionAborted.into()), None);
            pauses.push(door.pause_after(&no_descriptors).unwrap().as_millis());
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    }
}
