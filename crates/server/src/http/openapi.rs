//! `GET /openapi.json`: every route, with what it takes and answers.
//!
//! What is the same for everybody stands beside the handlers, `#[utoipa::path]`; what a
//! question may be, the Cedar schema in force says ([`question`]), so that a document is
//! made for each. A route without an annotation does not compile: [`super::routes`] takes
//! annotated handlers only.

mod answer;
mod authzen;
mod gateway;
mod model;
mod question;
mod schema;
mod search;
mod value;

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::Value as Json;
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};

use super::{App, Problem};
pub(super) use answer::{AwsErrors, NotExplained, OwnProblems, Problems, TooWide};
pub(super) use authzen::{Decision, Decisions, Evaluation, Evaluations, Metadata};
pub(super) use gateway::{Forwarded, GatewayAnswers, Original};
pub(super) use model::{AwsAnswer, AwsRequest};
pub(super) use question::{Batch, MaxAge, Question, TenancyRevision};
pub(super) use search::{
    ActionSearch, FoundActions, FoundEntities, ResourceSearch, Search, SubjectSearch,
};

/// The document, made when it is first asked for and again when policies or schema have
/// changed.
#[derive(Debug, Default)]
pub struct Document {
    /// With the revision of the policies that it was made for.
    made: Mutex<Option<(Arc<str>, Bytes)>>,
}

/// What is said of the program as a whole.
pub(super) fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title(crate::PROGRAM)
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(crate::DESCRIPTION));
    OpenApiBuilder::new().info(info.build()).build()
}

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "operations",
    responses((status = 200, body = Object, description = "The document"), OwnProblems)
)]
pub(super) async fn openapi_json(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    // Which types the store serves is not known before.
    app.readiness.ready_to_answer()?;
    let text = app.document.text(&app)?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(CONTENT_TYPE, json)], text).into_response())
}

impl Document {
    fn text(&self, app: &App) -> Result<Bytes, Problem> {
        let bundle = Arc::clone(&app.engine.state().bundle);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((revision, text)) = &*made
            && *revision == bundle.revision
        {
            return Ok(text.clone());
        }
        let text = make(app, &bundle.schema)
            .map_err(|error| Problem::Internal(format!("the OpenAPI document: {error}")))?;
        *made = Some((Arc::clone(&bundle.revision), text.clone()));
        Ok(text)
    }
}

fn make(
    app: &App,
    schema: &peppol_authz_engine::schema::Schema,
) -> Result<Bytes, serde_json::Error> {
    let mut document = serde_json::to_value(super::routes().into_openapi())?;
    if let Some(Json::Object(schemas)) = document.pointer_mut("/components/schemas") {
        schemas.extend(authzen::schemas(&app.limits));
        schemas.extend(gateway::schemas());
        schemas.extend(model::schemas());
        schemas.extend(search::schemas(schema, app.engine.store(), &app.limits));
        schemas.extend(question::schemas(schema, app.engine.store(), &app.limits));
    }
    if let Some(paths) = document.get_mut("paths").and_then(Json::as_object_mut) {
        // axum marks a parameter of several segments; OpenAPI has no word for it.
        let found = std::mem::take(paths).into_iter();
        paths.extend(found.map(|(path, item)| (path.replace("{*", "{"), item)));
    }
    serde_json::to_vec(&document).map(Bytes::from)
}

/// A type whose schema is written by [`make`] under its own name.
macro_rules! later {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        pub(in crate::http) struct $name;

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::Ref::from_schema_name(stringify!($name)).into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}
pub(in crate::http) use later;
