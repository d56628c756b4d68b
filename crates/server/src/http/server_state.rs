//! The state that all connections of a server share.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hyper::server::conn::http1;
use tower::Service;

use super::front::{Front, Handler};

/// The stage of a server. All connections watch one value of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Answer requests.
    Serve,
    /// Finish the request in hand, and close.
    Drain,
    /// Close.
    Cut,
}

/// The state that all connections of a server share.
#[derive(Debug)]
pub(crate) struct HttpServerState {
    pub(crate) http: http1::Builder,
    pub(crate) router: Router,
    /// Before the router of questions.
    pub(crate) front: Option<Front>,
    /// From the first byte of a head, or from connecting, to the end of the head.
    pub(crate) header_read_timeout: Duration,
    /// From an answer to the next request's first byte. Taking the answer counts.
    pub(crate) idle_timeout: Duration,
    /// Set before connections hear of [`Stage::Drain`]: each answer from then on says that it is
    /// the last one.
    pub(crate) is_draining: AtomicBool,
}

impl HttpServerState {
    pub(super) async fn answered(&self, request: axum::extract::Request) -> Response {
        if let (Some(front), Some(handler)) = (&self.front, Handler::of(&request)) {
            return front.answer(handler, request).await;
        }
        let Ok(response) = self.router.clone().call(request).await;
        response
    }
}
