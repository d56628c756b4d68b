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
mod disagreements;
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
use peppol_authz_engine::{Decided, Engine, behind_questions};

use counts::DisagreementLabels;
use judge::{Judge, ShadowOutcome};
use sample::Samples;

pub use counts::Counts;
pub use disagreements::{CountedKind, Disagreements, KeptDisagreement, ShadowDecision};
pub use options::ShadowOptions;

/// The rest after the last decision that waited. A thread that is woken for each decision costs more than
/// most of them.
const REST: Duration = Duration::from_millis(1);

/// Disagreements of one kind that are kept for people, in a minute.
const KEPT: usize = 10;

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
    disagreements: Option<Arc<Disagreements>>,
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
        let disagreements = options.keeps.then(|| Arc::new(Disagreements::new()));
        let told = DisagreementReceivers {
            counts: counts.clone(),
            samples,
            kept: disagreements.clone(),
            choice: Samples::new(KEPT, Pseudonyms::none()),
        };
        std::thread::Builder::new()
            .name("shadow".to_owned())
            .stack_size(options.stack_bytes)
            .spawn(move || {
                behind_questions();
                runtime.block_on(look_on(judge, decisions, told));
            })?;
        Ok(Self {
            queue,
            room: Room::new(options.queue_bytes),
            engine,
            counts,
            disagreements,
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
        if let Some(kept) = &self.disagreements {
            kept.begin();
        }
        Ok(())
    }

    /// Takes another store from now on.
    ///
    /// # Errors
    /// A store that does not fit the shadow's schema; it is not taken then.
    pub fn replace_store(&self, store: Arc<dyn Store>) -> Result<(), StoreError> {
        self.engine.replace_store(store)
    }

    /// Its policies.
    #[must_use]
    pub fn bundle(&self) -> Arc<Bundle> {
        Arc::clone(&self.engine.state().bundle)
    }

    /// The newest disagreements; `None` where nobody would look at them.
    #[must_use]
    pub fn disagreements(&self) -> Option<&Disagreements> {
        self.disagreements.as_deref()
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

/// Those who are told of a disagreement.
struct DisagreementReceivers {
    counts: Counts,
    /// Some are written to the log.
    samples: Samples,
    /// Some are kept for people, where they look.
    kept: Option<Arc<Disagreements>>,
    /// Which of them.
    choice: Samples,
}

impl DisagreementReceivers {
    fn tell(&mut self, decided: &Decided, outcome: &ShadowOutcome) {
        let now = Instant::now();
        // First: a reader of the counters finds it there.
        let labels = DisagreementLabels::new(decided, outcome);
        if let (Some(kept), Some(labels), false) = (
            &self.kept,
            &labels,
            matches!(outcome, ShadowOutcome::Failed(_)),
        ) {
            kept.count(labels);
            if self.choice.takes(labels, now) {
                kept.keep(decided, outcome, labels);
            }
        }
        let labels = self.counts.judged(outcome, labels);
        if let Some(labels) = labels
            && self.samples.takes(&labels, now)
        {
            self.samples.write(decided, outcome, &labels);
        }
    }
}

/// Looks at decisions, one after the other, for as long as any are offered.
async fn look_on(
    mut judge: Judge,
    mut decisions: mpsc::Receiver<Offered>,
    mut told: DisagreementReceivers,
) {
    while let Some((decided, _room)) = decisions.recv().await {
        let judged = AssertUnwindSafe(judge.judge(&decided)).catch_unwind();
        let outcome = judged.await.unwrap_or(ShadowOutcome::Failed("panic"));
        told.tell(&decided, &outcome);
        if decisions.is_empty() && decisions.max_capacity() >= ROOMY {
            tokio::time::sleep(REST).await;
        }
    }
}
