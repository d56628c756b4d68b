//! `/authz/…`: what gateways ask before they let a request through.
//!
//! Each endpoint reads method and target from what its gateway sets, and from nothing else: a
//! client can write every other header, and the gateways pass them on. What leaves here is 200, 401,
//! 403 or a server error, as the gateways make something else of everything else: nginx a 500 of a
//! 404, Envoy an answer to the client of a 204.

mod answer;
mod ask;
mod certificate;
mod denial;
mod family;
mod grpc;
mod shown;
mod who;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use self::answer::Answer;
use self::ask::{Asked, Payload, Target};
use super::connection::Peer;
use super::openapi::{Forwarded, GatewayAnswers, Original};
use super::{App, Problem};
use crate::config;
use peppol_authz_engine::schema::{Misfit, Schema};

pub use grpc::{messages, serve_envoy};

/// The surface's settings, in the form that a request needs.
#[derive(Debug)]
pub struct Gateway {
    endpoints: Vec<Endpoint>,
    who: who::Believed,
    denial: denial::Denial,
    /// Whether the request may demand a state of the store.
    demands: bool,
    /// `WWW-Authenticate` where no token was sent, and where one was.
    challenges: [HeaderValue; 2],
}

/// Where it is asked, which says how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Endpoint {
    Nginx,
    Envoy,
    /// Envoy's gRPC, on a listener of its own.
    EnvoyGrpc,
    Traefik,
    Caddy,
    Haproxy,
}

/// What Envoy's own paths are put behind.
const ENVOY: &str = "/authz/envoy";

// === impl Endpoint ===

impl Endpoint {
    /// Its label.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Envoy => "envoy",
            Self::EnvoyGrpc => "envoy_grpc",
            Self::Traefik => "traefik",
            Self::Caddy => "caddy",
            Self::Haproxy => "haproxy",
        }
    }

    /// Whether the gateway can be told to pass a body on.
    fn passes_body(self) -> bool {
        !matches!(self, Self::Nginx | Self::Caddy)
    }
}

impl From<config::GatewayEndpoint> for Endpoint {
    fn from(endpoint: config::GatewayEndpoint) -> Self {
        match endpoint {
            config::GatewayEndpoint::Nginx => Self::Nginx,
            config::GatewayEndpoint::Envoy => Self::Envoy,
            config::GatewayEndpoint::Traefik => Self::Traefik,
            config::GatewayEndpoint::Caddy => Self::Caddy,
            config::GatewayEndpoint::Haproxy => Self::Haproxy,
        }
    }
}

// === impl Gateway ===

impl Gateway {
    /// By the settings.
    #[must_use]
    pub fn new(settings: &config::Gateway) -> Self {
        let endpoints = settings.endpoints.iter().copied().map(Endpoint::from);
        let challenge = |error: &str| {
            let text = format!("Bearer realm=\"{}\"{error}", settings.realm);
            HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"))
        };
        Self {
            endpoints: endpoints.collect(),
            who: who::Believed::new(settings),
            denial: denial::Denial::new(settings.denial.as_ref()),
            demands: settings.demands,
            challenges: [challenge(""), challenge(", error=\"invalid_token\"")],
        }
    }

    /// Whether the schema has whom headers and certificates are said to name.
    ///
    /// # Errors
    /// The first that it has not.
    pub fn check(&self, schema: &Schema) -> Result<(), Misfit> {
        self.who.check(schema)
    }

    fn answers(&self, endpoint: Endpoint) -> bool {
        // That one is there where it is listened for.
        endpoint == Endpoint::EnvoyGrpc || self.endpoints.contains(&endpoint)
    }
}

/// The routes of this surface.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(by_any_method(routes!(nginx), any(nginx)))
        .routes(by_any_method(routes!(envoy), any(envoy)))
        .routes(by_any_method(routes!(traefik), any(traefik)))
        .routes(by_any_method(routes!(caddy), any(caddy)))
        .routes(by_any_method(routes!(haproxy), any(haproxy)))
}

/// The document says one method; all are taken, as it is the request's own, or whatever the
/// gateway's author thought best.
fn by_any_method(
    (schemas, paths, _): UtoipaMethodRouter<Arc<App>>,
    router: MethodRouter<Arc<App>>,
) -> UtoipaMethodRouter<Arc<App>> {
    (schemas, paths, router)
}

/// What is on no route: Envoy's `/` is, which no pattern of a path matches, and so is what is like
/// an endpoint and is none.
pub(super) async fn unrouted(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Problem> {
    match request.uri().path().strip_prefix("/authz") {
        // Envoy's own paths begin with `/`: what does not is malformed, and nginx makes a 500 of a 404.
        Some(_) => Ok(respond(&app, Endpoint::Envoy, request).await),
        None => Err(Problem::NotFound),
    }
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

async fn respond(app: &App, endpoint: Endpoint, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let find = |name: &str| values(headers, name);
    let target = target(endpoint, &parts.method, &parts.uri, headers);
    let asked = Asked {
        endpoint,
        target,
        headers: &find,
        certificate: None,
        is_joined: false,
        peer: parts.extensions.get::<Peer>().copied(),
    };
    let answer: Answer = ask::answer(app, &asked, Payload::Arriving(body)).await;
    answer.into_response(app, headers)
}

fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a [u8]> {
    headers
        .get_all(name)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect()
}

/// Which request is asked about; `None` where the gateway does not say it in one way.
fn target<'a>(
    endpoint: Endpoint,
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
) -> Option<Target<'a>> {
    let Some(family) = family::of(endpoint) else {
        let target = uri.path_and_query()?.as_str().strip_prefix(ENVOY)?;
        if !target.starts_with('/') {
            return None;
        }
        return Some(Target {
            method: method.as_str(),
            target,
        });
    };
    Some(Target {
        method: family::one(headers, &family.method)?,
        target: family::one(headers, &family.target)?,
    })
}
