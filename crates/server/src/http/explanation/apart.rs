//! Explains beside the workers, as it takes longer than anything else that they do.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::super::problem::Problem;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::{Decision, Explanation, Question, Unexplained};

/// An explanation, or why there is none.
pub(in crate::http) type Why = Result<Explanation, Unexplained>;

/// Explanations that are made at once, for all callers together. The others wait for their turn, as
/// long as their requests may take.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// Explains a decision on a thread of its own, and gives back what it was given.
pub(in crate::http) async fn explain(
    bundle: Arc<Bundle>,
    question: Question,
    decision: Decision,
) -> Result<(Question, Decision, Why), Problem> {
    apart(&AT_ONCE, move || {
        let why = Explanation::of(&bundle, &question, &decision);
        (question, decision, why)
    })
    .await
}

/// Does work on a thread that may block. Work goes on to its end even if nobody waits for it, and
/// keeps its turn until then.
async fn apart<T: Send + 'static>(
    turns: &'static Semaphore,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let turn = turns.acquire().await;
    let turn = turn.map_err(|error| Problem::Internal(error.to_string()))?;
    let done = spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    });
    done.await.map_err(|error| match error.try_into_panic() {
        // As if it had been done here.
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => Problem::Internal(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::task::{Context, Poll, Waker};

    fn turns(number: usize) -> &'static Semaphore {
        Box::leak(Box::new(Semaphore::new(number)))
    }

    #[tokio::test]
    async fn other_tasks_have_the_worker_meanwhile() {
        let (release, released) = mpsc::channel();
        let work = apart(turns(1), move || released.recv().unwrap());
        // There is one worker only: it gets here because the work is not done on it.
        let (found, ()) = tokio::join!(work, async { release.send(7).unwrap() });
        assert_eq!(found.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_turn_is_taken_until_the_work_is_done_and_not_until_nobody_waits() {
        let turns = turns(1);
        let (release, released) = mpsc::channel::<()>();
        let mut first = Box::pin(apart(turns, move || released.recv().unwrap()));
        let mut second = Box::pin(apart(turns, || 2));
        let mut context = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
        drop(first);
        assert_eq!(turns.available_permits(), 0);
        let waiting = matches!(second.as_mut().poll(&mut context), Poll::Pending);
        assert!(waiting);
        release.send(()).unwrap();
        assert_eq!(second.await.unwrap(), 2);
    }

    #[tokio::test]
    #[should_panic(expected = "the work fails")]
    async fn a_panic_is_one_of_the_request() {
        drop(apart(turns(1), || panic!("the work fails")).await);
    }
}
