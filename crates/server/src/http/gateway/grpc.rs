//! Envoy's `ext_authz` by gRPC: `envoy.service.auth.v3.Authorization/Check`.
//!
//! A denial, and also a fault of ours, is an answer that denies: an error of gRPC is let through by
//! an Envoy whose `failure_mode_allow` is on. What is no check that can be read, as one that is longer
//! than the limit, is such an error all the same, so that setting has to be off.

mod health;
pub mod messages;
mod place;
mod server;
mod service;

use std::collections::HashMap;
use std::time::Instant;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use bytes::Bytes;
use tonic::{Code, Request};
use uuid::Uuid;

use self::messages::{
    AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderAppendAction,
    HeaderValue as WireValue, HeaderValueOption, HttpRequest, HttpResponse, HttpStatus,
    OkHttpResponse, Status,
};
use super::super::app::App;
use super::super::connection_peer::ConnectionPeer;
use super::super::problem::Problem;
use super::super::request::current_caller;
use super::answer::GatewayAnswer;
use super::check;
use super::endpoint::Endpoint;
use super::outcome::RequestOutcome;
use super::payload::{PartialBody, Payload};
use super::request::{GatewayRequest, LineFault, RequestLine};

use crate::telemetry::RequestSpan;
use place::trace_context;

pub use server::serve_envoy;

/// The path of the method, which requests are counted under too.
const PATH: &str = "/envoy.service.auth.v3.Authorization/Check";

/// Answers a check whose head arrived at `started`, and counts it.
async fn respond(app: &App, request: Request<CheckRequest>, started: Instant) -> CheckResponse {
    let peer = request.extensions().get::<ConnectionPeer>().copied();
    let place = app.tracer.as_ref().and_then(|_| trace_context(&request));
    let attributes = request.into_inner().attributes.unwrap_or_default();
    let trace = app
        .tracer
        .as_ref()
        .and_then(|tracer| tracer.begin(place, started));
    let Some(trace) = trace else {
        let (answer, id) = check(app, attributes, peer, started).await;
        return finished(app, &answer, id.as_deref(), started);
    };
    let checked = Box::pin(trace.scope(async {
        let (answer, id) = check(app, attributes, peer, started).await;
        let status = answer.status().as_u16();
        (finished(app, &answer, id.as_deref(), started), status)
    }));
    let (response, status) = checked.await;
    trace.finish(RequestSpan {
        method: "POST",
        route: PATH,
        status,
    });
    response
}

/// Counts an answer, and writes it.
fn finished(
    app: &App,
    answer: &GatewayAnswer,
    id: Option<&str>,
    started: Instant,
) -> CheckResponse {
    counted(app, answer, &current_caller().id, started);
    written(app, answer, id)
}

/// The answer to an Envoy that is not let in.
fn refused(app: &App, problem: &Problem, started: Instant) -> CheckResponse {
    let answer = GatewayAnswer::failed(Uuid::now_v7(), problem);
    counted(app, &answer, "", started);
    written(app, &answer, None)
}

/// Counts an answer, and logs it where the settings want that. A check that is inside has headers of its own.
fn counted(app: &App, answer: &GatewayAnswer, caller: &str, started: Instant) {
    let (status, took) = (answer.status().as_u16(), started.elapsed());
    app.metrics.requests.answered(PATH, status, took);
    let accessed = app.access_log.begin(&Method::POST, PATH, &HeaderMap::new());
    if let Some(accessed) = accessed {
        accessed.end(caller, status, None, took);
    }
}

/// The answer, and the request's id.
async fn check(
    app: &App,
    attributes: AttributeContext,
    peer: Option<ConnectionPeer>,
    arrived: Instant,
) -> (GatewayAnswer, Option<String>) {
    let certificate = attributes.source.map(|source| source.principal);
    let request = attributes.request.and_then(|request| request.http);
    let mut request = request.unwrap_or_default();
    let payload = payload(&mut request);
    // Only these tell headers apart that came twice.
    let raw = request
        .header_map
        .take()
        .filter(|raw| !raw.headers.is_empty());
    // Found by their names, as they are asked for many times.
    let mut by_name: HashMap<String, Vec<&[u8]>> = HashMap::new();
    for header in raw.iter().flat_map(|raw| &raw.headers) {
        let value = match header.raw_value.as_slice() {
            [] => header.value.as_bytes(),
            raw => raw,
        };
        let name = header.key.to_ascii_lowercase();
        by_name.entry(name).or_default().push(value);
    }
    let headers = |name: &str| -> Vec<&[u8]> {
        if raw.is_none() {
            let value = request.headers.get(name);
            return value.map(String::as_bytes).into_iter().collect();
        };
        by_name.get(name).cloned().unwrap_or_default()
    };
    let asked = GatewayRequest {
        arrived,
        endpoint: Endpoint::EnvoyGrpc,
        line: line(&request.method, &request.path),
        headers: &headers,
        // Empty where there is none: not another one that a header tells.
        certificate: Some(certificate.as_deref().unwrap_or_default()),
        is_joined: raw.is_none(),
        peer,
    };
    let answer = check::check(app, &asked, payload).await;
    let id = headers("x-request-id");
    let id = id
        .first()
        .map(|id| String::from_utf8_lossy(id).into_owned());
    (answer, id)
}

fn line<'a>(method: &'a str, target: &'a str) -> Result<RequestLine<'a>, LineFault> {
    if method.is_empty() {
        return Err(LineFault::NotChecked("method"));
    }
    if target.is_empty() {
        return Err(LineFault::NotChecked("path"));
    }
    Ok(RequestLine { method, target })
}

/// The body, which Envoy sends as text or as bytes.
fn payload(request: &mut HttpRequest) -> Payload {
    let text = match std::mem::take(&mut request.raw_body) {
        raw if raw.is_empty() => std::mem::take(&mut request.body).into_bytes(),
        raw => raw,
    };
    // It says so by a header too, which an older one lets a client write.
    let is_cut =
        !text.is_empty() && usize::try_from(request.size).is_ok_and(|size| size > text.len());
    Payload::Arrived(if is_cut {
        Err(PartialBody)
    } else {
        Ok(Bytes::from(text))
    })
}

fn written(app: &App, answer: &GatewayAnswer, request_id: Option<&str>) -> CheckResponse {
    let headers = answer.headers(&app.gateway).into_iter();
    let headers = headers.map(|(name, value)| set(&name, &value)).collect();
    let (code, response) = match answer.outcome() {
        RequestOutcome::Allowed { .. } => {
            let allowed = OkHttpResponse { headers };
            (Code::Ok, HttpResponse::OkResponse(allowed))
        }
        denied => {
            let code = match denied {
                RequestOutcome::Unauthorized(_) => Code::Unauthenticated,
                RequestOutcome::Failed { .. } => Code::Unavailable,
                _ => Code::PermissionDenied,
            };
            let denied = DeniedHttpResponse {
                status: Some(HttpStatus {
                    code: answer.status().as_u16().into(),
                }),
                headers,
                // JSON of ours is UTF-8.
                body: String::from_utf8(answer.body(&app.gateway, request_id)).unwrap_or_default(),
            };
            (code, HttpResponse::DeniedResponse(denied))
        }
    };
    CheckResponse {
        status: Some(Status { code: code.into() }),
        http_response: Some(response),
    }
}

/// A header in the place of whatever the client sent under its name, also where it is empty.
fn set(name: &HeaderName, value: &HeaderValue) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(WireValue {
            key: name.as_str().to_owned(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
            ..WireValue::default()
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        keep_empty_value: true,
    }
}
