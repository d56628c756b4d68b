//! The accept loop, and the drain at its end. Both servers have this one.
//!
//! A failing `accept` never ends the loop. Without free file descriptors it waits until some are free:
//! the connections that are open still deserve their answers.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::connection_peer::ConnectionPeer;
use super::listener::{Listener, Stream};
use super::peers::Peers;
use super::place::{ConnectionPlace, OwnPlaces, ReservedPlaces};
use super::server_state::Stage;
use crate::config::Server;

/// The first pause after a failed `accept`, doubled up to the last one.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// How often the log says that the limit of connections is reached.
const REMINDER: Duration = Duration::from_secs(60);

/// Accepts connections on `listener`, `reserved` of them beyond their limits, until `shutdown` is ready,
/// and has each of them driven by a task of its own.
///
/// Then it stops to accept (a Unix socket's file is removed), calls `draining`, and tells connections
/// to finish. It waits for them up to `limits.drain_timeout`, cuts what is left and returns how many
/// were cut. Dropping the future cuts all.
pub(super) async fn accept<D, F>(
    listener: Listener,
    limits: &Server,
    reserved: usize,
    shutdown: impl Future<Output = ()>,
    draining: impl FnOnce(),
    drive: D,
) -> usize
where
    D: Fn(Stream, ConnectionPeer, ConnectionPlace, watch::Receiver<Stage>) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let stages = watch::Sender::new(Stage::Serve);
    let mut door = Door::new(listener, limits, reserved);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let ((stream, peer), place) = tokio::select! {
            biased;
            () = shutdown.as_mut() => break,
            entered = door.enter() => entered,
        };
        let reserved = place.reserved_one();
        let driven = drive(stream, peer, place, stages.subscribe());
        match reserved {
            None => drop(tokio::spawn(driven)),
            Some(reserved) => drop(tokio::spawn(async move {
                tokio::select! {
                    biased;
                    () = driven => {}
                    () = reserved.is_lost() => {}
                }
            })),
        }
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

/// Lets connections in, one for each free place.
struct Door {
    listener: Listener,
    places: Arc<Semaphore>,
    reserved: ReservedPlaces,
    peers: Arc<Mutex<Peers>>,
    limit: usize,
    pause: Duration,
    all_reminded: Reminder,
    peer_reminded: Reminder,
}

/// When the log was last told of something that goes on.
#[derive(Default)]
struct Reminder(Option<Instant>);

/// A place before it is known whose connection it is for.
enum FreePlace {
    Own(OwnedSemaphorePermit),
    Reserved(OwnedSemaphorePermit),
    /// A reserved one, whose connection says nothing and loses it.
    OfSilent,
}

// === impl Reminder ===

impl Reminder {
    fn is_due(&mut self) -> bool {
        let is_due = self.0.is_none_or(|at| at.elapsed() >= REMINDER);
        if is_due {
            self.0 = Some(Instant::now());
        }
        is_due
    }
}

// === impl Door ===

impl Door {
    fn new(listener: Listener, limits: &Server, reserved: usize) -> Self {
        let places = limits.connections.min(Semaphore::MAX_PERMITS);
        let limit = places;
        let places = Arc::new(Semaphore::new(places));
        let peers = Arc::new(Mutex::new(Peers::new(limits.of_one_peer())));
        let in_use = &listener.traits().in_use;
        in_use.are(Arc::clone(&places), limit, Arc::clone(&peers));
        Self {
            listener,
            places,
            reserved: ReservedPlaces::new(reserved),
            peers,
            limit: limits.connections,
            pause: FIRST_PAUSE,
            all_reminded: Reminder::default(),
            peer_reminded: Reminder::default(),
        }
    }

    /// Waits for a place, and then for a connection: who finds none waits in the kernel's queue. A
    /// connection whose peer has as many as it may have gets a reserved place; it is closed if none is free
    /// and nobody on one is silent.
    /// Dropping the future loses no other connection.
    async fn enter(&mut self) -> ((Stream, ConnectionPeer), ConnectionPlace) {
        loop {
            let place = self.free_place().await;
            let (stream, peer) = self.accepted().await;
            if let Some(place) = self.given(place, peer) {
                return ((stream, peer), place);
            }
        }
    }

    async fn free_place(&mut self) -> FreePlace {
        if self.places.available_permits() == 0 && self.all_reminded.is_due() {
            tracing::warn!(
                limit = self.limit,
                "all connections are in use, others wait"
            );
        }
        let reserved = self.reserved.free();
        let none_is_free =
            self.places.available_permits() == 0 && reserved.available_permits() == 0;
        if none_is_free && self.reserved.has_silent() {
            return FreePlace::OfSilent;
        }
        loop {
            let (own, reserved) = (Arc::clone(&self.places), Arc::clone(&reserved));
            // No semaphore here is ever closed.
            tokio::select! {
                biased;
                Ok(held) = own.acquire_owned() => return FreePlace::Own(held),
                Ok(held) = reserved.acquire_owned() => return FreePlace::Reserved(held),
                else => tokio::time::sleep(LAST_PAUSE).await,
            }
        }
    }

    async fn accepted(&mut self) -> (Stream, ConnectionPeer) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => {
                    self.pause = FIRST_PAUSE;
                    return accepted;
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

    /// The place that a connection of this peer gets, `None` if it has to be closed.
    fn given(&mut self, place: FreePlace, peer: ConnectionPeer) -> Option<ConnectionPlace> {
        let places = OwnPlaces {
            all: Arc::clone(&self.places),
            of_peer: {
                let peers = self.peers.lock();
                peers.unwrap_or_else(PoisonError::into_inner).of(peer)
            },
        };
        // By now one may have become free.
        let free = || Arc::clone(&self.places).try_acquire_owned().ok();
        let (own, reserved) = match place {
            FreePlace::Own(held) => (Some(held), None),
            FreePlace::Reserved(held) => (free(), Some(held)),
            FreePlace::OfSilent => (free(), None),
        };
        if let Some(held) = own {
            if let Some(place) = ConnectionPlace::own(held, &places) {
                return Some(place);
            }
            if self.peer_reminded.is_due() {
                tracing::warn!(
                    ?peer,
                    "a peer has as many connections as it may have: further ones are closed"
                );
            }
        }
        let reserved = match reserved {
            Some(held) => self.reserved.given(held),
            None => self.reserved.take()?,
        };
        Some(ConnectionPlace::reserved(reserved, places))
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
        let limits = crate::config::Config::defaults().unwrap().server;
        let mut door = Door::new(listener, &limits, 0);
        let no_descriptors = io::Error::from_raw_os_error(24);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            assert_eq!(door.pause_after(&ErrorKind::ConnectionAborted.into()), None);
            pauses.push(door.pause_after(&no_descriptors).unwrap().as_millis());
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    }
}
