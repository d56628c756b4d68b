//! `POST /access/v1/search/subject`, `…/resource` and `…/action`, section 8 of the
//! specification: pages of what evaluation allows.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;

use super::super::freshness::Demands;
use super::super::native::{json, within};
use super::super::openapi::{self, Problems, TooWide};
use super::super::page::Page;
use super::super::search::find;
use super::super::{App, Problem, body, freshness};
use super::answer::Context;
use super::refused;
use super::request::{self, SearchRequest};
use peppol_authz_engine::{ActionSearch, Found, Malformed, Members, Session, Sought, Wanted};

/// What is looked for.
#[derive(Clone, Copy)]
enum Kind {
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
        (status = 200, body = openapi::FoundEntities, description = "A page of what is allowed"),
        Problems,
        TooWide
    )
)]
pub(super) async fn subject(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    search(&app, &headers, body, Kind::Entities(Sought::Principals)).await
}

/// AuthZEN: on what may this subject do this action?
#[utoipa::path(
    post,
    path = "/access/v1/search/resource",
    tag = "authzen",
    params(Demands),
    request_body(content = openapi::ResourceSearch, content_type = "application/json"),
    responses(
        (status = 200, body = openapi::FoundEntities, description = "A page of what is allowed"),
        Problems,
        TooWide
    )
)]
pub(super) async fn resource(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    search(&app, &headers, body, Kind::Entities(Sought::Resources)).await
}

/// AuthZEN: what may this subject do on this resource?
#[utoipa::path(
    post,
    path = "/access/v1/search/action",
    tag = "authzen",
    params(Demands),
    request_body(content = openapi::ActionSearch, content_type = "application/json"),
    responses(
        (status = 200, body = openapi::FoundActions, description = "A page of what is allowed"),
        Problems,
        TooWide
    )
)]
pub(super) async fn action(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    search(&app, &headers, body, Kind::Actions).await
}

#[derive(Serialize)]
struct Answer<'a> {
    page: WirePage,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Context<'a>>,
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
#[serde(untagged)]
enum WireResult<'a> {
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
    app: &App,
    headers: &HeaderMap,
    body: Body,
    kind: Kind,
) -> Result<Response, Problem> {
    app.readiness.ready_to_answer()?;
    within(&app.limits, async {
        request::is_json(headers)?;
        let text = body::read(body, &app.limits).await?;
        let members = request::object(&text, app.limits.json_depth);
        let members = members.map_err(|malformed| refused(app, malformed))?;
        answer(app, headers, &members, kind).await
    })
    .await?
    .map(json)
}

async fn answer(
    app: &App,
    headers: &HeaderMap,
    members: &Members,
    kind: Kind,
) -> Result<Vec<u8>, Problem> {
    let refused = |malformed| refused(app, malformed);
    let session = app.engine.session();
    let demand = freshness::demand(headers, &session).map_err(refused)?;
    let request = match kind {
        Kind::Entities(sought) => SearchRequest::for_entities(members, sought),
        Kind::Actions => SearchRequest::for_actions(members),
    };
    let request = request.map_err(refused)?;
    let wanted = wanted(&session, &request, app.limits.entities);
    let wanted = match wanted {
        Ok(Some(wanted)) => wanted,
        // Nothing that could be asked would be allowed.
        Ok(None) => return empty(None),
        // As evaluation: no error, and nothing is allowed.
        Err(malformed) => {
            let problem = refused(malformed);
            problem.log();
            return empty(Context::fault(&problem, app.authzen.reveal()));
        }
    };
    // The results have the name of the type that the caller gave.
    let description = format!("authzen {} {}", request.kind, wanted.description());
    let most = app.limits.page;
    let page = app
        .pages
        .read(&request.page, &description, most)
        .map_err(|malformed| refused(malformed.within("page")))?;
    let found = find(app, &session, &wanted, &demand, &page, false).await?;
    let answer = Answer {
        page: next(app, &found, &page, &description),
        context: None,
        results: results(&found, &wanted, request.kind),
    };
    serde_json::to_vec(&answer).map_err(|error| Problem::Internal(error.to_string()))
}

fn wanted(
    session: &Session,
    request: &SearchRequest<'_>,
    most: usize,
) -> Result<Option<Wanted>, Malformed> {
    match &request.wanted {
        request::Searched::Entities(parts) => parts.search(session, most),
        request::Searched::Actions { subject, resource } => {
            ActionSearch::of_parts(session, subject, resource, request.context, most)
        }
    }
}

fn next(app: &App, found: &Found, page: &Page, description: &str) -> WirePage {
    let next = || app.pages.next(page, found, description);
    WirePage {
        next_token: found.more.then(next).unwrap_or_default(),
        count: found.entities.len(),
    }
}

fn results<'a>(found: &'a Found, wanted: &Wanted, kind: &'a str) -> Vec<WireResult<'a>> {
    let ids = found.entities.iter().map(|uid| uid.id().as_ref());
    match wanted {
        Wanted::Entities(_) => ids.map(|id| WireResult::Entity { kind, id }).collect(),
        Wanted::Actions(_) => ids.map(|name| WireResult::Action { name }).collect(),
    }
}

fn empty(context: Option<Context<'_>>) -> Result<Vec<u8>, Problem> {
    let answer = Answer {
        page: WirePage::default(),
        context,
        results: Vec::new(),
    };
    serde_json::to_vec(&answer).map_err(|error| Problem::Internal(error.to_string()))
}
