//! Metadata of this policy decision point, section 9 of the specification.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::{IntoResponse, Response};

use super::super::app::App;
use super::super::openapi;
use super::super::problem::{Problem, ProblemBody};
use super::settings::metadata;
use crate::config::is_host;
use peppol_authz_engine::Malformed;
use peppol_authz_engine::schema::Misfit;

/// Where the metadata are; the path of a base URL goes behind it.
pub(super) const WELL_KNOWN: &str = "/.well-known/authzen-configuration";

/// AuthZEN: which endpoints there are.
#[utoipa::path(
    get,
    path = "/.well-known/authzen-configuration",
    tag = "authzen",
    responses(
        (status = 200, body = openapi::Metadata, description = "The metadata"),
        (
            status = 400,
            body = ProblemBody,
            content_type = "application/problem+json",
            description = "The `Host` is none, and no base URL is set",
        ),
    )
)]
pub(super) async fn configuration(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let path = uri.path().strip_prefix(WELL_KNOWN).unwrap_or_default();
    let (body, caching) = match &app.authzen.fixed {
        // Also without the path: a gateway may have taken it away.
        Some((metadata, base)) if path.is_empty() || path == base => {
            (metadata.clone(), "max-age=3600")
        }
        None if path.is_empty() => {
            let is_secured = app.tls.iter().any(|(name, _)| *name == "questions");
            let scheme = if is_secured { "https" } else { "http" };
            let host = host(&headers).map_err(Problem::Malformed)?;
            // It repeats a header of one caller, and is not for others.
            (metadata(&format!("{scheme}://{host}")), "no-store")
        }
        _ => return Err(Problem::NotFound),
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static(caching)),
    ];
    Ok((headers, body).into_response())
}

/// AuthZEN: which endpoints there are, behind the path of a base URL.
#[utoipa::path(
    get,
    path = "/.well-known/authzen-configuration/{*path}",
    tag = "authzen",
    params(("path" = String, Path, description = "The path of the base URL")),
    responses(
        (status = 200, body = openapi::Metadata, description = "The metadata"),
        (
            status = 404,
            body = ProblemBody,
            content_type = "application/problem+json",
            description = "The base URL has another path, or none",
        ),
    )
)]
pub(super) async fn configuration_of(
    app: State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    configuration(app, uri, headers).await
}

/// The host that a request names, if it can be put into a URL.
fn host(headers: &HeaderMap) -> Result<&str, Malformed> {
    let mut all = headers.get_all(HOST).iter();
    let host = match (all.next(), all.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => None,
    };
    host.filter(|host| is_host(host)).ok_or_else(|| Malformed {
        code: "MALFORMED_HOST",
        misfit: Misfit::new("one host as `HOST` or `HOST:PORT` is wanted").within("host"),
    })
}
