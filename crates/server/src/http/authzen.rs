//! OpenID AuthZEN, Authorization API 1.0: `POST /access/v1/evaluation`,
//! `POST /access/v1/evaluations`, `POST /access/v1/search/…` and `GET /.well-known/authzen-configuration`.
//!
//! The specification: <https://openid.net/specs/authorization-api-1_0.html>. Names
//! that the schema does not have are denied here, and are no error.

mod answer;
mod discovery;
mod evaluation;
mod members;
mod request;
mod respond;
mod search;
mod search_request;
mod settings;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;

pub(super) use evaluation::{evaluation, evaluations};

pub(super) use members::is_json;
pub use settings::Authzen;

/// The routes of this surface.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(evaluation::evaluation))
        .routes(routes!(evaluation::evaluations))
        .routes(routes!(search::subject))
        .routes(routes!(search::resource))
        .routes(routes!(search::action))
        .routes(routes!(discovery::configuration))
        .routes(routes!(discovery::configuration_of))
}
