//! `POST /v1/search`: whom, on what, or what do the policies allow?

mod answer;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::exchange::{Exchange, SearchForm, Surface, answered};
use super::freshness::{Demands, values};
use super::json;
use super::openapi::{self, NotExplained, Problems, TooWide};
use super::page::PageRequest;
use super::problem::Problem;
use answer::SearchPage;
use peppol_authz_engine::Malformed;

pub use answer::search_json;

/// The route of this surface.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(search))
}

/// Whom, on what, or what do the policies allow?
#[utoipa::path(
    post,
    path = "/v1/search",
    tag = "questions",
    params(Demands),
    request_body(content = openapi::Search, content_type = "application/json"),
    responses(
        (status = 200, body = SearchPage, description = "A page of results"),
        Problems,
        NotExplained,
        TooWide
    )
)]
async fn search(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let answer = answered(&app, Surface::Native, Ok(()), body, |exchange, text| {
        Box::pin(async move { page(exchange, &headers, text).await })
    });
    answer.await.map(json::response)
}

async fn page(
    exchange: Exchange<'_>,
    headers: &HeaderMap,
    text: Bytes,
) -> Result<Vec<u8>, Problem> {
    let mut json = exchange.json(&text)?;
    let own = json::taken(&mut json, &["token", "limit", "explain"]);
    let (wanted, own_demand) = exchange.search(&json)?;
    let demanded = exchange.demand(&|name| values(headers, name))?;
    let demanded = demanded.and(&own_demand);
    let malformed = |misfit| {
        let code = "MALFORMED_SEARCH";
        exchange.refused(Malformed { code, misfit })
    };
    let request = PageRequest::read(&own).map_err(malformed)?;
    let explain = json::flag(&own, "explain").map_err(malformed)?;
    let description = wanted.description();
    let page = exchange.page(&request, &description);
    let page = page.map_err(|malformed| exchange.refused(malformed))?;
    // Each result tells the obligations of its permit.
    let form = SearchForm {
        explain,
        allowed_by_setting: explain && exchange.explains_to(headers),
        binds: true,
    };
    let found = exchange.find(&wanted, demanded, &page, form).await?;
    let mut answer = SearchPage::new(&found, explain);
    answer.next_token = exchange.next_page(&page, &found, &description);
    json::text(&answer)
}
