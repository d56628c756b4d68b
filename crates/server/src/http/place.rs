//! The place of a connection among those that may be open at once.
//!
//! Beyond their limit some more are let in, so that the program can still be looked at: is it alive,
//! ready, how busy. Such a connection has little time for its head, and one answer. What asks for
//! anything else waits a while for a place of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections beyond the limit.
pub(super) const RESERVED: usize = 128;

/// The time for the head of a request on a reserved place: who says nothing makes room for others.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// How long a question on a reserved place waits for another one.
const WAIT: Duration = Duration::from_secs(2);

/// The paths that are answered on a reserved place.
const PATHS: [&str; 5] = ["/livez", "/readyz", "/healthz", "/version", "/metrics"];

/// The place of a connection, free again when this is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPlace {
    /// `None` is for a semaphore that was closed, and none ever is.
    #[expect(dead_code, reason = "held for its drop")]
    held: Option<OwnedSemaphorePermit>,
    /// The places of its own that a connection on a reserved one may get.
    own: Option<Arc<Semaphore>>,
}

impl ConnectionPlace {
    pub(super) fn own(held: Option<OwnedSemaphorePermit>) -> Self {
        Self { held, own: None }
    }

    pub(super) fn reserved(held: Option<OwnedSemaphorePermit>, own: Arc<Semaphore>) -> Self {
        let own = Some(own);
        Self { held, own }
    }

    pub(super) fn is_reserved(&self) -> bool {
        self.own.is_some()
    }

    /// True if a request is answered wherever its connection stands.
    pub(super) fn answers(path: &str) -> bool {
        PATHS.contains(&path)
    }

    /// Takes a place of its own if one is free now.
    pub(super) fn upgrade(&mut self) {
        if let Some(own) = &self.own
            && let Ok(held) = Arc::clone(own).try_acquire_owned()
        {
            *self = Self::own(Some(held));
        }
    }

    /// The places that a question waits for; `None` where it stands on one.
    pub(super) fn wanted(&self) -> Option<Arc<Semaphore>> {
        self.own.clone()
    }

    /// Waits a while for a place.
    pub(super) async fn wait_for(own: Arc<Semaphore>) -> Option<Self> {
        let held = tokio::time::timeout(WAIT, own.acquire_owned()).await;
        Some(Self::own(Some(held.ok()?.ok()?)))
    }
}
