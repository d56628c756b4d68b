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
use super::middleware::{counted, counted_beside};
use super::openapi::OwnProblems;
use super::panic::panicked;
use super::problem::Problem;
use super::{
    administration as acts, agent, authzen, avp, cerbos, gateway, native, openapi, operations,
    plan, search,
};

/// The routes of questions, each with what the document says of it.
fn questions() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(openapi::head())
        .merge(native::routes())
        .merge(search::routes())
        .merge(plan::routes())
        .merge(cerbos::routes())
        .merge(authzen::routes())
        .merge(avp::routes())
        .merge(gateway::routes())
}

/// The routes by which a probe asks.
fn health() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(operations::livez))
        .routes(routes!(operations::readyz))
        .routes(routes!(operations::healthz))
}

/// The other routes of operators.
fn administration() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(operations::version))
        .routes(routes!(operations::metrics))
        .routes(routes!(openapi_json))
        .merge(acts::routes())
        .merge(agent::routes())
}

/// All routes.
fn routes() -> OpenApiRouter<Arc<App>> {
    questions().merge(health()).merge(administration())
}

/// Answers on all routes.
pub fn router(app: Arc<App>) -> Router {
    finished(with_gateways(routes()), app)
}

/// Routes beside the program's own, to be merged with those of a listener. They are counted under one path, and a panic
/// is answered; who is let in they find out by themselves ([`Desk`](super::Desk)).
pub fn beside(app: Arc<App>, routes: Router) -> Router {
    let of_panics = Arc::clone(&app);
    routes
        .layer(CatchPanicLayer::custom(
            move |panic: Box<dyn Any + Send>| panicked(&of_panics, &*panic).into_response(),
        ))
        .layer(from_fn_with_state(app, counted_beside))
}

/// Answers questions and health, where administration has a listener of its own.
pub fn router_of_questions(app: Arc<App>) -> Router {
    finished(with_gateways(questions().merge(health())), app)
}

/// Answers what operators ask, on a listener of its own.
pub fn router_of_administration(app: Arc<App>) -> Router {
    let (router, _) = health().merge(administration()).split_for_parts();
    finished(router.fallback(async || Problem::NotFound), app)
}

/// With what gateways ask on paths that are no routes.
fn with_gateways(routes: OpenApiRouter<Arc<App>>) -> Router<Arc<App>> {
    let (router, _) = routes.split_for_parts();
    router.fallback(gateway::unrouted)
}

fn finished(router: Router<Arc<App>>, app: Arc<App>) -> Router {
    let of_panics = Arc::clone(&app);
    router
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .layer(CatchPanicLayer::custom(
            move |panic: Box<dyn Any + Send>| panicked(&of_panics, &*panic).into_response(),
        ))
        .layer(from_fn_with_state(Arc::clone(&app), counted))
        .with_state(app)
}

/// The description of these endpoints, in OpenAPI.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "operations",
    responses((status = 200, body = Object, description = "The document"), OwnProblems)
)]
async fn openapi_json(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    // The types that the store serves are not known before.
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
