//! `POST /v1/search`: whom, on what, or what do the policies allow?

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use cedar_policy::EntityUid;
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::freshness::Demands;
use super::native::{json, within};
use super::openapi::{Problems, TooWide};
use super::page::{Page, Wish};
use super::{App, Problem, body, freshness, openapi};
use peppol_authz_engine::schema::{Misfit, parse_json};
use peppol_authz_engine::slice::Demand;
use peppol_authz_engine::{Failure, Found, Malformed, Members, Part, Residual, Session, Wanted};

/// What was found.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Found)]
struct Answer<'a> {
    results: Vec<WireEntity<'a>>,
    /// Absent from the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation<'a>>,
    policy_revision: &'a str,
    /// Absent where the store was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenancy_revision: Option<&'a str>,
}

/// An entity.
#[derive(Serialize, ToSchema)]
#[schema(as = FoundEntity)]
struct WireEntity<'a> {
    #[serde(rename = "type")]
    kind: String,
    id: &'a str,
}

/// Why just these are found: what of the policies depends on what is looked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Explanation<'a> {
    /// Whether some policy permits it, whatever is looked for.
    permitted: bool,
    /// Policies that deny it, whatever is looked for.
    denied_by: Vec<&'a str>,
    policies: Vec<WireResidual<'a>>,
    /// How the store looks for candidates; absent where it looks at all of the type or
    /// at none.
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<&'a str>,
    /// How many candidates were decided.
    decided: usize,
}

/// What is left of a policy.
#[derive(Serialize, ToSchema)]
#[schema(as = Residual)]
struct WireResidual<'a> {
    policy: &'a str,
    residual: &'a str,
}

impl<'a> Answer<'a> {
    fn new(found: &'a Found, explain: bool) -> Self {
        Self {
            results: found.entities.iter().map(WireEntity::new).collect(),
            next_token: None,
            explanation: explain.then(|| Explanation::new(&found.residual, found.decided)),
            policy_revision: &found.policy_revision,
            tenancy_revision: found.tenancy_revision.as_deref(),
        }
    }
}

impl<'a> WireEntity<'a> {
    fn new(uid: &'a EntityUid) -> Self {
        Self {
            kind: uid.type_name().to_string(),
            id: uid.id().as_ref(),
        }
    }
}

impl<'a> Explanation<'a> {
    fn new(residual: &'a Residual, decided: usize) -> Self {
        let policies = residual.policies.iter().map(|policy| WireResidual {
            policy: &policy.id,
            residual: &policy.text,
        });
        Self {
            permitted: residual.permitted,
            denied_by: residual.denied_by.iter().map(|id| &**id).collect(),
            policies: policies.collect(),
            statement: residual.statement.as_deref(),
            decided,
        }
    }
}

/// Whom, on what, or what do the policies allow?
#[utoipa::path(
    post,
    path = "/v1/search",
    tag = "questions",
    params(Demands),
    request_body(content = openapi::Search, content_type = "application/json"),
    responses(
        (status = 200, body = Answer, description = "A page of what is allowed"),
        Problems,
        TooWide
    )
)]
pub(super) async fn search(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    app.readiness.ready_to_answer()?;
    within(&app.limits, async {
        let body = body::read(body, &app.limits).await?;
        let session = app.engine.session();
        let count = |malformed: &Malformed| app.metrics.malformed(malformed.code);
        let read = read(&app, &session, &headers, &body).inspect_err(count)?;
        let text = answer(&app, &session, &read).await?;
        Ok(json(text))
    })
    .await?
}

/// A search as it was read.
struct Read {
    wanted: Wanted,
    demand: Demand,
    /// The members that are of the page, and not of the search.
    members: Members,
}

fn read(app: &App, session: &Session, headers: &HeaderMap, text: &[u8]) -> Result<Read, Malformed> {
    let mut json = parse_json(text, app.limits.json_depth)
        .map_err(|error| Malformed::json(error.to_string()))?;
    let mut own = Members::new();
    if let Json::Object(members) = &mut json {
        let names = ["token", "limit", "explain"].into_iter();
        own.extend(names.filter_map(|name| members.remove_entry(name)));
    }
    let (wanted, mut demand) = Wanted::read(session, &json, app.limits.entities)?;
    demand.join(&freshness::demand(headers, session)?);
    Ok(Read {
        wanted,
        demand,
        members: own,
    })
}

async fn answer(app: &App, session: &Session, read: &Read) -> Result<Vec<u8>, Problem> {
    let Read {
        wanted,
        demand,
        members,
    } = read;
    let malformed = |misfit| {
        let code = "MALFORMED_SEARCH";
        app.metrics.malformed(code);
        Malformed { code, misfit }
    };
    let wish = Wish::read(members).map_err(malformed)?;
    let explain = match members.get("explain") {
        None | Some(Json::Null) => false,
        Some(Json::Bool(explain)) => *explain,
        Some(_) => {
            let misfit = Misfit::new("`true` or `false` is wanted").within("explain");
            return Err(malformed(misfit).into());
        }
    };
    let description = wanted.description();
    let most = app.limits.page;
    let page = app
        .pages
        .read(&wish, &description, most)
        .inspect_err(|malformed| app.metrics.malformed(malformed.code))?;
    let found = find(app, session, wanted, demand, &page, explain).await?;
    let mut answer = Answer::new(&found, explain);
    let next = || app.pages.next(&page, &found, &description);
    answer.next_token = found.more.then(next);
    serde_json::to_vec(&answer).map_err(|error| Problem::Internal(error.to_string()))
}

/// What was found as `POST /v1/search` answers it, for the command line.
#[must_use]
pub fn search_json(found: &Found, explain: bool) -> String {
    // Strings and lists of them always have a JSON form.
    serde_json::to_string(&Answer::new(found, explain)).unwrap_or_default()
}

/// Searches for a page.
pub(super) async fn find(
    app: &App,
    session: &Session,
    wanted: &Wanted,
    demand: &Demand,
    page: &Page,
    explain: bool,
) -> Result<Found, Failure> {
    let part = Part {
        after: page.after.clone(),
        limit: page.limit,
        most: app.limits.candidates,
        explain,
    };
    let found = wanted.find(session, &part, demand).await;
    app.metrics.searched(&found);
    let found = found?;
    tracing::debug!(
        found = found.entities.len(),
        decided = found.decided,
        "searched"
    );
    Ok(found)
}
