//! Work that takes long: somebody begins it by a form, and looks for its result later.
//!
//! One errand runs at a time, of whatever kind, on a thread of its own: the workers that answer questions do none of it,
//! and go first where the processor is short. Its result is kept until the errand is run again; one about other policies than those
//! in force is not shown.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use peppol_authz_engine::behind_questions;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The turn that all errands share.
#[derive(Clone)]
pub(crate) struct ErrandTurn {
    turn: Arc<Semaphore>,
    /// The stack of a thread, in bytes.
    stack_bytes: usize,
}

/// One kind of errand, with its newest result.
pub(crate) struct Errand<T> {
    turn: ErrandTurn,
    state: Mutex<ErrandState<T>>,
}

/// How far an errand is.
pub(crate) enum ErrandState<T> {
    Never,
    Running(Arc<Steps>),
    Done(Arc<Finished<T>>),
}

/// The steps of an errand that runs.
pub(crate) struct Steps {
    pub(crate) began: SystemTime,
    done: AtomicUsize,
    all: AtomicUsize,
}

/// An errand that has ended.
pub(crate) struct Finished<T> {
    /// The revision that it is about.
    about: Arc<str>,
    pub(crate) began: SystemTime,
    pub(crate) took: Duration,
    pub(crate) result: Result<T, String>,
}

/// Why an errand is not begun.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotBegun {
    /// Another one runs, or the same.
    Busy,
    /// There is no thread for it.
    Failed(String),
}

impl ErrandTurn {
    pub(crate) fn new(stack_bytes: usize) -> Self {
        Self {
            turn: Arc::new(Semaphore::new(1)),
            stack_bytes,
        }
    }
}

impl Steps {
    /// Says how many there are.
    pub(crate) fn are(&self, all: usize) {
        self.all.store(all, Ordering::Relaxed);
    }

    /// Says that one is done.
    pub(crate) fn step(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// How many are done, of how many; `None` where nobody has counted them.
    pub(crate) fn far(&self) -> Option<(usize, usize)> {
        let all = self.all.load(Ordering::Relaxed);
        (all > 0).then(|| (self.done.load(Ordering::Relaxed), all))
    }
}

impl<T: Send + Sync + 'static> Errand<T> {
    pub(crate) fn new(turn: &ErrandTurn) -> Arc<Self> {
        Arc::new(Self {
            turn: turn.clone(),
            state: Mutex::new(ErrandState::Never),
        })
    }

    /// Begins it, about a revision.
    ///
    /// # Errors
    /// See [`NotBegun`].
    pub(crate) fn begin(
        self: &Arc<Self>,
        about: Arc<str>,
        work: impl FnOnce(&Steps) -> Result<T, String> + Send + 'static,
    ) -> Result<(), NotBegun> {
        let turn = Arc::clone(&self.turn.turn).try_acquire_owned();
        let turn = turn.map_err(|_| NotBegun::Busy)?;
        let steps = Arc::new(Steps {
            began: SystemTime::now(),
            done: AtomicUsize::new(0),
            all: AtomicUsize::new(0),
        });
        let own = Arc::clone(self);
        let before =
            std::mem::replace(&mut *self.state(), ErrandState::Running(Arc::clone(&steps)));
        let spawned = std::thread::Builder::new()
            .name("errand".to_owned())
            .stack_size(self.turn.stack_bytes)
            .spawn(move || {
                behind_questions();
                own.run(about, &steps, turn, work);
            });
        if let Err(error) = spawned {
            *self.state() = before;
            return Err(NotBegun::Failed(error.to_string()));
        }
        Ok(())
    }

    /// How far it is; a result about another revision counts as none.
    pub(crate) fn about(&self, now: &str) -> ErrandState<T> {
        match &*self.state() {
            ErrandState::Running(steps) => ErrandState::Running(Arc::clone(steps)),
            ErrandState::Done(done) if *done.about == *now => ErrandState::Done(Arc::clone(done)),
            ErrandState::Done(_) | ErrandState::Never => ErrandState::Never,
        }
    }

    fn run(
        &self,
        about: Arc<str>,
        steps: &Steps,
        turn: OwnedSemaphorePermit,
        work: impl FnOnce(&Steps) -> Result<T, String>,
    ) {
        let started = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| work(steps)));
        let result = result.unwrap_or_else(|_| Err("the program failed at it".to_owned()));
        *self.state() = ErrandState::Done(Arc::new(Finished {
            about,
            began: steps.began,
            took: started.elapsed(),
            result,
        }));
        // Not before: who sees the result may begin the next one.
        drop(turn);
    }

    fn state(&self) -> MutexGuard<'_, ErrandState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> ErrandState<T> {
    /// The result, where there is a good one.
    pub(crate) fn result(&self) -> Option<&T> {
        match self {
            Self::Done(done) => done.result.as_ref().ok(),
            Self::Never | Self::Running(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn until_done<T: Send + Sync + 'static>(errand: &Errand<T>, now: &str) -> Arc<Finished<T>> {
        loop {
            if let ErrandState::Done(done) = errand.about(now) {
                return done;
            }
            std::thread::yield_now();
        }
    }

    fn until_free(turn: &ErrandTurn) {
        while turn.turn.available_permits() == 0 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn one_runs_at_a_time_of_all_kinds_and_its_result_is_of_its_revision() {
        let turn = ErrandTurn::new(1 << 20);
        let (one, other) = (Errand::<u8>::new(&turn), Errand::<u8>::new(&turn));
        let (release, released) = channel::<()>();
        one.begin("a".into(), move |steps| {
            steps.are(2);
            steps.step();
            released.recv().map_err(|error| error.to_string())?;
            Ok(7)
        })
        .unwrap();
        assert_eq!(one.begin("a".into(), |_| Ok(8)), Err(NotBegun::Busy));
        assert_eq!(other.begin("a".into(), |_| Ok(8)), Err(NotBegun::Busy));
        assert!(matches!(one.about("b"), ErrandState::Running(_)));
        assert!(matches!(other.about("a"), ErrandState::Never));
        release.send(()).unwrap();
        assert_eq!(until_done(&one, "a").result, Ok(7));
        assert!(matches!(one.about("b"), ErrandState::Never));
        until_free(&turn);
        other
            .begin("a".into(), |_| panic!("the work fails"))
            .unwrap();
        assert!(until_done(&other, "a").result.is_err());
        until_free(&turn);
        assert_eq!(other.begin("a".into(), |_| Ok(8)), Ok(()));
    }
}
