//! The state of one connection: how far its exchange is, and the place that it has.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;

use super::super::place::{ConnectionPlace, PATIENCE};
use super::super::server_state::HttpServerState;

/// Where a connection is in the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing of a request has come.
    Idle,
    /// Some of the head has come. A new connection is here too: it has no reason to be silent.
    Head,
    /// The head is complete; what happens now has its own timeouts.
    Answer,
}

/// The state of one connection. Stream, service and clock share it, and run in one task, so the
/// order of memory accesses is no concern.
#[derive(Debug)]
pub(super) struct ConnectionState {
    /// The phase in the lowest two bits, and how often it changed in the others.
    progress: AtomicU64,
    /// True once something was read.
    pub(super) has_heard: AtomicBool,
    /// True once an answer may have left a part of its request unread.
    pub(super) lingers: AtomicBool,
    /// True until the body of the request in hand was read to its end.
    pub(super) is_unread: AtomicBool,
    place: Mutex<ConnectionPlace>,
    pub(super) shared: Arc<HttpServerState>,
}

impl ConnectionState {
    pub(super) fn new(shared: Arc<HttpServerState>, place: ConnectionPlace) -> Self {
        Self {
            progress: AtomicU64::new(Phase::Head as u64),
            has_heard: AtomicBool::new(false),
            lingers: AtomicBool::new(false),
            is_unread: AtomicBool::new(false),
            place: Mutex::new(place),
            shared,
        }
    }

    fn place(&self) -> MutexGuard<'_, ConnectionPlace> {
        locked(&self.place)
    }

    /// The time for a head.
    pub(super) fn patience(&self) -> Duration {
        let timeout = self.shared.header_read_timeout;
        match self.place().is_reserved() {
            true => timeout.min(PATIENCE),
            false => timeout,
        }
    }

    /// The refusal of a request of which all has come, if it is to be refused at once.
    pub(super) fn shed(&self, request: &mut Request<Incoming>) -> Option<Response> {
        let front = self.shared.front.as_ref()?;
        // A request that waits for a place is not answered at once.
        match self.place().is_reserved() {
            true => None,
            false => front.refused(request),
        }
    }

    /// Returns true if the connection has a place of its own, or gets one for what is asked.
    pub(super) async fn is_placed(&self, path: &str) -> bool {
        let wanted = {
            let place = self.place();
            place.asks();
            place.wanted()
        };
        let Some(wanted) = wanted else {
            return true;
        };
        if ConnectionPlace::answers(path) {
            return false;
        }
        let Some(place) = ConnectionPlace::wait_for(wanted).await else {
            return false;
        };
        *self.place() = place;
        true
    }

    pub(super) fn progress(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    pub(super) fn phase(&self) -> Phase {
        match self.progress() & 3 {
            0 => Phase::Idle,
            1 => Phase::Head,
            _ => Phase::Answer,
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        let next = (self.progress() | 3).wrapping_add(1);
        self.progress.store(next | phase as u64, Ordering::Relaxed);
    }
}

pub(super) fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
