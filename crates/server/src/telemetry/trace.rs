//! The trace of one request, as far as this program is in it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use super::context::TraceContext;
use super::messages::KeyValue;
use super::outbox::Outbox;
use super::spans::{ChildSpan, FinishedTrace, Noted, RequestSpan};
use peppol_authz_engine::Stages;

/// Stages, requests and decisions of one request that are told of, each.
const MOST: usize = 100;

tokio::task_local! {
    static CURRENT: Trace;
}

/// The trace of a request.
#[derive(Clone)]
pub struct Trace(Arc<TraceInHand>);

struct TraceInHand {
    context: TraceContext,
    /// The span of the caller.
    parent: Option<u64>,
    begun: Instant,
    recording: Option<Recording>,
}

struct Recording {
    stages: Arc<Stages>,
    /// `None` once it is sent.
    noted: Mutex<Option<Noted>>,
    outbox: Outbox<FinishedTrace>,
}

/// A request that is made for the one in hand.
pub struct ClientCall {
    trace: Trace,
    context: TraceContext,
    begun: Instant,
}

/// The trace of the request that this task answers.
#[must_use]
pub fn current() -> Option<Trace> {
    CURRENT.try_with(Trace::clone).ok()
}

/// The place in its trace of the request that this task answers.
#[must_use]
pub fn current_context() -> Option<TraceContext> {
    CURRENT.try_with(|trace| trace.0.context.clone()).ok()
}

impl Trace {
    pub(super) fn new(
        context: TraceContext,
        parent: Option<u64>,
        begun: Instant,
        outbox: Option<Outbox<FinishedTrace>>,
    ) -> Self {
        let recording = outbox.map(|outbox| Recording {
            stages: Arc::new(Stages::new(MOST)),
            noted: Mutex::new(Some(Noted::default())),
            outbox,
        });
        Self(Arc::new(TraceInHand {
            context,
            parent,
            begun,
            recording,
        }))
    }

    /// Answers a request, whose trace this is.
    pub async fn scope<T>(&self, answer: impl Future<Output = T>) -> T {
        CURRENT.scope(self.clone(), answer).await
    }

    /// The place of the answer in the trace.
    #[must_use]
    pub fn context(&self) -> &TraceContext {
        &self.0.context
    }

    /// Returns true if it is recorded.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.0.recording.is_some()
    }

    /// Returns true if its caller has a use for it: it is recorded, or in a trace of the caller's.
    #[must_use]
    pub fn is_of_interest(&self) -> bool {
        self.is_recorded() || self.0.parent.is_some()
    }

    /// Receives the stages of decisions, if it is recorded.
    #[must_use]
    pub fn stages(&self) -> Option<Arc<Stages>> {
        let recording = self.0.recording.as_ref()?;
        Some(Arc::clone(&recording.stages))
    }

    /// The questions were read.
    pub fn has_read(&self) {
        self.note(|noted| noted.read = noted.read.or(Some(Instant::now())));
    }

    /// The questions were decided. Of several times the last one counts.
    pub fn has_decided(&self) {
        self.note(|noted| noted.decided = Some(Instant::now()));
    }

    /// Notes a decision by its attributes.
    pub fn decided(&self, attributes: impl FnOnce() -> Vec<KeyValue>) {
        self.note(|noted| match noted.decisions.len() < MOST {
            true => noted.decisions.push((Instant::now(), attributes())),
            false => noted.decisions_left_out = noted.decisions_left_out.saturating_add(1),
        });
    }

    /// Notes the code of the problem that is answered.
    pub fn problem(&self, code: &'static str) {
        self.note(|noted| noted.problem = Some(code));
    }

    /// Begins a request to another program.
    #[must_use]
    pub fn call(&self) -> ClientCall {
        ClientCall {
            trace: self.clone(),
            context: self.0.context.child(),
            begun: Instant::now(),
        }
    }

    /// The request is answered: its spans are sent, if it is recorded.
    pub fn finish(&self, request: RequestSpan) {
        let Some(recording) = &self.0.recording else {
            return;
        };
        let noted = recording.noted().take();
        let Some(noted) = noted else {
            return;
        };
        recording.outbox.offer(FinishedTrace {
            context: self.0.context.clone(),
            parent: self.0.parent,
            begun: self.0.begun,
            ended: Instant::now(),
            ended_at: SystemTime::now(),
            request,
            noted,
            stages: recording.stages.take(),
        });
    }

    fn note(&self, note: impl FnOnce(&mut Noted)) {
        if let Some(recording) = &self.0.recording
            && let Some(noted) = recording.noted().as_mut()
        {
            note(noted);
        }
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Trace").field(&self.0.context).finish()
    }
}

impl Recording {
    fn noted(&self) -> MutexGuard<'_, Option<Noted>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientCall {
    /// The headers by which the other program joins the trace.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let state = self.context.tracestate().map(str::to_owned);
        let mut headers = vec![("traceparent", self.context.traceparent())];
        headers.extend(state.map(|state| ("tracestate", state)));
        headers
    }

    /// It was answered, or failed where there is no status.
    pub fn ended(self, method: &'static str, url: &str, status: Option<u16>) {
        let Self {
            trace,
            context,
            begun,
        } = self;
        trace.note(|noted| {
            if noted.calls.len() < MOST {
                let ended = Instant::now();
                noted.calls.push(ChildSpan::call(
                    context.span,
                    (begun, ended),
                    method,
                    url,
                    status,
                ));
            }
        });
    }
}
