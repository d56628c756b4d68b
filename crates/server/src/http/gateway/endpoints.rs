//! The endpoints over HTTP.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Uri, Version};
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;
use uuid::Uuid;

use super::super::app::App;
use super::super::connection_peer::ConnectionPeer;
use super::super::framing::TargetFragment;
use super::super::freshness::values;
use super::super::openapi::{Forwarded, GatewayAnswers, Original, OriginalUrl};
use super::super::problem::Problem;
use super::answer::GatewayAnswer;
use super::check::check;
use super::endpoint::Endpoint;
use super::payload::Payload;
use super::request::{GatewayRequest, LineFault, RequestLine};

/// Envoy puts the path of the request behind this one.
const ENVOY: &str = "/authz/envoy";

/// The routes of this surface.
pub(in crate::http) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(by_any_method(routes!(nginx), any(nginx)))
        .routes(by_any_method(routes!(ingress_nginx), any(ingress_nginx)))
        .routes(by_any_method(routes!(envoy), any(envoy)))
        .routes(by_any_method(routes!(traefik), any(traefik)))
        .routes(by_any_method(routes!(caddy), any(caddy)))
        .routes(by_any_method(routes!(haproxy), any(haproxy)))
        .routes(by_any_method(routes!(apisix), any(apisix)))
}

/// The document names one method. All are taken: the method is the request's own, or one that the
/// author of the gateway chose.
fn by_any_method(
    (schemas, paths, _): UtoipaMethodRouter<Arc<App>>,
    router: MethodRouter<Arc<App>>,
) -> UtoipaMethodRouter<Arc<App>> {
    (schemas, paths, router)
}

/// Answers on paths without a route. Envoy's `/` is among them, as no pattern of a path matches it,
/// and so are paths that are like an endpoint and are none.
pub(in crate::http) async fn unrouted(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Problem> {
    match request.uri().path().strip_prefix("/authz") {
        // Envoy's own paths begin with `/`. Others are malformed, and nginx makes a 500 of a 404.
        Some(_) => Ok(respond(&app, Endpoint::Envoy, request).await),
        None => Err(Problem::NotFound),
    }
}

/// The answer to a gateway that is not let in itself, in the words that its client would get.
pub(in crate::http) fn refusal(app: &App, problem: &Problem, headers: &HeaderMap) -> Response {
    GatewayAnswer::failed(Uuid::now_v7(), problem).into_response(&app.gateway, headers)
}

/// nginx's `auth_request`: may this request go through?
///
/// By any method; `X-Original-Method` and `X-Original-URI` say which request.
#[utoipa::path(
    get,
    path = "/authz/nginx",
    tag = "gateways",
    params(Original),
    responses(GatewayAnswers)
)]
async fn nginx(State(app): State<Arc<App>>, request: Request) -> Response {
    respond(&app, Endpoint::Nginx, request).await
}

/// `auth-url` of Kubernetes' ingress-nginx: may this request go through?
///
/// By any method; `X-Original-Method` and `X-Original-URL` say which request.
#[utoipa::path(
    get,
    path = "/authz/ingress-nginx",
    tag = "gateways",
    params(OriginalUrl),
    responses(GatewayAnswers)
)]
async fn ingress_nginx(State(app): State<Arc<App>>, request: Request) -> Response {
    respond(&app, Endpoint::IngressNginx, request).await
}

/// Envoy's `ext_authz`: may this request go through?
///
/// By any method: it is the request's own, as path, query and body are.
#[utoipa::path(
    get,
    path = "/authz/envoy/{*path}",
    tag = "gateways",
    params(("path" = String, Path, description = "The path of the request")),
    responses(GatewayAnswers)
)]
async fn envoy(State(app): State<Arc<App>>, request: Request) -> Response {
    respond(&app, Endpoint::Envoy, request).await
}

/// Traefik's `forwardAuth`: may this request go through?
///
/// By any method; `X-Forwarded-Method` and `X-Forwarded-Uri` say which request, and the body may be
/// the request's own.
#[utoipa::path(
    get,
    path = "/authz/traefik",
    tag = "gateways",
    params(Forwarded),
    responses(GatewayAnswers)
)]
async fn traefik(State(app): State<Arc<App>>, request: Request) -> Response {
    respond(&app, Endpoint::Traefik, request).await
}

/// Caddy's `forward_auth`: may this request go through?
///
/// By any method; `X-Forwarded-Method` and `X-Forwarded-Uri` say which request.
#[utoipa::path(
    get,
    path = "/authz/caddy",
    tag = "gateways",
    params(Forwarded),
    responses(GatewayAnswers)
)]
async fn caddy(State(app): State<Arc<App>>, request: Request) -> Response {
    respond(&app, Endpoint::Caddy, request).await
}

/// HAProxy with a few lines of Lua: may this request go through?
///
/// By any method; `X-Original-Method` and `X-Original-URI` say which request.
#[utoipa::path(
    get,
    path = "/authz/haproxy",
    tag = "gateways",
    params(Original),
    responses(GatewayAnswers)
)]
async fn haproxy(State(app): State<Arc<App>>, request: Request) -> Response {
    respond(&app, Endpoint::Haproxy, request).await
}

/// APISIX's `forward-auth`: may this request go through?
///
/// By any method; `X-Forwarded-Method` and `X-Forwarded-Uri` say which request, and the body may be
/// the request's own.
#[utoipa::path(
    get,
    path = "/authz/apisix",
    tag = "gateways",
    params(Forwarded),
    responses(GatewayAnswers)
)]
async fn apisix(State(app): State<Arc<App>>, request: Request) -> Response {
    respond(&app, Endpoint::Apisix, request).await
}

async fn respond(app: &App, endpoint: Endpoint, request: Request) -> Response {
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let find = |name: &str| values(headers, name);
    let request = GatewayRequest {
        arrived,
        endpoint,
        line: match parts.extensions.get::<TargetFragment>() {
            Some(_) => Err(LineFault::Fragment),
            // Over HTTP/2 a fragment is cut off before it could be seen.
            None if is_told_by_target(app, endpoint) && parts.version == Version::HTTP_2 => {
                Err(LineFault::Unseen)
            }
            None => request_line(app, endpoint, &parts.method, &parts.uri, headers),
        },
        headers: &find,
        certificate: None,
        is_joined: false,
        peer: parts.extensions.get::<ConnectionPeer>().copied(),
    };
    let answer = check(app, &request, Payload::Arriving(body)).await;
    answer.into_response(&app.gateway, headers)
}

/// True if the target tells of the request that is asked about, and no header.
fn is_told_by_target(app: &App, endpoint: Endpoint) -> bool {
    app.gateway.families.of(endpoint).is_none()
}

/// The request that is asked about.
fn request_line<'a>(
    app: &App,
    endpoint: Endpoint,
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
) -> Result<RequestLine<'a>, LineFault> {
    if let Some(family) = app.gateway.families.of(endpoint) {
        return family.line(headers);
    }
    let target = uri.path_and_query();
    let target = target.and_then(|target| target.as_str().strip_prefix(ENVOY));
    let target = target.filter(|target| target.starts_with('/'));
    Ok(RequestLine {
        method: method.as_str(),
        target: target.ok_or(LineFault::NoPath(ENVOY))?,
    })
}
