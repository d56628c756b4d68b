//! Operations: is the server alive, ready, of which version, how busy.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::app::App;
use super::openapi::OwnProblems;
use super::problem::Problem;
use super::request::current_caller;
use super::store_state::{StoreState, store_state};
use crate::callers::Callers;

/// The readiness of the server.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ready {
    /// True if questions should be sent here.
    pub ready: bool,
    /// Conditions that are not met yet.
    pub missing: Vec<String>,
    /// Faults that do not make the server unready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Tells if questions should be sent here, and what is missing if not.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operations",
    responses(
        (status = 200, body = Ready, description = "Ready for questions"),
        (status = 503, body = Ready, description = "Not ready for questions; `missing` says why")
    )
)]
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let mut ready = ready(&app).await;
    if !app.tells_reasons(&current_caller()) {
        ready.missing.clear();
        ready.warnings.clear();
    }
    let status = if ready.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(ready)).into_response()
}

/// The readiness now.
pub(super) async fn ready(app: &App) -> Ready {
    let readiness = &app.readiness;
    let mut missing = Vec::new();
    let mut warnings = Vec::new();
    if !readiness.is_started() {
        missing.push("start: the tenancy has not been imported or read yet".to_owned());
    }
    if readiness.is_draining() {
        missing.push("draining: it was told to stop".to_owned());
    }
    if let Err(why) = app.credentials.readiness() {
        missing.push(format!("keys: {why}"));
    }
    if app.credentials.health().api_keys_refused {
        let text =
            "api keys: the last change of the file was refused, the keys before it are in force";
        warnings.push(text.to_owned());
    }
    if app.callers.as_ref().is_some_and(Callers::is_refused) {
        let text = "callers: the last change of their policies or keys was refused, those before it are in force";
        warnings.push(text.to_owned());
    }
    for (listener, tls) in &app.tls {
        let health = tls.health();
        if health.expires_in <= 0 {
            missing.push(format!("tls: the certificate for {listener} has expired"));
        }
        if health.is_refused {
            warnings.push(format!(
                "tls: the last change of the certificate for {listener} was refused, the one before it is in force"
            ));
        }
    }
    if let Some(log) = &app.decision_log
        && log.stats().failing
    {
        match log.holds_answers() {
            true => {
                let text = "decision log: it cannot be written, and answers wait for it";
                missing.push(text.to_owned());
            }
            false => {
                let text = "decision log: it cannot be written, and answers leave without a line";
                warnings.push(text.to_owned());
            }
        }
    }
    match store_state(app).await {
        StoreState::Read => {}
        StoreState::FromMemory => warnings.push(
            "store: the tenancy store cannot be read; what is in memory is answered for a while"
                .to_owned(),
        ),
        StoreState::Gone(why) => missing.push(format!("store: {why}")),
    }
    if readiness.withholds().is_some() {
        let text = "store: refused policies hold back changed entities";
        missing.push(text.to_owned());
    }
    if let Some(why) = readiness.refused() {
        if readiness.is_strict() {
            missing.push(why)
        } else {
            warnings.push(why)
        }
    }
    Ready {
        ready: missing.is_empty(),
        missing,
        warnings,
    }
}

/// The process lives.
#[utoipa::path(
    get,
    path = "/livez",
    tag = "operations",
    responses((status = 200, body = String, content_type = "text/plain", description = "`ok`"))
)]
pub(super) async fn livez() -> &'static str {
    "ok"
}

/// The process lives: an older name of `/livez`.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operations",
    responses((status = 200, body = String, content_type = "text/plain", description = "`ok`"))
)]
pub(super) async fn healthz() -> &'static str {
    "ok"
}

/// The versions of the server.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version {
    name: &'static str,
    version: &'static str,
    cedar_policy: String,
    cedar_language: String,
    policy_revision: String,
}

/// Names the program, its versions and the policies in force.
#[utoipa::path(
    get,
    path = "/version",
    tag = "operations",
    responses((status = 200, body = Version, description = "The versions"))
)]
pub(super) async fn version(State(app): State<Arc<App>>) -> Response {
    Json(Version {
        name: crate::PROGRAM,
        version: env!("CARGO_PKG_VERSION"),
        cedar_policy: cedar_policy::get_sdk_version().to_string(),
        cedar_language: cedar_policy::get_lang_version().to_string(),
        policy_revision: app.engine.state().bundle.revision.to_string(),
    })
    .into_response()
}

/// The metrics, for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses(
        (
            status = 200,
            body = String,
            content_type = "application/openmetrics-text",
            description = "All samples",
        ),
        OwnProblems
    )
)]
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let text = app.metrics_text().await?;
    Ok((
        [(
            CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        text,
    )
        .into_response())
}
