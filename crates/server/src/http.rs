//! The surfaces: wire to question, `engine.decide`, decision to wire.
//!
//! [`router`] needs no port, [`serve`] needs no router of a certain kind: tests
//! use either alone. One function, [`Problem::status`], turns an error into a
//! status.

mod authzen;
mod avp;
mod body;
mod connection;
mod explanation;
mod freshness;
mod gateway;
mod listener;
mod metrics;
mod native;
mod observe;
mod openapi;
mod operations;
mod page;
mod problem;
mod search;
mod serve;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderName;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::decision_log::DecisionLog;
use crate::identity::Tokens;
use crate::shadow::Shadow;
use peppol_authz_engine::Engine;

pub use authzen::Authzen;
pub use explanation::{ExplainKey, Explainers};
pub use gateway::{Gateway, messages as envoy, serve_envoy};
pub use listener::Listener;
pub use metrics::Metrics;
pub use native::answer_json;
pub use openapi::Document;
pub use operations::Readiness;
pub use page::Pages;
pub use problem::Problem;
pub use search::search_json;
pub use serve::serve;

/// What one request may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Questions in a batch.
    pub batch: usize,
    /// Entities in one page of a search.
    pub page: usize,
    /// Candidates that are decided for one page of a search.
    pub candidates: usize,
    /// Levels of arrays and objects in a question.
    pub json_depth: usize,
    /// Entities that a caller may describe in a question.
    pub entities: usize,
    /// How long a body may take to arrive.
    pub body_read_timeout: Duration,
    /// How long an answer may take.
    pub request_timeout: Duration,
}

/// What the handlers share.
pub struct App {
    /// Decides.
    pub engine: Arc<Engine>,
    /// What is counted.
    pub metrics: Metrics,
    /// What keeps it from being ready.
    pub readiness: Readiness,
    /// What one request may take.
    pub limits: Limits,
    /// Leads from one page of a search to the next.
    pub pages: Pages,
    /// What is said of the routes.
    pub document: Document,
    /// Who may have decisions explained.
    pub explainers: Explainers,
    /// What the AuthZEN surface says.
    pub authzen: Authzen,
    /// What gateways are believed and told.
    pub gateway: Gateway,
    /// Verifies the tokens of those whose requests gateways ask about.
    pub tokens: Option<Tokens>,
    /// A second set of policies, which looks on.
    pub shadow: Option<Shadow>,
    /// Takes every decision, where there is such a log.
    pub decision_log: Option<DecisionLog>,
}

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// All routes, each with what the document says of it.
fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(native::is_authorized))
        .routes(routes!(native::batch_is_authorized))
        .routes(routes!(search::search))
        .merge(authzen::routes())
        .routes(routes!(avp::avp))
        .merge(gateway::routes())
        .routes(routes!(operations::livez))
        .routes(routes!(operations::readyz))
        .routes(routes!(operations::healthz))
        .routes(routes!(operations::version))
        .routes(routes!(operations::metrics))
        .routes(routes!(openapi::openapi_json))
}

/// Answers on all routes.
pub fn router(app: Arc<App>) -> Router {
    let counted = Arc::clone(&app);
    let (router, _) = routes().split_for_parts();
    router
        .fallback(gateway::unrouted)
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .layer(CatchPanicLayer::custom(
            move |panic: Box<dyn Any + Send>| panicked(&counted, &*panic).into_response(),
        ))
        .layer(from_fn_with_state(Arc::clone(&app), observe))
        .with_state(app)
}

/// Counts a panic and logs it.
fn panicked(app: &App, panic: &(dyn Any + Send)) -> Problem {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or_default(), "a handler panicked");
    app.metrics.panicked();
    Problem::Internal("a handler panicked".to_owned())
}

/// Gives `X-Request-ID` back as it was sent, and counts the request.
async fn observe(
    axum::extract::State(app): axum::extract::State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let started = std::time::Instant::now();
    let id = request.headers().get(&REQUEST_ID).cloned();
    let path = metrics::route(request.uri().path());
    let mut response = next.run(request).await;
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID.clone(), id);
    }
    app.metrics
        .answered(path, response.status().as_u16(), started.elapsed());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_is_counted_under_its_own_path() {
        let document = routes().into_openapi();
        let fixed = document
            .paths
            .paths
            .keys()
            .filter(|path| !path.contains('{'));
        for path in fixed {
            assert_eq!(metrics::route(path), path);
        }
    }
}
