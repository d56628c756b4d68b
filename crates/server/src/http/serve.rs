//! Serves a router on a listener until told to stop: the accept loop, and the drain.
//!
//! hyper is used directly, as `axum::serve` has no limits of time and number. A failing `accept`
//! never ends the loop: with no file descriptors left it waits until some are, as the connections
//! that are open still deserve their answers.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::connection::{self, Peer, Shared, Stage};
use super::listener::{Listener, Stream};
use crate::config::Server;

/// The first pause after a failed `accept`, doubled up to the last one.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// How often the log says that the limit of connections is reached.
const REMINDER: Duration = Duration::from_secs(60);

/// Bytes that are buffered of one connection, and so the longest head (431 beyond).
const BUFFER_BYTES: usize = 64 << 10;

/// Answers requests on `listener` by `router` until `shutdown` is ready.
///
/// Then it stops to accept (a Unix socket's file is removed), closes idle connections, lets
/// requests in hand finish for up to `limits.drain_timeout`, and cuts what is left. Of `limits` the
/// connections and the timeouts of head, idleness and drain are held here, those of body and
/// request by the router. Returns how many connections were cut; dropping the future cuts all.
pub async fn serve(
    listener: Listener,
    router: Router,
    limits: &Server,
    shutdown: impl Future<Output = ()>,
) -> usize {
    let mut http = http1::Builder::new();
    // Its own timeout for the head is replaced by `connection`'s.
    http.header_read_timeout(None).max_buf_size(BUFFER_BYTES);
    let shared = Arc::new(Shared {
        http,
        // Resolves the routes once and not for each request.
        router: router.with_state(()),
        header_read_timeout: limits.header_read_timeout,
        idle_timeout: limits.idle_timeout,
        is_draining: AtomicBool::new(false),
    });
    let stages = watch::Sender::new(Stage::Serve);

    let mut door = Door::new(listener, limits.connections);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let ((stream, peer), slot) = tokio::select! {
            biased;
            () = shutdown.as_mut() => break,
            entered = door.enter() => entered,
        };
        let (shared, stage) = (Arc::clone(&shared), stages.subscribe());
        tokio::spawn(async move {
            match stream {
                Stream::Tcp(stream) => connection::drive(stream, peer, shared, stage).await,
                Stream::Unix(stream) => connection::drive(stream, peer, shared, stage).await,
            }
            drop(slot);
        });
    }

    drop(door);
    shared.is_draining.store(true, Ordering::Relaxed);
    drain(&stages, limits.drain_timeout).await
}

/// Waits until every connection is closed, at most for `timeout`, and returns how many had to be
/// cut.
pub(super) async fn drain(stages: &watch::Sender<Stage>, timeout: Duration) -> usize {
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
pub(super) struct Door {
    listener: Listener,
    slots: Arc<Semaphore>,
    limit: usize,
    pause: Duration,
    reminded: Option<Instant>,
}

// === impl Door ===

impl Door {
    pub(super) fn new(listener: Listener, limit: usize) -> Self {
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
    pub(super) async fn enter(&mut self) -> ((Stream, Peer), Option<OwnedSemaphorePermit>) {
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
mod tests;
