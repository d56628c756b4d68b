//! The shadow: a second bundle decides the same questions, to show the effect of a change before it
//! is made.
//!
//! 1. The exchange offers each decision with its bundle and the entities of its slice.
//!    [`Shadow::offer`] is one `try_send` of a pointer; a full queue drops it, counted.
//! 2. `judge`, on a thread, a runtime and a reader of the store of its own, decides the question by
//!    the second bundle. If its plan loads nothing beyond the first plan, the slice is enough, and once
//!    for a decision that is given again, where both agree. Else both bundles decide from one slice by both plans, in a state that holds that of the answer. So
//!    a write in between is no disagreement. Under two schemas both read, until both were in one
//!    state.
//! 3. `compare` finds the differences that a caller would notice, `counts` counts them, `sample`
//!    logs some of them in full.
//!
//! The shadow shows in metrics and in the log, and never in an answer or in `/readyz`.

mod compare;
mod counts;
mod judge;
mod options;
mod sample;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::decision_log::{Pseudonyms, Room};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::store::{Store, StoreError};
use peppol_authz_engine::{Decided, Engine};

use judge::{Judge, ShadowOutcome};
use sample::Samples;

pub use counts::Counts;
pub use options::ShadowOptions;

/// The rest after the last decision that waited. A thread that is woken for each decision costs more than
/// most of them.
const REST: Duration = Duration::from_millis(1);

/// A queue for as many decisions is not full after [`REST`].
const ROOMY: usize = 1000;

/// A decision, with the room that it takes until it was looked at.
type Offered = (Arc<Decided>, OwnedSemaphorePermit);

/// The second set of policies, and the way to it.
pub struct Shadow {
    queue: mpsc::Sender<Offered>,
    room: Room,
    engine: Arc<Engine>,
    counts: Counts,
}

impl Shadow {
    /// Starts the thread that decides. Only this thread reads `store`: the engine that answers
    /// questions should have another reader. In samples of disagreements, pseudonyms stand for ids
    /// that tell who somebody is.
    ///
    /// # Errors
    /// A store that does not fit the schema, a thread that cannot be started.
    pub fn start(
        store: Arc<dyn Store>,
        bundle: Arc<Bundle>,
        options: ShadowOptions,
        pseudonyms: Pseudonyms,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let counts = Counts::default();
        counts.taken(&bundle.revision);
        let engine = Arc::new(Engine::new(store, bundle, options.engine)?);
        let (queue, decisions) = mpsc::channel(options.capacity.max(1));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .thread_stack_size(options.stack_bytes)
            .enable_all()
            .build()?;
        let judge = Judge::new(Arc::clone(&engine), options);
        let samples = Samples::new(options.sample, pseudonyms);
        let counted = counts.clone();
        std::thread::Builder::new()
            .name("shadow".to_owned())
            .stack_size(options.stack_bytes)
            .spawn(move || runtime.block_on(look_on(judge, decisions, counted, samples)))?;
        Ok(Self {
            queue,
            room: Room::new(options.queue_bytes),
            engine,
            counts,
        })
    }

    /// Offers a decision. This never waits: where too many wait already, or it has ended, the
    /// decision is dropped and counted.
    pub fn offer(&self, decided: &Arc<Decided>) {
        // A denial without a question was decided by no policy.
        if decided.question.is_none() {
            return;
        }
        let is_taken = self.room.now(decided).is_some_and(|room| {
            let offered = (Arc::clone(decided), room);
            self.queue.try_send(offered).is_ok()
        });
        if !is_taken {
            self.counts.dropped();
        }
    }

    /// How many decisions wait, and how many may.
    #[must_use]
    pub fn used(&self) -> (usize, usize) {
        let all = self.queue.max_capacity();
        (all.saturating_sub(self.queue.capacity()), all)
    }

    /// Takes another set of policies from now on.
    ///
    /// # Errors
    /// A store that does not fit the schema; the set is not taken then.
    pub fn replace(&self, bundle: Arc<Bundle>) -> Result<(), StoreError> {
        let revision = Arc::clone(&bundle.revision);
        self.engine.replace(bundle)?;
        self.counts.taken(&revision);
        Ok(())
    }

    /// Takes another store from now on.
    ///
    /// # Errors
    /// A store that does not fit the shadow's schema; it is not taken then.
    pub fn replace_store(&self, store: Arc<dyn Store>) -> Result<(), StoreError> {
        self.engine.replace_store(store)
    }

    /// Counts a set of policies that was refused.
    pub fn refused(&self) {
        self.counts.refused();
    }

    /// The metrics of the shadow.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

/// Looks at decisions, one after the other, for as long as any are offered.
async fn look_on(
    mut judge: Judge,
    mut decisions: mpsc::Receiver<Offered>,
    counts: Counts,
    mut samples: Samples,
) {
    while let Some((decided, _room)) = decisions.recv().await {
        let judged = AssertUnwindSafe(judge.judge(&decided)).catch_unwind();
        let outcome = judged.await.unwrap_or(ShadowOutcome::Failed("panic"));
        let labels = counts.judged(&decided, &outcome);
        if let Some(labels) = labels
            && samples.takes(&labels, Instant::now())
        {
            samples.write(&decided, &outcome, &labels);
        }
        if decisions.is_empty() && decisions.max_capacity() >= ROOMY {
            tokio::time::sleep(REST).await;
        }
    }
}
