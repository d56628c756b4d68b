//! `POST /access/v1/search/subject`, `…/resource` and `…/action`, section 8 of the
//! specification: pages of what evaluation allows.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use cedar_policy::EntityUid;
use serde::Serialize;

use super::super::app::App;
use super::super::exchange::{Exchange, SearchForm};
use super::super::freshness::{Demands, values};
use super::super::json;
use super::super::openapi::{self, Problems, TooWide};
use super::super::problem::Problem;
use super::answer::AnswerContext;
use super::members;
use super::request::binds;
use super::respond::respond;
use super::search_request::{SearchRequest, Searched};
use crate::config::Reveal;
use peppol_authz_engine::{Malformed, SearchResult, Sought, Wanted};

/// The kind of a search.
#[derive(Clone, Copy)]
enum SearchKind {
    Entities(Sought),
    Actions,
}

/// AuthZEN: who may do this action on this resource?
#[utoipa::path(
    post,
    path = "/access/v1/search/subject",
    tag = "authzen",
    params(Demands),
    request_body(content = openapi::SubjectSearch, content_type = "application/json"),
    responses(
        (status = 200, body = openapi::FoundEntities, description = "A page of results"),
        Problems,
        TooWide
    )
)]
pub(super) async fn subject(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    search(app, headers, body, SearchKind::Entities(Sought::Principals)).await
}

/// AuthZEN: on what may this subject do this action?
#[utoipa::path(
    post,
    path = "/access/v1/search/resource",
    tag = "authzen",
    params(Demands),
    request_body(content = openapi::ResourceSearch, content_type = "application/json"),
    responses(
        (status = 200, body = openapi::FoundEntities, description = "A page of results"),
        Problems,
        TooWide
    )
)]
pub(super) async fn resource(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    search(app, headers, body, SearchKind::Entities(Sought::Resources)).await
}

/// AuthZEN: what may this subject do on this resource?
#[utoipa::path(
    post,
    path = "/access/v1/search/action",
    tag = "authzen",
    params(Demands),
    request_body(content = openapi::ActionSearch, content_type = "application/json"),
    responses(
        (status = 200, body = openapi::FoundActions, description = "A page of results"),
        Problems,
        TooWide
    )
)]
pub(super) async fn action(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    search(app, headers, body, SearchKind::Actions).await
}

#[derive(Serialize)]
struct SearchAnswer<'a> {
    page: WirePage,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<AnswerContext<'a>>,
    results: Vec<WireResult<'a>>,
}

#[derive(Default, Serialize)]
struct WirePage {
    /// Empty on the last page.
    next_token: String,
    /// Of the results on this page.
    count: usize,
}

#[derive(Serialize)]
struct WireResult<'a> {
    #[serde(flatten)]
    named: FoundName<'a>,
    /// As in an evaluation, where the permit obliges to something.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<AnswerContext<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum FoundName<'a> {
    Entity {
        /// As the caller named it.
        #[serde(rename = "type")]
        kind: &'a str,
        id: &'a str,
    },
    Action {
        name: &'a str,
    },
}

async fn search(
    app: Arc<App>,
    headers: HeaderMap,
    body: Body,
    kind: SearchKind,
) -> Result<Response, Problem> {
    let answer = respond(
        app,
        headers,
        body,
        move |exchange, headers, text, reveal| {
            Box::pin(async move { page(exchange, &headers, text, kind, reveal).await })
        },
    );
    answer.await
}

async fn page(
    exchange: Exchange<'_>,
    headers: &HeaderMap,
    text: Bytes,
    kind: SearchKind,
    reveal: Reveal,
) -> Result<Vec<u8>, Problem> {
    let refused = |malformed| exchange.refused(malformed);
    let members = members::object(exchange.json(&text)?).map_err(refused)?;
    let demanded = exchange.demand(&|name| values(headers, name))?;
    let contexts = exchange.members_of_contexts();
    let request = match kind {
        SearchKind::Entities(sought) => SearchRequest::for_entities(&members, sought, contexts),
        SearchKind::Actions => SearchRequest::for_actions(&members, contexts),
    };
    let request = request.map_err(refused)?;
    let form = SearchForm {
        explain: false,
        allowed_by_setting: false,
        binds: binds(request.context).map_err(refused)?,
    };
    let wanted = match wanted(&exchange, &request) {
        Ok(Some(wanted)) => wanted,
        // Nothing that could be asked would be allowed.
        Ok(None) => {
            exchange.permit_empty_page()?;
            return empty(None);
        }
        // As for an evaluation this is no error, and nothing is allowed.
        Err(malformed) => {
            exchange.permit_empty_page()?;
            let problem = refused(malformed);
            problem.log();
            return empty(AnswerContext::fault(&problem, reveal));
        }
    };
    // The results have the name of the type that the caller gave.
    let description = match form.binds {
        true => format!("authzen {} {}", request.kind, wanted.description()),
        false => format!("authzen unbound {} {}", request.kind, wanted.description()),
    };
    let page = exchange.page(&request.page, &description);
    let page = page.map_err(|malformed| refused(malformed.within("page")))?;
    let found = exchange.find(&wanted, demanded, &page, form).await?;
    let next_token = exchange.next_page(&page, &found, &description);
    json::text(&SearchAnswer {
        page: WirePage {
            next_token: next_token.unwrap_or_default(),
            count: found.entities.len(),
        },
        context: None,
        results: results(&found, &wanted, request.kind),
    })
}

fn wanted(
    exchange: &Exchange<'_>,
    request: &SearchRequest<'_>,
) -> Result<Option<Wanted>, Malformed> {
    match &request.wanted {
        Searched::Entities(parts) => exchange.search_of(parts),
        Searched::Actions { subject, resource } => {
            exchange.action_search_of(subject, resource, request.context)
        }
    }
}

fn results<'a>(found: &'a SearchResult, wanted: &Wanted, kind: &'a str) -> Vec<WireResult<'a>> {
    let result = |uid: &'a EntityUid| {
        let id = uid.id().as_ref();
        WireResult {
            named: match wanted {
                Wanted::Entities(_) => FoundName::Entity { kind, id },
                Wanted::Actions(_) => FoundName::Action { name: id },
            },
            context: AnswerContext::of_result(found.obligations.get(uid)),
        }
    };
    found.entities.iter().map(result).collect()
}

fn empty(context: Option<AnswerContext<'_>>) -> Result<Vec<u8>, Problem> {
    json::text(&SearchAnswer {
        page: WirePage::default(),
        context,
        results: Vec::new(),
    })
}
