//! Takes things out of an outbox and sends them, many in one message.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::collector::{Collector, Signal};
use super::outbox::{Counted, Outbox, SignalProgress};

/// Things of one message, at most.
const BATCH: usize = 512;

/// How long a thing waits for others.
const GATHER: Duration = Duration::from_millis(500);

/// How often a message is sent that the collector may take later, and the pauses between.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// Sends the things of one outbox.
pub(super) struct Courier<T> {
    inbox: Receiver<T>,
    progress: Arc<SignalProgress>,
    collector: Collector,
    signal: Signal,
    ending: watch::Receiver<bool>,
}

impl<T> Courier<T> {
    pub(super) fn of(
        outbox: Option<Outbox<T>>,
        inbox: Option<Receiver<T>>,
        (collector, signal, ending): (Collector, Signal, watch::Receiver<bool>),
    ) -> Option<Self> {
        let (outbox, inbox) = outbox.zip(inbox)?;
        Some(Self {
            inbox,
            progress: outbox.progress(),
            collector,
            signal,
            ending,
        })
    }

    /// The next things, as many as come together; none at the end.
    async fn next(&mut self) -> Vec<T> {
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            _ = self.inbox.recv_many(&mut batch, BATCH) => {}
            () = told(&mut self.ending) => {
                self.inbox.close();
                self.inbox.recv_many(&mut batch, BATCH).await;
                return batch;
            }
        }
        let until = Instant::now() + GATHER;
        while !batch.is_empty() && batch.len() < BATCH {
            let room = BATCH - batch.len();
            let more = async {
                tokio::select! {
                    more = self.inbox.recv_many(&mut batch, room) => more,
                    () = told(&mut self.ending) => 0,
                }
            };
            if !matches!(timeout_at(until, more).await, Ok(1..)) {
                break;
            }
        }
        batch
    }

    /// Sends a message of that many parts; drops it where the collector does not take it.
    async fn send(&mut self, message: &[u8], count: u64) {
        let mut pause = PAUSE;
        for last in (0..TRIES).map(|tried| tried + 1 == TRIES) {
            match self.collector.send(self.signal, message).await {
                Ok(rejected) => return self.progress.sent(count, rejected),
                Err(error) => {
                    self.progress.failed(&error);
                    if last || !error.may_pass() || *self.ending.borrow() {
                        break;
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = told(&mut self.ending) => {}
            }
            pause *= 4;
        }
        self.progress.dropped(count);
    }
}

/// Ends when it is told to, or by nobody any more.
async fn told(ending: &mut watch::Receiver<bool>) {
    let _ = ending.wait_for(|ending| *ending).await;
}

/// Sends what comes, until nothing more can come.
pub(super) async fn deliver<T: Counted>(
    courier: Option<Courier<T>>,
    pack: impl Fn(Vec<T>) -> Vec<u8>,
) {
    let Some(mut courier) = courier else {
        return;
    };
    loop {
        let batch = courier.next().await;
        if batch.is_empty() {
            return;
        }
        let count = batch.iter().map(Counted::count).sum();
        courier.send(&pack(batch), count).await;
    }
}
