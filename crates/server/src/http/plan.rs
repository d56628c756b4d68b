//! `POST /v1/plan`: by which condition does a service's own database find what is allowed?

mod answer;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use cedar_policy::EntityUid;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::app::App;
use super::exchange::{DemandedState, Exchange, Surface, answered};
use super::freshness::{Demands, values};
use super::handed::{HandedPlan, HandedPlans};
use super::json;
use super::openapi::{self, NoPlan, NoSuchPlan, NotExplained, OwnProblems, Problems};
use super::problem::Problem;
use super::request::current_caller;
use crate::callers::{Asked, CallerAction};
use answer::{PlanAnswer, plan_text};
use peppol_authz_engine::policy::routes::Collection;
use peppol_authz_engine::schema::Misfit;
use peppol_authz_engine::{Malformed, RowPlanOptions};

pub use answer::plan_json;

/// The route of this surface.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(plan))
        .routes(routes!(kept))
}

/// By which condition does a service's own database find what is allowed?
#[utoipa::path(
    post,
    path = "/v1/plan",
    tag = "questions",
    params(Demands),
    request_body(content = openapi::Plan, content_type = "application/json"),
    responses(
        (status = 200, body = PlanAnswer, description = "A condition on rows"),
        Problems,
        NotExplained,
        NoPlan
    )
)]
async fn plan(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let answer = answered(&app, Surface::Native, Ok(()), body, |exchange, text| {
        Box::pin(async move { made(exchange, &headers, text).await })
    });
    answer.await.map(json::response)
}

async fn made(
    exchange: Exchange<'_>,
    headers: &HeaderMap,
    text: Bytes,
) -> Result<Vec<u8>, Problem> {
    let mut json = exchange.json(&text)?;
    let own = json::taken(&mut json, &["dialect", "columns", "explain"]);
    let (request, own_demand) = exchange.plan_request(&json)?;
    let demanded = exchange.demand(&|name| values(headers, name))?;
    let demanded = demanded.and(&own_demand);
    let malformed = |misfit| {
        let code = "MALFORMED_PLAN";
        exchange.refused(Malformed { code, misfit })
    };
    let explain = json::flag(&own, "explain").map_err(malformed)?;
    let by_setting = explain && exchange.explains_to(headers);
    let plans = exchange.plans();
    let dialect = plans.dialect(own.get("dialect")).map_err(malformed)?;
    let (schema, of) = (exchange.schema(), request.resource_type());
    let columns = plans.columns(own.get("columns"), schema, of);
    let columns = columns.map_err(malformed)?;
    let options = RowPlanOptions {
        explain,
        ..plans.options(&columns)
    };
    let plan = exchange.plan(&request, demanded, &options, by_setting);
    Ok(plan_text(&plan.await?, &columns, dialect)?
        .now()
        .into_bytes())
}

/// A plan that a gateway's request named by its id.
#[utoipa::path(
    get,
    path = "/v1/plan/{id}",
    tag = "questions",
    params(("id" = String, Path, description = "The id in `X-Authz-Plan-Id`")),
    responses(
        (status = 200, body = PlanAnswer, description = "A condition on rows"),
        OwnProblems,
        NoSuchPlan
    )
)]
async fn kept(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let asked = Asked::Question {
        surface: Surface::Native.name(),
        action: None,
        resource_type: None,
        tenant: None,
        allowed_by_setting: None,
    };
    app.permits(&current_caller(), CallerAction::Plan, asked)?;
    let id = Uuid::try_parse(&id).map_err(|_| Problem::NoSuchPlan)?;
    let text = app.handed.get(id).ok_or(Problem::NoSuchPlan)?;
    let mut response = json::response(text.into_bytes());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The plan of the rows that a gateway's request lists, for its principal.
///
/// # Errors
/// A store that fails, what no plan can say.
pub(super) async fn handed_on(
    exchange: &Exchange<'_>,
    handed: &HandedPlans,
    collection: &Collection,
    principal: &EntityUid,
    demanded: DemandedState,
) -> Result<HandedPlan, Problem> {
    let request = exchange.plan_request_of(collection, principal)?;
    let plans = exchange.plans();
    let unusable = |misfit: Misfit| Problem::Internal(format!("`plan`: {misfit}"));
    let dialect = plans.dialect(None).map_err(unusable)?;
    let columns = plans.columns(None, exchange.schema(), &collection.of);
    let columns = columns.map_err(unusable)?;
    let options = plans.options(&columns);
    let plan = exchange.plan(&request, demanded, &options, false).await?;
    handed.hand_on(plan_text(&plan, &columns, dialect)?)
}
