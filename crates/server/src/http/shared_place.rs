//! The place of a connection over HTTP/2, whose requests share it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::place::ConnectionPlace;

/// A connection's place; all clones are of one connection.
#[derive(Clone)]
pub(super) struct SharedPlace(Arc<Mutex<ConnectionPlace>>);

impl SharedPlace {
    pub(super) fn new(place: ConnectionPlace) -> Self {
        Self(Arc::new(Mutex::new(place)))
    }

    /// A request has come: the place is not lost to the next any more.
    pub(super) fn asks(&self) {
        self.place().asks();
    }

    /// Returns true if the connection has a place of its own, or gets one.
    pub(super) async fn is_own(&self) -> bool {
        let Some(wanted) = self.place().wanted() else {
            return true;
        };
        let Some(place) = ConnectionPlace::wait_for(wanted).await else {
            return false;
        };
        *self.place() = place;
        true
    }

    fn place(&self) -> MutexGuard<'_, ConnectionPlace> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
