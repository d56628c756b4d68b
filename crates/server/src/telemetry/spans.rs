//! A trace that is over, and the spans that are made of it.

use std::time::{Instant, SystemTime};

use super::context::{TraceContext, new_id};
use super::messages::traces::{Span, SpanEvent, SpanKind, SpanStatus, StatusCode};
use super::messages::{KeyValue, Value};
use super::outbox::Counted;
use super::process::nanoseconds;
use peppol_authz_engine::{SeenStages, Stage};

/// The flags of a span whose parent is known to be in another process, or not.
const PARENT_KNOWN: u32 = 0x100;
const PARENT_REMOTE: u32 = 0x200;

/// The notes about a request while it is answered.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// When its questions were read.
    pub(super) read: Option<Instant>,
    /// When they were decided.
    pub(super) decided: Option<Instant>,
    /// Requests that were made for it.
    pub(super) calls: Vec<ChildSpan>,
    /// The decisions.
    pub(super) decisions: Vec<(Instant, Vec<KeyValue>)>,
    /// How many more decisions there were.
    pub(super) decisions_left_out: u32,
    /// The code of the problem that was answered.
    pub(super) problem: Option<&'static str>,
}

/// The request and its answer.
#[derive(Debug)]
pub struct RequestSpan {
    /// The method.
    pub method: &'static str,
    /// The path of the route.
    pub route: &'static str,
    /// The status of the answer.
    pub status: u16,
}

/// A span below that of the request.
#[derive(Debug)]
pub(super) struct ChildSpan {
    id: u64,
    name: &'static str,
    kind: SpanKind,
    times: (Instant, Instant),
    attributes: Vec<KeyValue>,
    is_error: bool,
}

/// A trace that is over, as far as this program is in it.
#[derive(Debug)]
pub(super) struct FinishedTrace {
    pub(super) context: TraceContext,
    pub(super) parent: Option<u64>,
    pub(super) begun: Instant,
    pub(super) ended: Instant,
    /// The same by the clock.
    pub(super) ended_at: SystemTime,
    pub(super) request: RequestSpan,
    pub(super) noted: Noted,
    pub(super) stages: SeenStages,
}

impl ChildSpan {
    /// A request to another program.
    pub(super) fn call(
        id: u64,
        times: (Instant, Instant),
        method: &'static str,
        url: &str,
        status: Option<u16>,
    ) -> Self {
        let mut attributes = vec![
            KeyValue::new("http.request.method", method),
            KeyValue::new("url.full", url),
        ];
        if let Some(status) = status {
            let name = "http.response.status_code";
            attributes.push(KeyValue::new(name, Value::Int(status.into())));
        }
        Self {
            id,
            name: method,
            kind: SpanKind::Client,
            times,
            attributes,
            is_error: status.is_none_or(|status| status >= 400),
        }
    }

    fn stage(name: &'static str, times: (Instant, Instant)) -> Self {
        Self {
            id: new_id(),
            name,
            kind: SpanKind::Internal,
            times,
            attributes: Vec::new(),
            is_error: false,
        }
    }
}

impl Counted for FinishedTrace {
    fn count(&self) -> u64 {
        let noted = &self.noted;
        let ends = usize::from(noted.read.is_some()) + usize::from(noted.decided.is_some());
        let spans = 1 + ends + noted.calls.len() + self.stages.times.len();
        u64::try_from(spans).unwrap_or(u64::MAX)
    }
}

impl FinishedTrace {
    /// Its spans, that of the request first.
    pub(super) fn spans(mut self) -> Vec<Span> {
        let mut children = Vec::new();
        if let Some(read) = self.noted.read {
            children.push(ChildSpan::stage("read", (self.begun, read)));
        }
        children.append(&mut self.noted.calls);
        for time in std::mem::take(&mut self.stages.times) {
            let name = match time.stage {
                Stage::Slice => "slice",
                Stage::Store => "store",
                Stage::Decide | Stage::Recall => "decide",
            };
            let mut span = ChildSpan::stage(name, (time.begun, time.ended));
            if time.stage == Stage::Recall {
                let recalled = KeyValue::new("peppol_authz.recalled", Value::Bool(true));
                span.attributes.push(recalled);
            }
            children.push(span);
        }
        if let Some(decided) = self.noted.decided {
            children.push(ChildSpan::stage("answer", (decided, self.ended)));
        }
        let children: Vec<Span> = children
            .into_iter()
            .map(|child| self.below(child))
            .collect();
        let mut spans = vec![self.of_request()];
        spans.extend(children);
        spans
    }

    fn at(&self, instant: Instant) -> u64 {
        let before = self.ended.saturating_duration_since(instant);
        nanoseconds(self.ended_at.checked_sub(before).unwrap_or(self.ended_at))
    }

    fn span(&self, id: u64, times: (Instant, Instant)) -> Span {
        let (begun, ended) = times;
        Span {
            trace_id: self.context.trace_bytes(),
            span_id: id.to_be_bytes().to_vec(),
            trace_state: self.context.tracestate().unwrap_or_default().to_owned(),
            start_time_unix_nano: self.at(begun),
            end_time_unix_nano: self.at(ended),
            flags: self.context.flags() | PARENT_KNOWN,
            ..Span::default()
        }
    }

    fn below(&self, child: ChildSpan) -> Span {
        Span {
            parent_span_id: self.context.span_bytes(),
            name: child.name.to_owned(),
            kind: child.kind.into(),
            attributes: child.attributes,
            status: status(child.is_error),
            ..self.span(child.id, child.times)
        }
    }

    fn of_request(&mut self) -> Span {
        let RequestSpan {
            method,
            route,
            status: answered,
        } = self.request;
        let is_error = answered >= 500;
        let mut attributes = vec![
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.route", route),
            KeyValue::new("http.response.status_code", Value::Int(answered.into())),
        ];
        if let Some(code) = self.noted.problem {
            attributes.push(KeyValue::new("peppol_authz.problem", code));
        }
        if is_error {
            attributes.push(KeyValue::new("error.type", &*answered.to_string()));
        }
        if self.stages.left_out > 0 {
            let left_out = Value::Int(self.stages.left_out.into());
            attributes.push(KeyValue::new("peppol_authz.stages_left_out", left_out));
        }
        let mut decisions = std::mem::take(&mut self.noted.decisions);
        // One is told where everybody looks, and several one by one.
        if let [_] = decisions.as_slice() {
            let one = decisions.pop();
            attributes.extend(one.into_iter().flat_map(|(_, attributes)| attributes));
        }
        let events = decisions.into_iter().map(|(at, attributes)| SpanEvent {
            time_unix_nano: self.at(at),
            name: "decision".to_owned(),
            attributes,
        });
        let remote = self.parent.map_or(0, |_| PARENT_REMOTE);
        let span = self.span(self.context.span, (self.begun, self.ended));
        Span {
            parent_span_id: self
                .parent
                .map_or_else(Vec::new, |parent| parent.to_be_bytes().to_vec()),
            name: format!("{method} {route}"),
            kind: SpanKind::Server.into(),
            attributes,
            events: events.collect(),
            dropped_events_count: self.noted.decisions_left_out,
            status: status(is_error),
            flags: span.flags | remote,
            ..span
        }
    }
}

fn status(is_error: bool) -> Option<SpanStatus> {
    is_error.then(|| SpanStatus {
        code: StatusCode::Error.into(),
    })
}
