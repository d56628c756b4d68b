//! From a gateway's request to an answer, the same for all of them.

use bytes::Bytes;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::super::app::App;
use super::super::exchange::{DemandedState, Exchange, ReleasedAnswer, Surface};
use super::super::handed::HandedPlans;
use super::super::panic::panicked;
use super::super::plan::handed_on;
use super::super::problem::Problem;
use super::answer::GatewayAnswer;
use super::caller::{Caller, caller};
use super::observed::settled;
use super::outcome::{DecidedRequest, RequestOutcome};
use super::payload::{PartialBody, Payload};
use super::refusal::RequestRefusal;
use super::request::{GatewayRequest, LineFault};
use peppol_authz_engine::{Body as RequestBody, HttpRequest, Routed, Unrouted, Verdict};

/// A parameter of the query that asks for another method, which frameworks of web pages honour.
const METHOD_PARAMETER: &str = "_method";

/// The route of a request, where the gateway says which request it is.
type RoutedRequest<'r> = Result<Result<Routed<'r>, Unrouted>, LineFault>;

/// Answers if a request may pass, and counts the answer.
pub(super) async fn check(
    app: &App,
    request: &GatewayRequest<'_>,
    mut payload: Payload,
) -> GatewayAnswer {
    let id = Uuid::now_v7();
    let endpoint = request.endpoint.name();
    let answer = match Exchange::open(app, Surface::Gateway, request.arrived) {
        Ok(exchange) => {
            let routed = match &request.line {
                Ok(line) => Ok(exchange.routed(line.method, line.target)),
                Err(fault) => Err(fault.clone()),
            };
            // Boxed: it would be moved again and again on its way through guard and deadline.
            let outcome = Box::pin(outcome(app, &exchange, id, request, &routed, &mut payload));
            let answer = match exchange.guarded(outcome).await {
                Ok(Ok(Ok(released))) => GatewayAnswer::released(id, released),
                Ok(Ok(Err(problem)) | Err(problem)) => GatewayAnswer::failed(id, &problem),
                // It is counted and worded like any other answer.
                Err(panic) => GatewayAnswer::failed(id, &panicked(app, &*panic)),
            };
            let (route, status) = (route(&routed).unwrap_or_default(), answer.status().as_u16());
            tracing::debug!(decision_id = %id, endpoint, route, status, code = answer.code(), "answered a gateway");
            answer
        }
        Err(problem) => GatewayAnswer::failed(id, &problem),
    };
    payload.discard(request, &app.limits).await;
    let (status, code) = (answer.status().as_u16(), answer.code());
    app.metrics
        .questions
        .answered_gateway(endpoint, status, code);
    answer
}

/// The outcome, once observers have received it.
async fn outcome(
    app: &App,
    exchange: &Exchange<'_>,
    id: Uuid,
    request: &GatewayRequest<'_>,
    routed: &RoutedRequest<'_>,
    payload: &mut Payload,
) -> Result<ReleasedAnswer<RequestOutcome>, Problem> {
    let decided = decide(app, exchange, request, routed, payload).await;
    let (outcome, asked) =
        decided.unwrap_or_else(|refusal| (RequestOutcome::refused(refusal), Vec::new()));
    let said = || said(request, routed);
    let settled = settled(exchange, outcome, asked, said);
    exchange.release(id, settled).await
}

async fn decide(
    app: &App,
    exchange: &Exchange<'_>,
    request: &GatewayRequest<'_>,
    routed: &RoutedRequest<'_>,
    payload: &mut Payload,
) -> Result<DecidedRequest, RequestRefusal> {
    if !app.gateway.answers(request.endpoint) {
        return Err(RequestRefusal::GatewayDisabled);
    }
    let routed = routed
        .as_ref()
        .map_err(|fault| RequestRefusal::LineMalformed(fault.clone()))?;
    check_method(request, routed)?;
    if let Ok(routed) = routed
        && routed.is_public()
    {
        return Ok((RequestOutcome::public(), Vec::new()));
    }
    // First who asks: only callers that are known learn which routes there are.
    let caller = caller(app, request).await?;
    let routed = found(routed)?;
    let demanded = demanded(app, exchange, request)?;
    let body = if routed.reads_body() && request.endpoint.passes_body() {
        payload.read(request, &app.limits).await?
    } else {
        Ok(Bytes::new())
    };
    let most = app.gateway.resource_bytes;
    let handed = &app.handed;
    decide_as(
        exchange,
        request,
        routed,
        &caller,
        &body,
        demanded,
        (most, handed),
    )
    .await
}

/// Checks that a request asks for no other method than its own.
fn check_method(
    request: &GatewayRequest<'_>,
    routed: &Result<Routed<'_>, Unrouted>,
) -> Result<(), RequestRefusal> {
    let routed = routed.as_ref();
    let by_query = || routed.is_ok_and(|routed| routed.has_parameter(METHOD_PARAMETER));
    if request.overrides_method() || by_query() {
        return Err(RequestRefusal::MethodOverridden);
    }
    Ok(())
}

/// The route of a request whose caller is known.
fn found<'a, 'r>(
    routed: &'a Result<Routed<'r>, Unrouted>,
) -> Result<&'a Routed<'r>, RequestRefusal> {
    routed.as_ref().map_err(|unrouted| match unrouted {
        // The reason is the author's, and not for callers.
        Unrouted::NoRoute | Unrouted::Denied(_) => RequestRefusal::RouteUnknown,
        Unrouted::Unreadable(misfit) => RequestRefusal::PathUnreadable(misfit.clone()),
    })
}

/// The demand of the request's headers, where the settings let a request demand anything.
fn demanded(
    app: &App,
    exchange: &Exchange<'_>,
    request: &GatewayRequest<'_>,
) -> Result<DemandedState, RequestRefusal> {
    if !app.gateway.demands {
        return Ok(DemandedState::nothing());
    }
    exchange
        .demand(request.headers)
        .map_err(|problem| RequestRefusal::DemandMalformed(problem.detail()))
}

/// Decides the questions of a request that is asked by this caller.
async fn decide_as(
    exchange: &Exchange<'_>,
    request: &GatewayRequest<'_>,
    routed: &Routed<'_>,
    caller: &Caller,
    body: &Result<Bytes, PartialBody>,
    demanded: DemandedState,
    (most, handed): (usize, &HandedPlans),
) -> Result<DecidedRequest, RequestRefusal> {
    // For as long as the rest of the request lives, which is less long.
    let headers = |name: &str| request.values(name);
    let told = HttpRequest {
        headers: &headers,
        claims: caller.claims(),
        body: match body {
            Err(PartialBody) => RequestBody::Partial,
            Ok(text) if text.is_empty() => RequestBody::NotSent,
            Ok(text) => RequestBody::Text(text),
        },
    };
    let who = caller.designation();
    let length = body.as_ref().map_or(0, Bytes::len);
    let decision = exchange.request(routed, &told, who, demanded.clone());
    let decision = exchange.by_length(length, decision).await??;
    let plan = match (&Routed::route(routed).collection, &decision.principal) {
        (Some(rows), Some(principal)) if decision.verdict == Verdict::Allow => {
            // Boxed, so that a request without a plan has no larger future.
            let plan = handed_on(exchange, handed, rows, principal, demanded);
            Some(Box::pin(plan).await?)
        }
        _ => None,
    };
    Ok(RequestOutcome::decided(decision, most, plan))
}

/// The description of a request that was no question. Its path is left out, as it may hold anything.
fn said(request: &GatewayRequest<'_>, routed: &RoutedRequest<'_>) -> Json {
    json!({"endpoint": request.endpoint.name(), "route": route(routed)})
}

/// The route of a request as the table writes it.
fn route<'a>(routed: &'a RoutedRequest<'_>) -> Option<&'a str> {
    match routed {
        Ok(Ok(routed)) => Some(&Routed::route(routed).request),
        _ => None,
    }
}
