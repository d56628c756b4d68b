//! `POST /v1/search`: whom, on what, or what do the policies allow?

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use cedar_policy::EntityUid;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::native::{json, within};
use super::page::Page;
use super::{App, Problem, body, freshness};
use crate::engine::{Failure, Found, Malformed, Part, Residual, Session, Wanted};
use crate::schema::{Misfit, parse_json};

/// What was found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
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

#[derive(Serialize)]
struct WireEntity<'a> {
    #[serde(rename = "type")]
    kind: String,
    id: &'a str,
}

/// Why just these are found: what of the policies depends on what is looked for.
#[derive(Serialize)]
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

#[derive(Serialize)]
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

/// What a request says of the answer, and not of what is searched for.
struct Wish {
    token: Option<String>,
    limit: Option<usize>,
    explain: bool,
}

impl Wish {
    /// Takes its members out of a request.
    fn take(members: &mut Map<String, Json>) -> Result<Self, Malformed> {
        let malformed = |member: &str, wanted: &str| Malformed {
            code: "MALFORMED_SEARCH",
            misfit: Misfit::new(wanted).within(member),
        };
        let token = match members.remove("token") {
            None | Some(Json::Null) => None,
            Some(Json::String(token)) => Some(token),
            Some(_) => return Err(malformed("token", "a text is wanted")),
        };
        let limit = match members.remove("limit") {
            None | Some(Json::Null) => None,
            Some(limit) => {
                let number = limit
                    .as_u64()
                    .ok_or_else(|| malformed("limit", "a whole number is wanted"))?;
                Some(usize::try_from(number).unwrap_or(usize::MAX))
            }
        };
        let explain = match members.remove("explain") {
            None | Some(Json::Null) => false,
            Some(Json::Bool(explain)) => explain,
            Some(_) => return Err(malformed("explain", "`true` or `false` is wanted")),
        };
        Ok(Self {
            token,
            limit,
            explain,
        })
    }
}

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
        let (wanted, wish) = read(&app, &session, &headers, &body).inspect_err(count)?;
        let text = answer(&app, &session, &wanted, &wish).await?;
        Ok(json(text))
    })
    .await?
}

fn read(
    app: &App,
    session: &Session<'_>,
    headers: &HeaderMap,
    text: &[u8],
) -> Result<(Wanted, Wish), Malformed> {
    let mut json = parse_json(text, app.limits.json_depth)
        .map_err(|error| Malformed::json(error.to_string()))?;
    let wish = match &mut json {
        Json::Object(members) => Wish::take(members)?,
        _ => Wish::take(&mut Map::new())?,
    };
    let mut wanted = session.wanted(&json, app.limits.entities)?;
    let demand = freshness::demand(headers, session)?;
    match &mut wanted {
        Wanted::Entities(search) => search.demand.join(&demand),
        Wanted::Actions(search) => search.demand.join(&demand),
    }
    Ok((wanted, wish))
}

async fn answer(
    app: &App,
    session: &Session<'_>,
    wanted: &Wanted,
    wish: &Wish,
) -> Result<Vec<u8>, Problem> {
    let description = wanted.description();
    let most = app.limits.page;
    let page = app
        .pages
        .read(wish.token.as_deref(), wish.limit, &description, most)
        .inspect_err(|malformed| app.metrics.malformed(malformed.code))?;
    let found = find(app, session, wanted, &page).await?;
    let last = found.entities.last().map(|uid| uid.id().as_ref());
    let mut answer = Answer::new(&found, wish.explain);
    answer.next_token = found
        .more
        .then(|| app.pages.next(&page, last, &description));
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
    session: &Session<'_>,
    wanted: &Wanted,
    page: &Page,
) -> Result<Found, Failure> {
    let part = Part {
        after: page.after.clone(),
        limit: page.limit,
        most: app.limits.candidates,
    };
    let found = session.find(wanted, &part).await;
    app.metrics.searched(&found);
    let found = found?;
    tracing::debug!(
        found = found.entities.len(),
        decided = found.decided,
        "searched"
    );
    Ok(found)
}
