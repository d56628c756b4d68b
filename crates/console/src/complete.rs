//! Ids that begin with what somebody has typed, page by page, for completion.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use serde_json::json;

use crate::visit::Visit;
use peppol_authz_engine::schema::EntityType;
use peppol_authz_engine::store::{Candidates, Condition, StoreError};
use peppol_authz_server::http::Problem;

/// Ids that are answered together.
const PAGE: usize = 20;

/// How long they are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Ids of a type, in the order of their bytes: of a vocabulary for everybody, of the store for who may ask for all of it.
pub(crate) async fn ids(visit: Visit) -> Response {
    match found(&visit).await {
        Ok((ids, more)) => Json(json!({"ids": ids, "more": more})).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn found(visit: &Visit) -> Result<(Vec<String>, bool), Problem> {
    let state = visit.console.app.engine.state();
    let schema = &state.bundle.schema;
    let name = visit.query.get("type").unwrap_or_default();
    let written = visit.query.get("q").unwrap_or_default();
    let Some(of) = schema.entity_type_called(name) else {
        return Ok((Vec::new(), false));
    };
    if let Some(choices) = &of.choices {
        let ids = choices.iter().filter(|id| id.starts_with(written));
        return Ok((ids.take(PAGE).cloned().collect(), choices.len() > PAGE));
    }
    visit.desk.require_administration("/v1/data")?;
    visit.desk.require_ready()?;
    let Ok(_turn) = visit.console.completions.try_acquire() else {
        return Err(Problem::Busy);
    };
    let found = tokio::time::timeout(PATIENCE, stored(visit, of, written)).await;
    let ids = found.map_err(|_| Problem::TimedOut)?;
    let ids = ids.map_err(|error| Problem::Unavailable(error.to_string()))?;
    let more = ids.len() >= PAGE;
    Ok((ids, more))
}

/// Those of the store: the written one itself, and all that begin with it.
async fn stored(visit: &Visit, of: &EntityType, written: &str) -> Result<Vec<String>, StoreError> {
    let app = &visit.console.app;
    let (store, state) = (app.engine.store(), app.engine.state());
    if !store.serves(&of.name) {
        return Ok(Vec::new());
    }
    let schema = &state.bundle.schema;
    let mut snapshot = store.snapshot(schema, None).await?;
    let mut ids = Vec::new();
    let begin = begin_of(written, schema, &of.name);
    if let Some(begin) = &begin {
        let uid = EntityUid::from_type_name_and_id(of.name.clone(), EntityId::new(begin));
        let there = snapshot.entities(&[uid]).await?;
        ids.extend(there.iter().any(Option::is_some).then(|| begin.clone()));
    }
    let wanted = Candidates {
        of: of.name.clone(),
        condition: Condition::Always,
        after: begin.as_deref().map(Arc::from),
        limit: PAGE,
    };
    let behind = snapshot.candidates(&wanted).await?;
    let begins = |id: &String| {
        begin
            .as_ref()
            .is_none_or(|begin| id.starts_with(begin.as_str()))
    };
    ids.extend(behind.into_iter().filter(begins));
    ids.truncate(PAGE);
    Ok(ids)
}

/// The beginning in the one spelling of ids, if it has one already: half an id may have none.
fn begin_of(
    written: &str,
    schema: &peppol_authz_engine::schema::Schema,
    of: &EntityTypeName,
) -> Option<String> {
    if written.is_empty() {
        return None;
    }
    let uid = EntityUid::from_type_name_and_id(of.clone(), EntityId::new(written));
    let canonical = schema.canonical(uid).ok();
    let id = canonical.map(|uid| AsRef::<str>::as_ref(uid.id()).to_owned());
    Some(id.unwrap_or_else(|| written.to_owned()))
}
