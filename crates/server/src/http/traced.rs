//! Requests in traces: where a trace begins and ends, and what it is told of a decision.

use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use cedar_policy::EntityUid;

use super::access_log::method_name;
use super::app::App;
use super::metrics::route;
use crate::telemetry::messages::{KeyValue, Value};
use crate::telemetry::{RequestSpan, Trace, TraceContext, Tracer};
use peppol_authz_engine::Decided;

/// The header of an answer that names its span, as the header of a request names that of the caller.
static TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");

/// Answers a request in a trace, where there are traces.
pub(super) async fn traced<F>(
    app: &App,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let tracer = app.tracer.as_ref();
    let Some(trace) = tracer.and_then(|tracer| begun(tracer, request.headers())) else {
        return answer(request).await;
    };
    let (method, path) = (method_name(request.method()), route(request.uri().path()));
    // In a box: without traces it takes no room.
    let mut response = Box::pin(trace.scope(answer(request))).await;
    if trace.is_of_interest()
        && let Ok(place) = HeaderValue::from_str(&trace.context().traceparent())
    {
        response.headers_mut().insert(TRACERESPONSE.clone(), place);
    }
    trace.finish(RequestSpan {
        method,
        route: path,
        status: response.status().as_u16(),
    });
    response
}

/// Begins the trace of a request with these headers, if there is one.
fn begun(tracer: &Tracer, headers: &HeaderMap) -> Option<Trace> {
    let all = |name: &str| headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let parent = TraceContext::read(all("traceparent"), all("tracestate"));
    tracer.begin(parent, Instant::now())
}

/// A decision as a trace is told of it: no id of an entity, and nothing that a caller wrote.
pub(super) fn attributes(action: Option<&EntityUid>, decided: &Decided) -> Vec<KeyValue> {
    let decision = &decided.decision;
    let question = decided.question.as_ref();
    let id = decided.id.to_string();
    let codes = decision.reasons.iter();
    let codes = codes.filter_map(|reason| reason.code.as_deref());
    let policies = decision.determining.iter().map(|id| &**id);
    let mut all = vec![
        KeyValue::new("peppol_authz.decision.id", &*id),
        KeyValue::new("peppol_authz.decision", decision.verdict.name()),
        KeyValue::new("peppol_authz.surface", decided.surface),
        KeyValue::texts("peppol_authz.codes", codes),
        KeyValue::texts("peppol_authz.policies", policies),
        KeyValue::new("peppol_authz.policy_revision", &*decision.policy_revision),
    ];
    let action = question.map(|question| &question.action).or(action);
    if let Some(action) = action {
        let id: &str = action.id().as_ref();
        all.push(KeyValue::new("peppol_authz.action", id));
    }
    if let Some(question) = question {
        for (name, uid) in [
            ("peppol_authz.principal.type", &question.principal),
            ("peppol_authz.resource.type", &question.resource),
        ] {
            let of = uid.type_name().to_string();
            all.push(KeyValue::new(name, Value::Text(of)));
        }
    }
    all
}
