//! The place of a connection among those that may be open at once.
//!
//! Beyond their limit, and beyond that of their peer, some more are let in, so that the program can still be looked at: is it alive,
//! ready, how busy. Such a connection has little time for its head, and one answer. What asks for
//! anything else waits a while for a place of its own. Where these places are taken, the one that was silent
//! on one for longest loses it to the next ([`ReservedPlaces`]).

mod reserved;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(super) use reserved::{ReservedPlace, ReservedPlaces};

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
    held: HeldPlace,
    /// Among the places of its peer, where that has a limit.
    #[expect(dead_code, reason = "held for its drop")]
    of_peer: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
enum HeldPlace {
    /// Among all.
    Own(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit),
    /// Beyond them, with the places of its own that the connection may get.
    Reserved(Arc<ReservedPlace>, OwnPlaces),
}

/// The places of its own that a connection may get: it needs one of all, and one of its peer's.
#[derive(Clone, Debug)]
pub(super) struct OwnPlaces {
    pub(super) all: Arc<Semaphore>,
    /// `None` for a peer without a limit.
    pub(super) of_peer: Option<Arc<Semaphore>>,
}

impl ConnectionPlace {
    /// A place of its own, `held` among all; `None` where the peer has as many as it may have.
    pub(super) fn own(held: OwnedSemaphorePermit, places: &OwnPlaces) -> Option<Self> {
        let of_peer = match &places.of_peer {
            Some(places) => Some(Arc::clone(places).try_acquire_owned().ok()?),
            None => None,
        };
        let held = HeldPlace::Own(held);
        Some(Self { held, of_peer })
    }

    pub(super) fn reserved(held: Arc<ReservedPlace>, wanted: OwnPlaces) -> Self {
        Self {
            held: HeldPlace::Reserved(held, wanted),
            of_peer: None,
        }
    }

    pub(super) fn is_reserved(&self) -> bool {
        matches!(self.held, HeldPlace::Reserved(..))
    }

    /// Its place, if that is a reserved one.
    pub(super) fn reserved_one(&self) -> Option<Arc<ReservedPlace>> {
        match &self.held {
            HeldPlace::Own(_) => None,
            HeldPlace::Reserved(held, _) => Some(Arc::clone(held)),
        }
    }

    /// A request has come: the place is not lost to the next any more.
    pub(super) fn asks(&self) {
        if let HeldPlace::Reserved(held, _) = &self.held {
            held.asks();
        }
    }

    /// True if a request is answered wherever its connection stands.
    pub(super) fn answers(path: &str) -> bool {
        PATHS.contains(&path)
    }

    /// The places that a question waits for; `None` where it stands on one.
    pub(super) fn wanted(&self) -> Option<OwnPlaces> {
        match &self.held {
            HeldPlace::Own(_) => None,
            HeldPlace::Reserved(_, wanted) => Some(wanted.clone()),
        }
    }

    /// Waits a while for a place.
    pub(super) async fn wait_for(places: OwnPlaces) -> Option<Self> {
        let found = async {
            let of_peer = match places.of_peer {
                Some(places) => Some(places.acquire_owned().await.ok()?),
                None => None,
            };
            let held = HeldPlace::Own(places.all.acquire_owned().await.ok()?);
            Some(Self { held, of_peer })
        };
        tokio::time::timeout(WAIT, found).await.ok()?
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        if let HeldPlace::Reserved(held, _) = &self.held {
            held.leave();
        }
    }
}
