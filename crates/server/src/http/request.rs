//! The request in hand: its marks, and its caller.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::connection_caller::ConnectionCaller;
use crate::callers::Caller;
use peppol_authz_engine::RequestMarks;

/// The header by which a caller names a request.
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header by which traces are joined.
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

tokio::task_local! {
    static REQUEST: RequestInHand;
}

/// The request that a task answers.
pub(super) struct RequestInHand {
    /// For the decision log.
    pub(super) marks: RequestMarks,
    pub(super) caller: Arc<Caller>,
    /// True if it was let in at its head, where too many come.
    pub(super) is_let_in: bool,
}

/// The most bytes of a request's name that are logged.
const LONGEST_ID: usize = 128;

/// The marks of the request in hand.
pub(super) fn current_marks() -> RequestMarks {
    REQUEST
        .try_with(|request| request.marks.clone())
        .unwrap_or_default()
}

/// The caller of the request in hand.
pub(super) fn current_caller() -> Arc<Caller> {
    let known = REQUEST.try_with(|request| Arc::clone(&request.caller));
    known.unwrap_or_else(|_| Arc::clone(ConnectionCaller::of(None).caller()))
}

/// True if the request in hand was let in at its head.
pub(super) fn current_is_let_in() -> bool {
    REQUEST
        .try_with(|request| request.is_let_in)
        .unwrap_or(false)
}

/// Answers a request, which `answer` can ask for.
pub(super) async fn answered_for<T>(request: RequestInHand, answer: impl Future<Output = T>) -> T {
    REQUEST.scope(request, answer).await
}

/// The marks of a request.
pub(super) fn marks(headers: &HeaderMap) -> RequestMarks {
    marks_of(|name| headers.get(name).map(HeaderValue::as_bytes))
}

/// The marks of a request whose headers are found so. What has not the form of one is left out: it is written to a
/// log.
pub(super) fn marks_of<'h>(header: impl Fn(&HeaderName) -> Option<&'h [u8]>) -> RequestMarks {
    let text = |name: &HeaderName| header(name).and_then(|value| str::from_utf8(value).ok());
    let is_id = |id: &&str| id.len() <= LONGEST_ID && id.bytes().all(|it| it.is_ascii_graphic());
    RequestMarks {
        request_id: text(&REQUEST_ID).filter(is_id).map(Into::into),
        traceparent: text(&TRACEPARENT)
            .filter(|it| is_traceparent(it))
            .map(Into::into),
    }
}

/// `VERSION-TRACE-SPAN-FLAGS`, in hexadecimal digits.
fn is_traceparent(text: &str) -> bool {
    let is_hex = |part: &str| {
        part.bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
    };
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([2, 32, 16, 2]) && parts.into_iter().all(is_hex)
}
