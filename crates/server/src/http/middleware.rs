//! The middleware of every request: it lets the caller in or not, and counts.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{self, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::access_log::Accessed;
use super::app::App;
use super::connection_caller::ConnectionCaller;
use super::framing::TargetFragment;
use super::metrics::route;
use super::problem::Problem;
use super::request::{REQUEST_ID, RequestInHand, answered_for, marks};
use super::traced::traced;
use super::{avp, cerbos, gateway};
use peppol_authz_engine::schema::Misfit;
use peppol_authz_engine::{Malformed, RequestMarks};

/// A request that is let in while others are refused has this among its extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct LetInAtHead;

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

/// The answer to a request that is not let in, in the words of the surface that it asked at.
pub(super) fn refusal<B>(app: &App, problem: &Problem, request: &Request<B>) -> Response {
    match request.uri().path() {
        "/" => avp::refusal(problem),
        "/api/plan/resources" => cerbos::refusal(problem),
        path if path.starts_with("/authz") => gateway::refusal(app, problem, request.headers()),
        _ => problem.response(),
    }
}

/// Every request through the router is let in or refused, and counted.
pub(super) async fn counted(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    admitted(&app, request, |request| next.run(request)).await
}

/// Counts a request that other routes let in or refuse.
pub(super) async fn counted_beside(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let arrived = Arrived::of(&app, &request);
    let response = match is_readable(&request) {
        true => next.run(request).await,
        false => fragment().into_response(),
    };
    arrived.finished(&app, "", response)
}

/// Lets the caller in or refuses it, gives `X-Request-ID` back as it was sent, and counts the request. All of it is
/// one span, where there are traces.
pub(super) async fn admitted<F>(
    app: &App,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    traced(app, request, |request| let_in(app, request, answer)).await
}

async fn let_in<F>(app: &App, request: Request, answer: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let arrived = Arrived::of(app, &request);
    let path = arrived.path;
    let marks = match app.decision_log {
        Some(_) => marks(request.headers()),
        None => RequestMarks::default(),
    };
    let connected = ConnectionCaller::of(request.extensions().get());
    let is_gateway = request.uri().path().starts_with("/authz");
    let admitted = app
        .admit(connected, request.headers(), path, is_gateway)
        .await;
    let caller = match (&arrived.accessed, &admitted) {
        (Some(_), Ok(admitted)) => Some(Arc::clone(&admitted.caller)),
        _ => None,
    };
    let response = match admitted {
        Ok(admitted) if is_readable(&request) => {
            let in_hand = RequestInHand {
                marks,
                caller: Arc::clone(&admitted.caller),
                is_let_in: request.extensions().get::<LetInAtHead>().is_some(),
            };
            answered_for(in_hand, answer(request)).await
        }
        Ok(_) => fragment().into_response(),
        Err(problem) => refusal(app, &problem, &request),
    };
    let caller = caller.as_ref().map_or("", |caller| &caller.id);
    arrived.finished(app, caller, response)
}

/// The parts of a request that are kept until its answer.
pub(super) struct Arrived {
    path: &'static str,
    started: Instant,
    id: Option<HeaderValue>,
    accessed: Option<Accessed>,
}

impl Arrived {
    pub(super) fn of<B>(app: &App, request: &http::Request<B>) -> Self {
        let started = Instant::now();
        let (path, headers) = (route(request.uri().path()), request.headers());
        Self {
            path,
            started,
            id: headers.get(&REQUEST_ID).cloned(),
            accessed: app.access_log.begin(request.method(), path, headers),
        }
    }

    /// Gives the name of the request back as it was sent, and counts the answer to the path. The caller has no
    /// name where it was not let in.
    pub(super) fn finished(self, app: &App, caller: &str, mut response: Response) -> Response {
        if let Some(id) = self.id {
            response.headers_mut().insert(REQUEST_ID.clone(), id);
        }
        let (status, took) = (response.status().as_u16(), self.started.elapsed());
        app.metrics.requests.answered(self.path, status, took);
        if let Some(accessed) = self.accessed {
            accessed.answered(caller, &response, took);
        }
        response
    }
}
