//! `POST /v1/plan`: by which condition does a service's own database find what is allowed?

mod answer;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value as Json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::exchange::{Exchange, Surface, answered};
use super::freshness::{Demands, values};
use super::json;
use super::openapi::{self, NoPlan, NotExplained, Problems};
use super::problem::Problem;
use answer::PlanAnswer;
use peppol_authz_engine::schema::Misfit;
use peppol_authz_engine::{Malformed, Members, RowPlanOptions};

pub use answer::plan_json;

/// The route of this surface.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(plan))
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
    let own = own_members(&mut json);
    let (request, own_demand) = exchange.plan_request(&json)?;
    let demanded = exchange.demand(&|name| values(headers, name))?;
    let demanded = demanded.and(&own_demand);
    let malformed = |misfit| {
        let code = "MALFORMED_PLAN";
        exchange.refused(Malformed { code, misfit })
    };
    let explain = match own.get("explain") {
        None | Some(Json::Null) => false,
        Some(Json::Bool(explain)) => *explain,
        Some(_) => {
            let misfit = Misfit::new("`true` or `false` is wanted").within("explain");
            return Err(malformed(misfit));
        }
    };
    if explain {
        exchange.may_explain(headers)?;
    }
    let plans = exchange.plans();
    let dialect = plans.dialect(own.get("dialect")).map_err(malformed)?;
    let (schema, of) = (exchange.schema(), request.resource_type());
    let columns = plans.columns(own.get("columns"), schema, of);
    let columns = columns.map_err(malformed)?;
    let limits = exchange.limits();
    let options = RowPlanOptions {
        ids: limits.plan_ids,
        candidates: limits.candidates,
        tables: columns.tables().collect(),
        // The plan tells the obligations.
        binds: true,
        max_age: plans.max_age,
        explain,
    };
    let plan = exchange.plan(&request, demanded, &options).await?;
    json::text(&PlanAnswer::new(&plan, &columns, dialect)?)
}

/// Takes out the members that say how to answer.
fn own_members(json: &mut Json) -> Members {
    let mut own = Members::new();
    if let Json::Object(members) = json {
        let names = ["dialect", "columns", "explain"].into_iter();
        own.extend(names.filter_map(|name| members.remove_entry(name)));
    }
    own
}
