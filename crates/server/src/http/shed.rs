//! Questions that are refused at their heads, while more is asked than can be answered.
//!
//! A flood is survived if a refusal costs much less than an answer. So it is made as soon as hyper has read
//! a head, before routes, callers and the body, and its text is made once. The body has come with the head, and
//! hyper passes over it, so the connection goes on. A request whose body is still to come is refused once
//! it has arrived: to end the connection instead would cost both sides more.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use axum::http::Request;
use axum::response::Response;

use super::admission;
use super::app::App;
use super::metrics::route;
use super::middleware::refusal;
use super::problem::{Overload, Problem};
use super::readiness::PROBES;
use super::request::REQUEST_ID;

/// A request that is let in while others are refused has this among its extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct LetInAtHead;

/// Refuses a share of the questions of a listener.
pub struct Shedding(Arc<App>);

impl fmt::Debug for Shedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shedding").finish_non_exhaustive()
    }
}

impl Shedding {
    /// Refuses as many as the delay of the workers asks for.
    #[must_use]
    pub fn new(app: Arc<App>) -> Self {
        Self(app)
    }

    /// The refusal of a request, if it is to be refused.
    pub(super) fn refused<B>(&self, request: &mut Request<B>) -> Option<Response> {
        let app = &self.0;
        if !app.delay.refuses_some() {
            return None;
        }
        let came = Instant::now();
        let path = route(request.uri().path());
        if PROBES.contains(&path) || admission::operation(path).is_some() {
            return None;
        }
        if app.delay.lets_in() {
            request.extensions_mut().insert(LetInAtHead);
            return None;
        }
        let problem = Problem::Overloaded(Overload::Workers);
        app.metrics.overload.refused(Overload::Workers);
        let mut response = refusal(app, &problem, request);
        if let Some(id) = request.headers().get(&REQUEST_ID) {
            response
                .headers_mut()
                .insert(REQUEST_ID.clone(), id.clone());
        }
        let status = response.status().as_u16();
        app.metrics.requests.answered(path, status, came.elapsed());
        Some(response)
    }
}
