//! Work that takes long, which is done beside the workers: large requests, and explanations.
//!
//! Reading and deciding a request takes time by its length, and the longest piece of it cannot be
//! interrupted: Cedar evaluates a policy to its end. An explanation takes longer than anything else. So
//! such work gets threads of its own, a few of each kind for all callers together. The others wait for
//! their turn, as long as their requests may take. Short requests find their workers free, and a large
//! one is answered at its timeout whatever it is at.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::block_in_place;

use super::problem::{Overload, Problem};

/// The length from which a body is a long one, in bytes.
const LONG: usize = 16 << 10;

/// True if a body of that length makes a request large.
pub(super) fn is_large(bytes: usize) -> bool {
    bytes > LONG
}

/// The turns of one kind of work.
#[derive(Clone, Debug)]
pub struct WorkApart {
    turns: Arc<Semaphore>,
    /// Those that may have a turn or wait for one.
    places: Arc<Semaphore>,
    most: usize,
    /// Those that wait for one.
    waiting: Arc<AtomicUsize>,
    /// The stack of a thread, in bytes.
    stack_bytes: usize,
}

/// One that waits, counted until this is dropped.
struct Waiting<'a>(&'a AtomicUsize);

/// A turn, and the place that was waited for it on.
#[derive(Debug)]
struct WorkTurn {
    #[expect(dead_code, reason = "held for its drop")]
    place: OwnedSemaphorePermit,
    #[expect(dead_code, reason = "held for its drop")]
    turn: OwnedSemaphorePermit,
}

impl WorkApart {
    /// So many turns, and `most` that may have one or wait for it.
    #[must_use]
    pub fn new(turns: usize, most: usize, stack_bytes: usize) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS);
        Self {
            turns: Arc::new(Semaphore::new(turns)),
            places: Arc::new(Semaphore::new(most)),
            most,
            waiting: Arc::default(),
            stack_bytes,
        }
    }

    /// How many wait for their turn.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How many have a turn or wait for one, and how many may.
    pub(super) fn used(&self) -> (usize, usize) {
        let free = self.places.available_permits();
        (self.most.saturating_sub(free), self.most)
    }

    async fn turn(&self) -> Result<WorkTurn, Problem> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| Problem::Overloaded(Overload::LargeRequests))?;
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(&self.waiting);
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        drop(waiting);
        let turn = turn.map_err(|error| Problem::Internal(error.to_string()))?;
        Ok(WorkTurn { place, turn })
    }

    /// Works on a thread of its own: a thread of the runtime could be one that the work waits for. Where
    /// nobody waits for it any more, it ends at the next place at which it gives way; its turn is taken
    /// until then.
    ///
    /// # Errors
    /// Too many that wait for a turn, or no thread.
    pub async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.turn().await?;
        let (awaited, gone) = oneshot::channel::<()>();
        let (sender, done) = oneshot::channel();
        let runtime = Handle::current();
        let work = move || {
            let _turn = turn;
            let work = AssertUnwindSafe(async {
                tokio::select! {
                    biased;
                    _ = gone => None,
                    done = work => Some(done),
                }
            });
            let done = catch_unwind(|| runtime.block_on(work));
            // Nobody may wait for it any more.
            let _ = sender.send(done);
        };
        std::thread::Builder::new()
            .name("apart".to_owned())
            .stack_size(self.stack_bytes)
            .spawn(work)
            .map_err(|error| Problem::Internal(error.to_string()))?;
        let done = done.await;
        drop(awaited);
        match done {
            Ok(Ok(Some(done))) => Ok(done),
            // As if it had been done here.
            Ok(Err(panic)) => resume_unwind(panic),
            Ok(Ok(None)) | Err(_) => Err(Problem::Internal("a thread was lost".to_owned())),
        }
    }

    /// The same for work that borrows: the worker's other tasks go on elsewhere meanwhile.
    ///
    /// # Errors
    /// Too many that wait for a turn.
    pub(super) async fn in_place<T>(&self, work: impl Future<Output = T>) -> Result<T, Problem> {
        let _turn = self.turn().await?;
        let runtime = Handle::current();
        Ok(match runtime.runtime_flavor() {
            // There is nowhere else.
            RuntimeFlavor::CurrentThread => work.await,
            _ => block_in_place(|| runtime.block_on(work)),
        })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[tokio::test]
    async fn other_tasks_have_the_worker_meanwhile() {
        let (release, released) = mpsc::channel();
        let large = WorkApart::new(1, 10, 1 << 20);
        let work = large.on_a_thread(async move { released.recv().unwrap() });
        // There is one worker only: it gets here because the work is not done on it.
        let (found, ()) = tokio::join!(work, async { release.send(7).unwrap() });
        assert_eq!(found.unwrap(), 7);
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_ends_where_it_gives_way_and_has_its_turn_until_then() {
        let large = WorkApart::new(1, 10, 1 << 20);
        let (release, released) = mpsc::channel::<()>();
        let (reach, reached) = mpsc::channel::<()>();
        let mut first = Box::pin(large.on_a_thread(async move {
            released.recv().unwrap();
            tokio::task::yield_now().await;
            reach.send(()).unwrap();
        }));
        let mut second = Box::pin(large.on_a_thread(async { 2 }));
        let mut context = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
        drop(first);
        let waiting = matches!(second.as_mut().poll(&mut context), Poll::Pending);
        assert!(waiting);
        assert_eq!(large.waiting(), 1);
        release.send(()).unwrap();
        assert_eq!(second.await.unwrap(), 2);
        assert!(reached.recv().is_err());
    }

    #[tokio::test]
    async fn those_beyond_are_refused_at_once() {
        let large = WorkApart::new(1, 2, 1 << 20);
        let (release, released) = mpsc::channel();
        let mut first = Box::pin(large.on_a_thread(async move { released.recv().unwrap() }));
        let mut second = Box::pin(large.on_a_thread(async { 2 }));
        let mut context = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
        for _ in 0..3 {
            let third = large.on_a_thread(async { 3 }).await;
            let overload = Problem::Overloaded(Overload::LargeRequests);
            assert_eq!(third.unwrap_err().code(), overload.code());
        }
        release.send(1).unwrap();
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (1, 2));
        assert_eq!(large.on_a_thread(async { 4 }).await.unwrap(), 4);
    }

    #[tokio::test]
    #[should_panic(expected = "the work fails")]
    async fn a_panic_is_one_of_the_request() {
        let large = WorkApart::new(1, 10, 1 << 20);
        drop(large.on_a_thread(async { panic!("the work fails") }).await);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn borrowed_work_leaves_the_worker_to_others() {
        let (release, released) = mpsc::channel();
        let large = WorkApart::new(1, 10, 1 << 20);
        let other = tokio::spawn(async move { release.send(7).unwrap() });
        let (waiting, found) = (
            &released,
            large.in_place(async { released.recv().unwrap() }),
        );
        assert_eq!(found.await.unwrap(), 7);
        assert!(waiting.try_recv().is_err());
        other.await.unwrap();
    }
}
