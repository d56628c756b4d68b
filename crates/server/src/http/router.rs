//! All routes.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::openapi::OwnProblems;
use super::panic::panicked;
use super::problem::Problem;
use super::request::counted;
use super::{authzen, avp, cerbos, gateway, native, openapi, operations, plan, search};

/// All routes, each with what the document says of it.
fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(openapi::head())
        .merge(native::routes())
        .merge(search::routes())
        .merge(plan::routes())
        .merge(cerbos::routes())
        .merge(authzen::routes())
        .merge(avp::routes())
        .merge(gateway::routes())
        .routes(routes!(operations::livez))
        .routes(routes!(operations::readyz))
        .routes(routes!(operations::healthz))
        .routes(routes!(operations::version))
        .routes(routes!(operations::metrics))
        .routes(routes!(openapi_json))
}

/// Answers on all routes.
pub fn router(app: Arc<App>) -> Router {
    let of_panics = Arc::clone(&app);
    let (router, _) = routes().split_for_parts();
    router
        .fallback(gateway::unrouted)
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .layer(CatchPanicLayer::custom(
            move |panic: Box<dyn Any + Send>| panicked(&of_panics, &*panic).into_response(),
        ))
        .layer(from_fn_with_state(Arc::clone(&app), counted))
        .with_state(app)
}

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "operations",
    responses((status = 200, body = Object, description = "The document"), OwnProblems)
)]
async fn openapi_json(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    // Which types the store serves is not known before.
    app.readiness.ready_to_answer()?;
    let text = app
        .document
        .text(&app.engine, &app.limits, || routes().into_openapi())?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(CONTENT_TYPE, json)], text).into_response())
}

#[cfg(test)]
mod tests {
    use super::super::metrics::route;
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
            assert_eq!(route(path), path);
        }
    }
}
