//! Metadata of this policy decision point, section 9 of the specification.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

use super::super::{App, Problem, openapi, problem};
use crate::config::{self, Reveal, is_host};
use peppol_authz_engine::Malformed;
use peppol_authz_engine::schema::Misfit;

/// Where the metadata are; the path of a base URL goes behind it.
pub(super) const WELL_KNOWN: &str = "/.well-known/authzen-configuration";

/// What the AuthZEN surface says, made of the settings.
#[derive(Debug)]
pub struct Authzen {
    reveal: Reveal,
    /// The metadata and the path of the base URL, where one is set.
    fixed: Option<(Bytes, String)>,
}

impl Authzen {
    /// By the settings.
    #[must_use]
    pub fn new(settings: &config::Authzen) -> Self {
        let fixed = settings.base_url.as_ref();
        Self {
            reveal: settings.reveal,
            fixed: fixed.map(|url| (metadata(url.as_str()), url.path().to_owned())),
        }
    }

    /// How much an answer says beside the decision.
    pub(super) fn reveal(&self) -> Reveal {
        self.reveal
    }
}

#[derive(Serialize)]
struct Metadata<'a> {
    policy_decision_point: &'a str,
    access_evaluation_endpoint: String,
    access_evaluations_endpoint: String,
    search_subject_endpoint: String,
    search_resource_endpoint: String,
    search_action_endpoint: String,
}

fn metadata(base: &str) -> Bytes {
    let at = |path: &str| format!("{}/access/v1/{path}", base.trim_end_matches('/'));
    let metadata = Metadata {
        policy_decision_point: base,
        access_evaluation_endpoint: at("evaluation"),
        access_evaluations_endpoint: at("evaluations"),
        search_subject_endpoint: at("search/subject"),
        search_resource_endpoint: at("search/resource"),
        search_action_endpoint: at("search/action"),
    };
    // A struct of strings always has a JSON form.
    serde_json::to_vec(&metadata).unwrap_or_default().into()
}

/// AuthZEN: which endpoints there are.
#[utoipa::path(
    get,
    path = "/.well-known/authzen-configuration",
    tag = "authzen",
    responses(
        (status = 200, body = openapi::Metadata, description = "The metadata"),
        (
            status = 400,
            body = problem::Body,
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
            // What one caller wrote is not for others.
            (metadata(&format!("http://{}", host(&headers)?)), "no-store")
        }
        _ => return Err(Problem::NotFound),
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static(caching)),
    ];
    Ok((headers, body).into_response())
}

/// The same behind the path of the base URL.
#[utoipa::path(
    get,
    path = "/.well-known/authzen-configuration/{*path}",
    tag = "authzen",
    params(("path" = String, Path, description = "The path of the base URL")),
    responses(
        (status = 200, body = openapi::Metadata, description = "The metadata"),
        (
            status = 404,
            body = problem::Body,
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
