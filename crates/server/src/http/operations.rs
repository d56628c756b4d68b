//! What is around the questions: is it alive, ready, which version, how busy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::OwnProblems;
use super::{App, Problem};
use crate::identity::Tokens;
use peppol_authz_engine::store::StoreError;

/// What keeps the program from being ready.
#[derive(Debug, Default)]
pub struct Readiness {
    started: AtomicBool,
    draining: AtomicBool,
    refused_reload: RwLock<Option<String>>,
    /// Whether a refused reload makes it unready, or is only shown.
    strict: bool,
}

impl Readiness {
    /// Not ready until [`Readiness::started`]. With `strict`, a reload that is
    /// refused makes it unready until one succeeds.
    #[must_use]
    pub fn new(strict: bool) -> Self {
        Self {
            strict,
            ..Self::default()
        }
    }

    /// The store holds what it should: questions can be answered.
    pub fn started(&self) {
        self.started.store(true, Ordering::Release);
    }

    /// No more requests should be sent here.
    pub fn draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// How the last reload ended: `Some` says why it was refused.
    pub fn reloaded(&self, refused: Option<String>) {
        *self
            .refused_reload
            .write()
            .unwrap_or_else(PoisonError::into_inner) = refused;
    }

    pub(super) fn ready_to_answer(&self) -> Result<(), Problem> {
        if self.started.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(Problem::NotReady)
        }
    }

    fn refused(&self) -> Option<String> {
        self.refused_reload
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Whether questions should be sent here.
#[derive(Serialize, ToSchema)]
pub(super) struct Ready {
    ready: bool,
    /// What it would take to be ready.
    missing: Vec<String>,
    /// What is not as it should be, ready or not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Whether questions should be sent here, and what is missing where not.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operations",
    responses(
        (status = 200, body = Ready, description = "They should"),
        (status = 503, body = Ready, description = "They should not")
    )
)]
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let readiness = &app.readiness;
    let mut missing = Vec::new();
    let mut warnings = Vec::new();
    if !readiness.started.load(Ordering::Acquire) {
        missing.push("start: the tenancy has not been imported or read yet".to_owned());
    }
    if readiness.draining.load(Ordering::Acquire) {
        missing.push("draining: it was told to stop".to_owned());
    }
    if let Some(Err(why)) = app.tokens.as_ref().map(Tokens::readiness) {
        missing.push(format!("keys: {why}"));
    }
    match store(&app).await {
        StoreState::Read => {}
        StoreState::FromMemory => warnings.push(
            "store: the tenancy store cannot be read; what is in memory is answered for a while"
                .to_owned(),
        ),
        StoreState::Gone(why) => missing.push(format!("store: {why}")),
    }
    if let Some(why) = readiness.refused() {
        let text =
            format!("policies: the last change was refused, the set before it is in force: {why}");
        if readiness.strict {
            missing.push(text)
        } else {
            warnings.push(text)
        }
    }
    let ready = missing.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(Ready {
            ready,
            missing,
            warnings,
        }),
    )
        .into_response()
}

enum StoreState {
    /// It can be read.
    Read,
    /// It cannot be read, and what was seen of it is not too old yet.
    FromMemory,
    /// It cannot be read, and nothing is answered; why, as far as it is for everyone.
    Gone(String),
}

/// How the store is: as whoever follows it says or, if nobody does, by looking now.
async fn store(app: &App) -> StoreState {
    let engine = &app.engine;
    let freshness = engine.freshness();
    if !freshness.followed {
        // What comes of it is with the engine's health.
        let _ = engine.look().await;
    }
    let state = match engine.health().failing() {
        None => StoreState::Read,
        Some(failing) => {
            let known = engine.timeline().now().filter(|known| {
                freshness.followed && known.looked.elapsed() <= freshness.max_stale
            });
            match known {
                Some(_) => StoreState::FromMemory,
                None => StoreState::Gone(why(&failing.error)),
            }
        }
    };
    app.metrics.store_is_up(matches!(state, StoreState::Read));
    state
}

/// What can be mended by whoever reads it is said; where the server is, is not.
fn why(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable(_) => "the tenancy store cannot be read".to_owned(),
        StoreError::Misfit(_) | StoreError::Version(_) => error.to_string(),
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

/// The same under an older name.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operations",
    responses((status = 200, body = String, content_type = "text/plain", description = "`ok`"))
)]
pub(super) async fn healthz() -> &'static str {
    "ok"
}

/// What answers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version {
    name: &'static str,
    version: &'static str,
    cedar_policy: String,
    cedar_language: String,
    policy_revision: String,
}

/// What answers, and by which policies.
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

/// What is counted, for Prometheus.
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
    store(&app).await;
    let known = app.engine.timeline().now();
    app.metrics
        .store_was_seen(known.map(|known| known.looked.elapsed()));
    if let Some(tokens) = &app.tokens {
        app.metrics.keys_are(tokens.health());
    }
    if let Some(log) = &app.decision_log {
        app.metrics.logged(log.stats());
    }
    let state = app.engine.state();
    let text = app
        .metrics
        .render(&state.bundle.revision, state.cache.stats())?;
    Ok((
        [(
            CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        text,
    )
        .into_response())
}
