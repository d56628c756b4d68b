//! How many connections of a listener are in use.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::Semaphore;

use super::peers::Peers;

/// The places of a listener, to count those in use. It has none before it is served.
#[derive(Debug, Default)]
pub(crate) struct ConnectionsInUse(OnceLock<AllPlaces>);

#[derive(Debug)]
struct AllPlaces {
    places: Arc<Semaphore>,
    limit: usize,
    peers: Arc<Mutex<Peers>>,
}

/// Connections, each with their limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionsUsed {
    pub(super) all: (usize, usize),
    /// Of the peer that has most.
    pub(super) of_one_peer: (usize, usize),
}

impl ConnectionsInUse {
    /// Takes the places of the listener, which is served once.
    pub(super) fn are(&self, places: Arc<Semaphore>, limit: usize, peers: Arc<Mutex<Peers>>) {
        let _ = self.0.set(AllPlaces {
            places,
            limit,
            peers,
        });
    }

    /// The connections now; `None` before the listener is served.
    pub(super) fn used(&self) -> Option<ConnectionsUsed> {
        let known = self.0.get()?;
        let peers = known.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let free = known.places.available_permits();
        Some(ConnectionsUsed {
            all: (known.limit.saturating_sub(free), known.limit),
            of_one_peer: peers.most_used(),
        })
    }
}
