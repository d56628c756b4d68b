//! The middleware of every request.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::HeaderName;
use axum::middleware::Next;
use axum::response::Response;

use super::app::App;
use super::metrics::route;

/// The header by which a caller names a request.
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives `X-Request-ID` back as it was sent, and counts the request.
pub(super) async fn counted(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request.headers().get(&REQUEST_ID).cloned();
    let path = route(request.uri().path());
    let mut response = next.run(request).await;
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID.clone(), id);
    }
    app.metrics
        .requests
        .answered(path, response.status().as_u16(), started.elapsed());
    response
}
