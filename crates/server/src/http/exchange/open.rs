//! How an exchange begins: ready, within the deadline, with the body.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;

use super::super::apart::is_large;
use super::super::app::App;
use super::super::body;
use super::super::delay::InHand;
use super::super::limits::Limits;
use super::super::problem::{Overload, Problem};
use super::super::request::{current_caller, current_is_let_in, current_marks};
use super::surface::{CountedFailure, Surface};
use crate::callers::{Caller, CallerPolicies};
use crate::telemetry::{self, Trace};
use peppol_authz_engine::{Failure, Malformed, RequestMarks, Session};

/// A request on its way to an answer, by one state of the policies.
pub(in crate::http) struct Exchange<'a> {
    pub(super) app: &'a App,
    pub(super) surface: Surface,
    /// When the work on it began: with the body read, or for a gateway before the body.
    pub(super) started: Instant,
    pub(super) session: Session,
    pub(super) marks: RequestMarks,
    /// The caller of this program.
    pub(super) caller: Arc<Caller>,
    /// The policies that permit what it asks, where callers are known.
    pub(super) policies_of_callers: Option<Arc<CallerPolicies>>,
    /// Its trace, if it is recorded.
    pub(super) trace: Option<Trace>,
    #[expect(dead_code, reason = "held for its drop")]
    in_hand: InHand,
}

/// A request that is let in, though it may have to wait for its turn yet.
struct LetIn {
    started: Instant,
    in_hand: InHand,
}

/// The facts about a request beside its words.
struct RequestTraits {
    marks: RequestMarks,
    caller: Arc<Caller>,
    trace: Option<Trace>,
}

/// The answer of a surface, as it is being made.
pub(in crate::http) type Answering<'e, T> =
    Pin<Box<dyn Future<Output = Result<T, Problem>> + Send + 'e>>;

/// Answers a request by its body, within the deadline; a large one apart from the workers. `head` is
/// what the surface finds wrong with the head of the request.
///
/// # Errors
/// A server that is not ready or has too much to do, the fault of the head, a body that is too large or
/// too late, an answer that takes too long, and whatever `answer` returns.
pub(in crate::http) async fn answered<F, T>(
    app: &Arc<App>,
    surface: Surface,
    head: Result<(), Problem>,
    body: Body,
    answer: F,
) -> Result<T, Problem>
where
    F: for<'e> FnOnce(Exchange<'e>, Bytes) -> Answering<'e, T> + Send + 'static,
    T: Send + 'static,
{
    app.readiness.ready_to_answer()?;
    head?;
    let of = RequestTraits::current(app);
    within(app, app.limits.request_timeout, async {
        // An answer before the body has come would close the connection.
        let text = body::read(body, &app.limits).await?;
        let let_in = LetIn::now(app)?;
        if !is_large(text.len()) {
            return answer(Exchange::begin(app, surface, of, let_in), text).await;
        }
        let own = Arc::clone(app);
        let trace = app.tracer.as_ref().and_then(|_| telemetry::current());
        let apart = async move { answer(Exchange::begin(&own, surface, of, let_in), text).await };
        let done = match trace {
            None => app.large.on_a_thread(apart).await,
            Some(trace) => {
                let apart = async move { trace.scope(apart).await };
                app.large.on_a_thread(apart).await
            }
        };
        done.map_err(|problem| noted(app, problem))?
    })
    .await?
}

/// Counts a question that does not fit. No other function makes a problem of one.
pub(in crate::http) fn refused(app: &App, malformed: Malformed) -> Problem {
    app.metrics.questions.malformed(malformed.code);
    Problem::Malformed(malformed)
}

/// Counts a problem that is an overload.
pub(super) fn noted(app: &App, problem: Problem) -> Problem {
    if let Problem::Overloaded(overload) = problem {
        app.metrics.overload.refused(overload);
    }
    problem
}

async fn within<T>(
    app: &App,
    rest: Duration,
    answer: impl Future<Output = T>,
) -> Result<T, Problem> {
    tokio::time::timeout(rest, answer)
        .await
        .map_err(|_| late(app))
}

/// Why an answer is late: what holds all of them is named.
fn late(app: &App) -> Problem {
    match &app.decision_log {
        Some(log) if log.holds_answers() => Problem::NotLogged,
        _ => Problem::TimedOut,
    }
}

impl RequestTraits {
    /// Those of the request in hand.
    fn current(app: &App) -> Self {
        let trace = app.tracer.as_ref().and_then(|_| telemetry::current());
        Self {
            marks: current_marks(),
            caller: current_caller(),
            trace: trace.filter(Trace::is_recorded),
        }
    }
}

impl LetIn {
    /// # Errors
    /// A server that has too much to do, unless the request was let in at its head.
    fn now(app: &App) -> Result<Self, Problem> {
        if !current_is_let_in() && !app.delay.lets_in() {
            return Err(noted(app, Problem::Overloaded(Overload::Workers)));
        }
        Ok(Self {
            started: Instant::now(),
            in_hand: app.delay.begin(),
        })
    }
}

impl<'a> Exchange<'a> {
    /// Begins without a body. The deadline counts from `arrived`.
    ///
    /// # Errors
    /// A server that is not ready, or has too much to do.
    pub(in crate::http) fn open(
        app: &'a App,
        surface: Surface,
        arrived: Instant,
    ) -> Result<Self, Problem> {
        app.readiness.ready_to_answer()?;
        let let_in = LetIn {
            started: arrived,
            ..LetIn::now(app)?
        };
        let of = RequestTraits::current(app);
        Ok(Self::begin(app, surface, of, let_in))
    }

    fn begin(app: &'a App, surface: Surface, of: RequestTraits, let_in: LetIn) -> Self {
        let LetIn { started, in_hand } = let_in;
        let RequestTraits {
            marks,
            caller,
            trace,
        } = of;
        let session = app.engine.session();
        let stages = trace.as_ref().and_then(Trace::stages);
        Self {
            app,
            surface,
            started,
            session: match stages {
                Some(stages) => session.watched(stages),
                None => session,
            },
            marks,
            caller,
            policies_of_callers: app.policies_of_callers(),
            trace,
            in_hand,
        }
    }

    /// The same over other entities, for a search: nobody observes it.
    pub(in crate::http) fn over(self, session: Session) -> Self {
        Self { session, ..self }
    }

    /// Waits for an answer within the deadline. A panic is the outer error, so that it is answered
    /// like any other.
    ///
    /// # Errors
    /// An answer that takes too long.
    pub(in crate::http) async fn guarded<T>(
        &self,
        answer: impl Future<Output = T>,
    ) -> Result<Result<T, Problem>, Box<dyn Any + Send>> {
        AssertUnwindSafe(within(self.app, self.rest(), answer))
            .catch_unwind()
            .await
    }

    /// Does the work on a body of that length, apart from the other tasks of the worker if it is a
    /// long one, and within the deadline.
    ///
    /// # Errors
    /// Work that takes too long.
    pub(in crate::http) async fn by_length<T>(
        &self,
        bytes: usize,
        work: impl Future<Output = T>,
    ) -> Result<T, Problem> {
        if !is_large(bytes) {
            return Ok(work.await);
        }
        let rest = self.rest();
        let work = async { tokio::time::timeout(rest, work).await };
        let done = Box::pin(self.app.large.in_place(work)).await;
        let done = done.map_err(|problem| noted(self.app, problem))?;
        done.map_err(|_| late(self.app))
    }

    /// The time that is left of the deadline.
    fn rest(&self) -> Duration {
        let timeout = self.app.limits.request_timeout;
        timeout.saturating_sub(self.started.elapsed())
    }

    /// The questions were read: the trace is told, if it is recorded.
    pub(super) fn has_read(&self) {
        if let Some(trace) = &self.trace {
            trace.has_read();
        }
    }

    /// They were decided.
    pub(super) fn has_decided(&self) {
        if let Some(trace) = &self.trace {
            trace.has_decided();
        }
    }

    pub(in crate::http) fn limits(&self) -> &'a Limits {
        &self.app.limits
    }

    /// The exact policies, schema and routes.
    pub(in crate::http) fn policy_revision(&self) -> &Arc<str> {
        &self.session.state.bundle.revision
    }

    /// Counts a question that does not fit.
    pub(in crate::http) fn refused(&self, malformed: Malformed) -> Problem {
        refused(self.app, malformed)
    }

    /// Counts a question that was not decided.
    pub(super) fn failed(&self, failure: Failure) -> Problem {
        match self.surface.told(failure) {
            CountedFailure::Malformed(malformed) => self.refused(malformed),
            CountedFailure::StoreFailure(problem @ Problem::Overloaded(_)) => {
                noted(self.app, problem)
            }
            CountedFailure::StoreFailure(problem) => {
                self.app.metrics.questions.store_failed();
                problem
            }
        }
    }
}
