//! The acts of operators over HTTP: they see the settings in force, have files read again, and change what the
//! program logs. The decision log has a line of each act before it is done, and one of each load.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::app::App;
use super::authzen::is_json;
use super::body;
use super::openapi::{OwnProblems, Problems};
use super::problem::Problem;
use super::request::current_caller;
use crate::decision_log::{Act, LoadAct};
use crate::loads::Load;
use peppol_authz_engine::Malformed;
use peppol_authz_engine::schema::{Misfit, parse_json};

/// The surface of acts over HTTP.
const SURFACE: &str = "administration";

/// The surface of what the program does by itself, when files or keys have changed.
const LOADING: &str = "loading";

/// How soon the line of a load is tried again, where the decision log takes none.
const AGAIN: Duration = Duration::from_secs(1);

/// The longest filter of the log, in bytes. Each record that is told is held against all of it.
const LONGEST_FILTER: usize = 4 << 10;

/// The settings in force.
#[derive(Serialize, ToSchema)]
pub(super) struct SettingsInForce {
    settings: Vec<SettingShown>,
}

/// A setting.
#[derive(Serialize, ToSchema)]
struct SettingShown {
    /// Its dotted key.
    key: String,
    /// Its value; a secret is hidden.
    value: serde_json::Value,
    /// The file, variable or flag that it comes from, or `the defaults`.
    origin: String,
}

/// The levels of the log by module.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogFilterText {
    /// As the setting `log.filter` has them, as `info,peppol_authz_server=debug`.
    filter: String,
}

/// An object without members.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NothingToSay {}

/// The routes of these acts.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(settings))
        .routes(routes!(reload))
        .routes(routes!(log_filter, change_log_filter))
}

/// Shows the settings in force, as `doctor --json` does.
#[utoipa::path(
    get,
    path = "/debug/config",
    tag = "operations",
    responses((status = 200, body = SettingsInForce, description = "The settings"), OwnProblems)
)]
async fn settings(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    note(&app, "read settings", None).await?;
    let settings = app.operated.settings.iter();
    let settings = settings.map(|setting| SettingShown {
        key: setting.key.clone(),
        value: setting.value.clone(),
        origin: setting.origin.clone(),
    });
    Ok(Json(SettingsInForce {
        settings: settings.collect(),
    })
    .into_response())
}

/// Has all files read again now, as SIGHUP does: policies, schema, routes, entities, keys, certificates. `/readyz`
/// and the log say what has come of it.
#[utoipa::path(
    post,
    path = "/admin/reload",
    tag = "operations",
    request_body(content = NothingToSay, content_type = "application/json"),
    responses((status = 202, description = "The files are being read again"), Problems)
)]
async fn reload(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    // A page of a stranger in an operator's browser cannot say that it sends JSON.
    is_json(&headers)?;
    if !members(body, &app).await?.is_empty() {
        return Err(malformed("an object without members is wanted".to_owned()));
    }
    note(&app, "reload", None).await?;
    app.operated.reread.notify_one();
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Tells what the program logs.
#[utoipa::path(
    get,
    path = "/admin/log-filter",
    tag = "operations",
    responses((status = 200, body = LogFilterText, description = "The filter"), OwnProblems)
)]
async fn log_filter(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let filter = app.operated.filter()?.text();
    Ok(Json(LogFilterText { filter }).into_response())
}

/// Changes what the program logs, until it ends.
#[utoipa::path(
    put,
    path = "/admin/log-filter",
    tag = "operations",
    request_body(content = LogFilterText, content_type = "application/json"),
    responses((status = 200, body = LogFilterText, description = "The filter"), Problems)
)]
async fn change_log_filter(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    is_json(&headers)?;
    let mut members = members(body, &app).await?;
    let (Some(serde_json::Value::String(wanted)), true) =
        (members.remove("filter"), members.is_empty())
    else {
        let why = "an object with the string `filter` alone is wanted";
        return Err(malformed(why.to_owned()));
    };
    if wanted.len() > LONGEST_FILTER {
        return Err(malformed(format!(
            "a filter has {LONGEST_FILTER} bytes at most"
        )));
    }
    let filter = app.operated.filter()?;
    filter.check(&wanted).map_err(malformed)?;
    note(&app, "change the log's filter", Some(wanted.clone())).await?;
    filter.change(&wanted).map_err(malformed)?;
    let filter = filter.text();
    Ok(Json(LogFilterText { filter }).into_response())
}

/// The members of the object that a body is.
async fn members(
    body: Body,
    app: &App,
) -> Result<serde_json::Map<String, serde_json::Value>, Problem> {
    let text = body::read(body, &app.limits).await?;
    match parse_json(&text, app.limits.json_depth) {
        Ok(serde_json::Value::Object(members)) => Ok(members),
        _ => Err(malformed("a JSON object is wanted".to_owned())),
    }
}

fn malformed(why: String) -> Problem {
    Problem::Malformed(Malformed {
        code: "ACT_MALFORMED",
        misfit: Misfit::new(why),
    })
}

async fn note(app: &App, name: &'static str, value: Option<String>) -> Result<(), Problem> {
    let caller = current_caller();
    app.note_act(SURFACE, &caller.id, name, value).await
}

impl App {
    /// Notes an act in both logs. An act that the decision log does not take must not be done.
    ///
    /// # Errors
    /// The decision log takes no more.
    pub async fn note_act(
        &self,
        surface: &'static str,
        caller: &str,
        name: &'static str,
        value: Option<String>,
    ) -> Result<(), Problem> {
        tracing::info!(caller, surface, act = name, value, "an administrative act");
        let Some(log) = &self.decision_log else {
            return Ok(());
        };
        let act = Act {
            id: Uuid::now_v7(),
            at: SystemTime::now(),
            surface,
            name,
            caller: Some(caller.to_owned()),
            value,
            load: None,
        };
        let patience = self.limits.request_timeout;
        let taken = tokio::time::timeout(patience, log.take_act(act)).await;
        match taken {
            Ok(Ok(())) => Ok(()),
            _ => Err(Problem::NotLogged),
        }
    }

    /// Has the decision log take a line of each load, for ever. What has changed is in force before: a key that was
    /// taken away must not count on because a disk is full. So a line that is not taken waits, in its order, for the
    /// log to take lines again.
    pub async fn follow_loads(&self) {
        let Some(log) = &self.decision_log else {
            return;
        };
        loop {
            let act = Act::from(self.loads.next_unlogged().await);
            while log.take_act(act.clone()).await.is_err() {
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

impl From<Load> for Act {
    fn from(load: Load) -> Self {
        let faults = load.faults();
        Self {
            id: Uuid::now_v7(),
            at: load.at,
            surface: LOADING,
            name: "load",
            caller: None,
            value: None,
            load: Some(LoadAct {
                part: load.part.name(),
                name: load.name,
                outcome: load.outcome.map_err(|_| faults),
            }),
        }
    }
}
