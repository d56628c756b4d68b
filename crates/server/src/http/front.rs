//! In front of the routes: the refusal of questions while more is asked than can be answered, and the
//! questions that come most often.
//!
//! A flood is survived if a refusal costs much less than an answer. So it is made as soon as hyper has read
//! a head, before routes, callers and the body, and its text is made once. The body has come with the head, and
//! hyper passes over it, so the connection goes on. A request whose body is still to come is refused once
//! it has arrived: to end the connection instead would cost both sides more.
//!
//! A decision from memory costs less than the way through axum's layers to it. So four paths are looked up here,
//! and the handlers are the same ones that the router has.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{self, Method};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use super::app::App;
use super::metrics::route;
use super::middleware::{Arrived, LetInAtHead, admitted, refusal};
use super::panic::panicked;
use super::problem::{Overload, Problem};
use super::readiness::PROBES;
use super::{admission, authzen, native};

/// The handler of a path that is asked at most often.
#[derive(Clone, Copy, Debug)]
pub(super) enum Handler {
    IsAuthorized,
    BatchIsAuthorized,
    Evaluation,
    Evaluations,
}

/// Stands before the routes of a listener of questions.
pub struct Front(Arc<App>);

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front").finish_non_exhaustive()
    }
}

impl Front {
    /// Before the routes of that server.
    #[must_use]
    pub fn new(app: Arc<App>) -> Self {
        Self(app)
    }

    /// The refusal of a request, if it is to be refused: as many are as the delay of the workers asks for.
    pub(super) fn refused<B>(&self, request: &mut http::Request<B>) -> Option<Response> {
        let app = &self.0;
        if !app.delay.refuses_some() {
            return None;
        }
        let path = route(request.uri().path());
        if PROBES.contains(&path) || admission::operation(path).is_some() {
            return None;
        }
        if app.delay.lets_in() {
            request.extensions_mut().insert(LetInAtHead);
            return None;
        }
        let arrived = Arrived::of(app, request);
        let problem = Problem::Overloaded(Overload::Workers);
        app.metrics.overload.refused(Overload::Workers);
        let response = refusal(app, &problem, request);
        Some(arrived.finished(app, "", response))
    }

    /// Answers a request by its handler.
    pub(super) async fn answer(&self, handler: Handler, request: Request) -> Response {
        let app = &self.0;
        let answered = |request| handler.answer(Arc::clone(app), request);
        // In a box: the connection keeps room for its largest future.
        Box::pin(admitted(app, request, answered)).await
    }
}

impl Handler {
    /// That of a request, if it is asked so often.
    pub(super) fn of(request: &Request) -> Option<Self> {
        if request.method() != Method::POST {
            return None;
        }
        match request.uri().path() {
            "/v1/is_authorized" => Some(Self::IsAuthorized),
            "/v1/batch_is_authorized" => Some(Self::BatchIsAuthorized),
            "/access/v1/evaluation" => Some(Self::Evaluation),
            "/access/v1/evaluations" => Some(Self::Evaluations),
            _ => None,
        }
    }

    async fn answer(self, app: Arc<App>, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let (state, headers) = (State(Arc::clone(&app)), head.headers);
        let answer = async {
            match self {
                Self::IsAuthorized => native::is_authorized(state, headers, body).await,
                Self::BatchIsAuthorized => native::batch_is_authorized(state, headers, body).await,
                Self::Evaluation => authzen::evaluation(state, headers, body).await,
                Self::Evaluations => authzen::evaluations(state, headers, body).await,
            }
        };
        match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(answer) => answer.into_response(),
            Err(panic) => panicked(&app, &*panic).into_response(),
        }
    }
}
