//! `POST /api/plan/resources`: plans for Cerbos's clients, and for the adapters that make queries of
//! what these receive.
//!
//! The wire is Cerbos's (`cerbos/request/v1`, `cerbos/response/v1`): `kind` names a type, an action is
//! an action, and the condition is an expression of the operators that its adapters know. The store
//! alone says who the principal is: its roles are not read, and its attributes only where the caller
//! describes entities of its type. An adapter's query has no place for an obligation, so that what is
//! permitted with one is left out.

mod answer;
mod expression;
mod fault;
mod request;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::exchange::{Exchange, Surface, answered};
use super::freshness::{Demands, values};
use super::json;
use super::openapi::{CerbosErrors, CerbosPlan, CerbosPlanRequest};
use super::problem::Problem;
use answer::PlanResources;
use expression::Expression;
use peppol_authz_database::RowColumns;
use peppol_authz_engine::text::duration;
use peppol_authz_engine::{
    Malformed, RowPlan, RowPlanOptions, RowPlanRequest, SearchParts, Sought,
};
use request::CerbosRequest;

/// The header that says how long a filter may be used.
const MAX_AGE: HeaderName = HeaderName::from_static("plan-max-age");

/// The route of this surface.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(plan_resources))
}

/// The answer to a caller that gets none.
pub(super) fn refusal(problem: &Problem) -> Response {
    fault::response(problem)
}

/// Cerbos: which resources may this principal act on?
#[utoipa::path(
    post,
    path = "/api/plan/resources",
    tag = "questions",
    params(Demands),
    request_body(content = CerbosPlanRequest, content_type = "application/json"),
    responses(
        (
            status = 200, body = CerbosPlan, description = "A filter",
            headers(("Plan-Max-Age" = String, description = "How long the filter may be used"))
        ),
        CerbosErrors
    )
)]
async fn plan_resources(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Response {
    let principals = app.cerbos.principal_type.clone();
    let answer = answered(&app, Surface::Cerbos, Ok(()), body, |exchange, text| {
        Box::pin(async move { planned(exchange, &headers, text, principals.as_deref()).await })
    });
    match answer.await {
        Ok((text, max_age)) => {
            let mut response = json::response(text);
            // The body has no place for it: some clients refuse members that they do not know.
            if let Ok(max_age) = HeaderValue::from_str(&duration::format(max_age)) {
                response.headers_mut().insert(MAX_AGE, max_age);
            }
            response
        }
        Err(problem) => fault::response(&problem),
    }
}

/// Plans, and says how long the filter may be used; `principals` is the type of bare ids.
async fn planned(
    exchange: Exchange<'_>,
    headers: &HeaderMap,
    text: Bytes,
    principals: Option<&str>,
) -> Result<(Vec<u8>, Duration), Problem> {
    let json = exchange.json(&text)?;
    let contexts = exchange.members_of_contexts();
    let request = CerbosRequest::read(&json, principals, contexts);
    let request = request
        .map_err(Malformed::question)
        .map_err(|malformed| exchange.refused(malformed))?;
    let demanded = exchange.demand(&|name| values(headers, name))?;
    let mut wanted = Vec::with_capacity(request.actions.len());
    for action in &request.actions {
        let plan = plan_of(&exchange, &request, action);
        match plan.map_err(|malformed| exchange.refused(request::renamed(malformed)))? {
            Some(plan) => wanted.push(plan),
            // Nothing that could be asked would be allowed.
            None => {
                let none = PlanResources::new(&request, &Expression::Constant(false));
                return Ok((json::text(&none)?, exchange.plans().max_age()));
            }
        }
    }
    // No adapter knows a table by what the operator calls it here.
    let no_tables = RowColumns::default();
    let options = RowPlanOptions {
        binds: false,
        ..exchange.plans().options(&no_tables)
    };
    let plans = exchange
        .plans_of_one_state(&wanted, &demanded, &options)
        .await?;
    let mut all = Vec::with_capacity(plans.len());
    for plan in &plans {
        all.push(Expression::of(plan, exchange.schema())?);
    }
    let text = json::text(&PlanResources::new(&request, &Expression::all(all)))?;
    let max_age = plans.iter().map(RowPlan::max_age).min();
    Ok((text, max_age.unwrap_or_default()))
}

/// The request for the plan of one action; `None` where the schema has none of that name.
fn plan_of(
    exchange: &Exchange<'_>,
    request: &CerbosRequest<'_>,
    action: &str,
) -> Result<Option<RowPlanRequest>, Malformed> {
    let parts = SearchParts {
        sought: Sought::Resources,
        of: request.kind,
        known: ("principal", request.principal()),
        action,
        action_properties: None,
        context: request.context,
    };
    Ok(exchange.search_of(&parts)?.and_then(RowPlanRequest::of))
}
