//! The middleware of every request.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::connection_caller::ConnectionCaller;
use super::framing::TargetFragment;
use super::metrics::route;
use super::problem::Problem;
use super::{avp, cerbos, gateway};
use crate::callers::Caller;
use peppol_authz_engine::schema::Misfit;
use peppol_authz_engine::{Malformed, RequestMarks};

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
fn marks(headers: &HeaderMap) -> RequestMarks {
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

/// No client of HTTP sends a fragment (RFC 9112, 3.2). Gateways are answered in their own words.
fn is_readable(request: &Request) -> bool {
    request.extensions().get::<TargetFragment>().is_none()
        || request.uri().path().starts_with("/authz")
}

fn fragment() -> Problem {
    Problem::Malformed(Malformed {
        code: "TARGET_MALFORMED",
        misfit: Misfit::new("the target has a fragment (`#`)"),
    })
}

/// The answer to a caller that is not let in, in the words of the surface that it asked at.
fn refusal(app: &App, problem: &Problem, request: &Request) -> Response {
    match request.uri().path() {
        "/" => avp::refusal(problem),
        "/api/plan/resources" => cerbos::refusal(problem),
        path if path.starts_with("/authz") => gateway::refusal(app, problem, request.headers()),
        _ => problem.response(),
    }
}

/// Lets the caller in or refuses it, gives `X-Request-ID` back as it was sent, and counts the request.
pub(super) async fn counted(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request.headers().get(&REQUEST_ID).cloned();
    let path = route(request.uri().path());
    let marks = match app.decision_log {
        Some(_) => marks(request.headers()),
        None => RequestMarks::default(),
    };
    let connected = ConnectionCaller::of(request.extensions().get());
    let is_gateway = request.uri().path().starts_with("/authz");
    let admitted = app
        .admit(connected, request.headers(), path, is_gateway)
        .await;
    let mut response = match admitted {
        Ok(admitted) if is_readable(&request) => {
            answered_for(marks, &admitted.caller, next.run(request)).await
        }
        Ok(_) => fragment().into_response(),
        Err(problem) => refusal(&app, &problem, &request),
    };
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID.clone(), id);
    }
    app.metrics
        .requests
        .answered(path, response.status().as_u16(), started.elapsed());
    response
}
