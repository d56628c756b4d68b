//! The document as a whole.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::body::Bytes;
use serde_json::Value as Json;
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};

use super::super::limits::Limits;
use super::super::problem::Problem;
use super::caller::{self, let_in};
use super::{authzen, cerbos, gateway, model, question, search};
use peppol_authz_engine::schema::Schema;
use peppol_authz_engine::store::Store;
use peppol_authz_engine::{Engine, EngineState};

/// The document, made when it is first asked for and again when policies or schema have
/// changed.
#[derive(Debug, Default)]
pub struct Document {
    /// With the state that it was made for.
    made: Mutex<Option<(Weak<EngineState>, Bytes)>>,
}

/// The part of the document about the program as a whole.
pub(in crate::http) fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title(crate::PROGRAM)
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(crate::DESCRIPTION));
    OpenApiBuilder::new().info(info.build()).build()
}

impl Document {
    /// The text, by the schema in force. `routes` gives the annotations of the handlers.
    pub(in crate::http) fn text(
        &self,
        engine: &Engine,
        limits: &Limits,
        routes: impl FnOnce() -> OpenApi,
    ) -> Result<Bytes, Problem> {
        let state = engine.state();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made_for, text)) = &*made
            && Weak::ptr_eq(made_for, &Arc::downgrade(&state))
        {
            return Ok(text.clone());
        }
        let text = make(routes(), &state.bundle.schema, &*engine.store(), limits)
            .map_err(|error| Problem::Internal(format!("the OpenAPI document: {error}")))?;
        *made = Some((Arc::downgrade(&state), text.clone()));
        Ok(text)
    }
}

fn make(
    routes: OpenApi,
    schema: &Schema,
    store: &dyn Store,
    limits: &Limits,
) -> Result<Bytes, serde_json::Error> {
    let mut document = serde_json::to_value(routes)?;
    if let Some(Json::Object(schemas)) = document.pointer_mut("/components/schemas") {
        schemas.extend(authzen::schemas(limits));
        schemas.extend(cerbos::schemas());
        schemas.extend(gateway::schemas());
        schemas.extend(model::schemas());
        schemas.extend(search::schemas(schema, store, limits));
        schemas.extend(question::schemas(schema, store, limits));
    }
    if let Some(paths) = document.get_mut("paths").and_then(Json::as_object_mut) {
        // axum marks a parameter of several segments; OpenAPI has no word for it.
        let found = std::mem::take(paths).into_iter();
        paths.extend(found.map(|(path, item)| (path.replace("{*", "{"), item)));
        paths.iter_mut().for_each(|(path, item)| let_in(path, item));
    }
    if let Some(components) = document.get_mut("components").and_then(Json::as_object_mut) {
        components.insert("securitySchemes".to_owned(), caller::schemes());
    }
    if let Some(document) = document.as_object_mut() {
        document.insert("security".to_owned(), caller::security());
    }
    serde_json::to_vec(&document).map(Bytes::from)
}
