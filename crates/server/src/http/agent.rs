//! Paths of cedar-agent beside questions: policies, schema and data are read. Writing is refused, with the way to do
//! it here.

use std::io::{Error, ErrorKind, Result as IoResult, Write};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use cedar_policy::PolicyId;
use serde::Serialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use super::app::App;
use super::openapi::OwnProblems;
use super::problem::{Overload, Problem};
use peppol_authz_engine::policy::{PolicyInfo, schema_converted};
use peppol_authz_engine::store::{EntitiesExportError, StoreError, export_entities};

/// The most bytes of entities that are answered, as many as a file of entities may have.
const MOST_DATA: usize = 64 << 20;

/// One request at a time reads all of the store.
static DATA: Semaphore = Semaphore::const_new(1);

/// The routes, each with a sentence for those who would write.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    let policies = "policies are not written here: change the files of the setting `policies`, which are read again \
                    when they change, whole or not at all";
    let schema = "the schema is not written here: change the file of the setting `schema`, which is read again when \
                  it changes";
    let data = "entities are not written here: write them into the tenancy store, by `peppol-authz import` or by its \
                own tables, or change its `entities:` file";
    OpenApiRouter::new()
        .routes(read_only(routes!(all_policies), policies))
        .routes(read_only(routes!(one_policy), policies))
        .routes(read_only(routes!(whole_schema), schema))
        .routes(read_only(routes!(all_data), data))
}

/// A route that refuses all other methods with a sentence.
fn read_only(
    (schemas, paths, router): UtoipaMethodRouter<Arc<App>>,
    instead: &'static str,
) -> UtoipaMethodRouter<Arc<App>> {
    let refused = async move || Problem::ReadOnly(instead);
    (schemas, paths, router.fallback(refused))
}

/// A policy as cedar-agent has it.
#[derive(Serialize, ToSchema)]
pub(super) struct AgentPolicy {
    /// Its id; of a link of a template, that of the link.
    id: String,
    /// Its text in Cedar's own syntax.
    content: String,
}

impl AgentPolicy {
    fn of(info: &PolicyInfo) -> Self {
        let content = info.policy.to_cedar();
        Self {
            id: info.id.to_string(),
            content: content.unwrap_or_else(|| info.source().to_owned()),
        }
    }
}

/// All policies in force, as cedar-agent answers them; links of templates with their slots filled.
#[utoipa::path(
    get,
    path = "/v1/policies",
    tag = "operations",
    responses((status = 200, body = [AgentPolicy], description = "The policies"), OwnProblems)
)]
async fn all_policies(State(app): State<Arc<App>>) -> Json<Vec<AgentPolicy>> {
    let state = app.engine.state();
    let policies = state.bundle.policies().into_iter();
    Json(policies.map(|info| AgentPolicy::of(info)).collect())
}

/// One policy, by its id.
#[utoipa::path(
    get,
    path = "/v1/policies/{*id}",
    tag = "operations",
    params(("id" = String, Path, description = "The id of a policy or a link; `/` in it may be written as it is")),
    responses(
        (status = 200, body = AgentPolicy, description = "The policy"),
        (status = 404, description = "There is no such policy"),
        OwnProblems
    )
)]
async fn one_policy(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<AgentPolicy>, Problem> {
    let state = app.engine.state();
    let found = state.bundle.policy(&PolicyId::new(id));
    let found = found.ok_or(Problem::NoSuchPolicy)?;
    Ok(Json(AgentPolicy::of(found)))
}

/// The schema in force, in Cedar's JSON.
#[utoipa::path(
    get,
    path = "/v1/schema",
    tag = "operations",
    responses((status = 200, body = Object, description = "The schema"), OwnProblems)
)]
async fn whole_schema(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let state = app.engine.state();
    let failed = |problem: &str| Problem::Internal(format!("the schema in JSON: {problem}"));
    let source = state.bundle.source.clone();
    let source = source.ok_or_else(|| failed("its text is not there"))?;
    let converted = tokio::task::spawn_blocking(move || match source.text.trim_start() {
        json if json.starts_with('{') => Ok(source.text.clone()),
        _ => schema_converted(&source).map_err(|faults| format!("{faults:?}")),
    });
    let text = converted
        .await
        .map_err(|error| failed(&error.to_string()))?;
    let text = text.map_err(|problem| failed(&problem))?;
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}

/// All entities of the tenancy store, of one state, in Cedar's JSON.
#[utoipa::path(
    get,
    path = "/v1/data",
    tag = "operations",
    responses((status = 200, body = [Object], description = "The entities"), OwnProblems)
)]
async fn all_data(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    app.readiness.ready_to_answer()?;
    let Ok(_alone) = DATA.try_acquire() else {
        return Err(Problem::Overloaded(Overload::LargeRequests));
    };
    let (store, state) = (app.engine.store(), app.engine.state());
    let schema = &state.bundle.schema;
    let unavailable = |error: StoreError| Problem::Unavailable(error.to_string());
    let mut snapshot = store.snapshot(schema, None).await.map_err(unavailable)?;
    let mut written = Bounded(Vec::new());
    let exported = export_entities(&*store, &mut *snapshot, schema, &mut written).await;
    match exported {
        Ok(_) => {
            let json = [(CONTENT_TYPE, "application/json")];
            Ok((json, written.0).into_response())
        }
        Err(EntitiesExportError::Write(_)) => Err(Problem::DataTooLong(MOST_DATA)),
        Err(error) => Err(Problem::Unavailable(error.to_string())),
    }
}

/// A text in memory that ends with an error where it would be too long.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        if self.0.len().saturating_add(bytes.len()) > MOST_DATA {
            return Err(Error::new(ErrorKind::FileTooLarge, "it is too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(())
    }
}
