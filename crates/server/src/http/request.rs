//! The request in hand: its marks, and its caller.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};

use super::connection_caller::ConnectionCaller;
use crate::callers::Caller;
use peppol_authz_engine::RequestMarks;

/// The header by which a caller names a request.
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header by which traces are joined.
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

tokio::task_local! {
    /// The request that this task answers: its marks, for the decision log, and its caller.
    static REQUEST: (RequestMarks, Arc<Caller>);
}

/// The most bytes of a request's name that are logged.
const LONGEST_ID: usize = 128;

/// The marks of the request in hand.
pub(super) fn current_marks() -> RequestMarks {
    REQUEST
        .try_with(|(marks, _)| marks.clone())
        .unwrap_or_default()
}

/// The caller of the request in hand.
pub(super) fn current_caller() -> Arc<Caller> {
    let known = REQUEST.try_with(|(_, caller)| Arc::clone(caller));
    known.unwrap_or_else(|_| ConnectionCaller::of(None))
}

/// Answers a request of a caller, with its marks.
pub(super) async fn answered_for<T>(
    marks: RequestMarks,
    caller: &Arc<Caller>,
    answer: impl Future<Output = T>,
) -> T {
    REQUEST.scope((marks, Arc::clone(caller)), answer).await
}

/// The marks of a request. What has not the form of one is left out: it is written to a log.
pub(super) fn marks(headers: &HeaderMap) -> RequestMarks {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
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
