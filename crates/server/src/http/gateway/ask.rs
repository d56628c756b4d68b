//! From a gateway's request to an answer, the same for all of them.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::super::connection::Peer;
use super::super::native::within;
use super::super::{App, Problem, body, freshness, panicked};
use super::Endpoint;
use super::answer::{Answer, Outcome};
use super::shown::{FORBIDDEN, Shown};
use super::who::{self, Caller};
use peppol_authz_engine::slice::Demand;
use peppol_authz_engine::{
    Body as RequestBody, Decision, Failure, Headers, HttpRequest, Members, Question,
    RequestDecision, RequestLimits, Routed, Session, Unrouted, Verdict,
};

/// What a gateway says of a request.
pub(super) struct Asked<'a> {
    pub(super) endpoint: Endpoint,
    /// `None` where the gateway does not say it in one way.
    pub(super) target: Option<Target<'a>>,
    pub(super) headers: Headers<'a>,
    /// What the client's certificate is called, where the gateway says it otherwise than by a
    /// header.
    pub(super) certificate: Option<&'a str>,
    /// Whether values of headers that came more than once were joined by commas.
    pub(super) is_joined: bool,
    pub(super) peer: Option<Peer>,
}

/// Which request it is.
pub(super) struct Target<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
}

/// The request's body.
pub(super) enum Payload {
    /// Read where it is asked for.
    Arriving(Body),
    /// Here; `Err` where a part of it is.
    Arrived(Result<Bytes, Cut>),
}

/// The gateway has cut it.
pub(super) struct Cut;

/// Another method than the one that is decided: a service behind that honours it would do something
/// else.
const OVERRIDES: [&str; 6] = [
    "x-http-method-override",
    "x_http_method_override",
    "x-http-method",
    "x_http_method",
    "x-method-override",
    "x_method_override",
];

/// The same as a parameter of the query, which frameworks of web pages honour.
const METHOD_PARAMETER: &str = "_method";

/// Envoy's word for a body that is longer than it passes on.
const PARTIAL: &str = "x-envoy-auth-partial-body";

/// Why there is no decision.
pub(super) enum Stop {
    /// A denial that is no rule's.
    Denied(&'static str, Cow<'static, str>),
    /// It has to be said who asks.
    Unauthorized(who::Unauthorized),
    /// A fault, ours or the body's.
    Problem(Problem),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// Answers, and counts it.
pub(super) async fn answer(app: &App, asked: &Asked<'_>, mut payload: Payload) -> Answer {
    let started = Instant::now();
    let id = Uuid::now_v7();
    // The session lives here, as what it has found is for the log.
    let session = app.engine.session();
    let routed = asked
        .target
        .as_ref()
        .map(|target| Routed::find(&session, target.method, target.target));
    let whole = async {
        let routed = routed.as_ref();
        let decided = decide(app, asked, &session, routed, &mut payload).await;
        let settled = decided.unwrap_or_else(|stop| Settled {
            outcome: Outcome::of(stop),
            asked: Vec::new(),
        });
        let elapsed = started.elapsed();
        let shown = Shown {
            app,
            id,
            elapsed,
            bundle: &session.state.bundle,
        };
        let shown = shown.take(settled, || said(asked, routed)).await;
        shown.unwrap_or_else(|problem| Outcome::of(problem.into()))
    };
    // Here, so that it is counted and worded like all others.
    let whole = AssertUnwindSafe(within(&app.limits, whole)).catch_unwind();
    let outcome = match whole.await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(problem)) => Outcome::of(problem.into()),
        Err(panic) => Outcome::of(panicked(app, &*panic).into()),
    };
    if let Payload::Arriving(body) = payload {
        // The connection would be closed over what is left of it, and the answer lost with that.
        body::discard(body, &app.limits).await;
    }
    let answer = Answer { id, outcome };
    let route = match &routed {
        Some(Ok(routed)) => &Routed::route(routed).request,
        _ => "",
    };
    let (status, code) = (answer.status().as_u16(), answer.code());
    app.metrics
        .answered_gateway(asked.endpoint.name(), status, code);
    tracing::debug!(decision_id = %id, endpoint = asked.endpoint.name(), route, status, code, "answered a gateway");
    answer
}

async fn decide(
    app: &App,
    asked: &Asked<'_>,
    session: &Session,
    routed: Option<&Result<Routed<'_>, Unrouted>>,
    payload: &mut Payload,
) -> Result<Settled, Stop> {
    app.readiness.ready_to_answer()?;
    let denied = |code, message| Err(Stop::Denied(code, Cow::Borrowed(message)));
    if !app.gateway.answers(asked.endpoint) {
        return denied("GATEWAY_DISABLED", "this gateway is not answered here");
    }
    let Some(routed) = routed else {
        let text = "the gateway does not say which request it is";
        return denied("GATEWAY_MALFORMED", text);
    };
    let by_header = || {
        let mut names = OVERRIDES.iter();
        names.any(|name| !(asked.headers)(name).is_empty())
    };
    let by_query = || {
        let routed = routed.as_ref();
        routed.is_ok_and(|routed| routed.has_parameter(METHOD_PARAMETER))
    };
    if by_header() || by_query() {
        let text = "it asks for another method than the request's own";
        return denied("METHOD_OVERRIDDEN", text);
    }
    if let Ok(routed) = routed
        && routed.is_public()
    {
        return Ok(Settled {
            outcome: Outcome::Allowed {
                principal: None,
                obligations: Vec::new(),
            },
            asked: Vec::new(),
        });
    }
    let caller = who::asks(app, asked).await?;
    let routed = match routed {
        Ok(routed) => routed,
        Err(Unrouted::NoRoute) => {
            return denied("ROUTE_UNKNOWN", "there is no such route");
        }
        Err(Unrouted::Unreadable(misfit)) => {
            let text = Cow::Owned(misfit.to_string());
            return Err(Stop::Denied("PATH_UNREADABLE", text));
        }
    };
    let demand = if app.gateway.demands {
        freshness::demand_of(asked.headers, session).map_err(|malformed| {
            app.metrics.malformed(malformed.code);
            Stop::Denied("REQUEST_MALFORMED", Cow::Owned(malformed.to_string()))
        })?
    } else {
        Demand::default()
    };
    let text = if routed.reads_body() && asked.endpoint.passes_body() {
        read(app, asked, payload).await?
    } else {
        Ok(Bytes::new())
    };
    // For as long as the rest of the request lives, which is less long.
    let headers = |name: &str| {
        let mut values = (asked.headers)(name);
        // Which may be two that were joined.
        if asked.is_joined && values.iter().any(|value| value.contains(&b',')) {
            values.push(b"");
        }
        values
    };
    let request = HttpRequest {
        headers: &headers,
        claims: caller.claims(),
        body: match &text {
            Err(Cut) => RequestBody::Partial,
            Ok(text) if text.is_empty() => RequestBody::NotSent,
            Ok(text) => RequestBody::Text(text),
        },
    };
    let limits = RequestLimits {
        json_depth: app.limits.json_depth,
        questions: app.limits.batch,
        candidates: app.limits.candidates,
    };
    let decision = routed
        .decide(&request, caller.designation(), &limits, &demand)
        .await
        .inspect_err(|_| app.metrics.store_failed())
        .map_err(|failure| match failure {
            // Nothing that whoever sent the request can do anything about.
            Failure::TooWide(_) => Problem::Tenancy(format!("an entity is looked up: {failure}")),
            failure => failure.into(),
        })?;
    Ok(Settled::decided(decision))
}

/// The body, within the limits.
async fn read(
    app: &App,
    asked: &Asked<'_>,
    payload: &mut Payload,
) -> Result<Result<Bytes, Cut>, Problem> {
    let is_partial = matches!(asked.endpoint, Endpoint::Envoy | Endpoint::EnvoyGrpc)
        && (asked.headers)(PARTIAL)
            .iter()
            .any(|value| *value != b"false");
    if is_partial {
        return Ok(Err(Cut));
    }
    match std::mem::replace(payload, Payload::Arrived(Ok(Bytes::new()))) {
        Payload::Arriving(body) => body::read(body, &app.limits).await.map(Ok),
        Payload::Arrived(Ok(text)) if text.len() > app.limits.body_bytes => {
            Err(Problem::BodyTooLarge(app.limits.body_bytes))
        }
        Payload::Arrived(text) => Ok(text),
    }
}

/// What may be told of a request that was no question. Its path may hold anything.
fn said(asked: &Asked<'_>, routed: Option<&Result<Routed<'_>, Unrouted>>) -> Json {
    let route = match routed {
        Some(Ok(routed)) => Some(&Routed::route(routed).request),
        _ => None,
    };
    json!({"endpoint": asked.endpoint.name(), "route": route})
}

/// An outcome, and the questions that it rests on.
pub(super) struct Settled {
    pub(super) outcome: Outcome,
    pub(super) asked: Vec<(Question, Decision)>,
}

impl Settled {
    fn decided(mut decision: RequestDecision) -> Self {
        Self {
            asked: std::mem::take(&mut decision.asked),
            outcome: Outcome::decided(decision),
        }
    }
}

impl Outcome {
    fn decided(decision: RequestDecision) -> Self {
        match decision.verdict {
            Verdict::Allow => Self::Allowed {
                principal: decision.principal,
                obligations: decision.obligations,
            },
            Verdict::Deny => {
                let reason = decision.reasons.into_iter().next();
                let (code, message) =
                    reason.map_or((None, None), |reason| (reason.code, reason.message));
                Self::denied(code, message)
            }
        }
    }

    fn denied(code: Option<Arc<str>>, message: Option<Arc<str>>) -> Self {
        let text = |text: Arc<str>| Cow::Owned(text.as_ref().to_owned());
        Self::Denied {
            code: code.map_or(Cow::Borrowed(FORBIDDEN), text),
            message: message.map_or(Cow::Borrowed("this is not allowed"), text),
        }
    }

    /// Of what stopped it.
    fn of(stop: Stop) -> Self {
        match stop {
            Stop::Denied(code, message) => Self::Denied {
                code: Cow::Borrowed(code),
                message,
            },
            Stop::Unauthorized(unauthorized) => Self::Unauthorized(unauthorized),
            Stop::Problem(problem) => {
                problem.log();
                let status = problem.status();
                if status.is_client_error() {
                    Self::Denied {
                        code: Cow::Borrowed(problem.code()),
                        message: Cow::Owned(problem.detail()),
                    }
                } else {
                    Self::Failed {
                        status,
                        code: problem.code(),
                        message: problem.detail(),
                    }
                }
            }
        }
    }
}

impl Caller {
    pub(super) fn claims(&self) -> Option<&Members> {
        match self {
            Self::Token(verified) => Some(&verified.claims),
            Self::Named(_) => None,
        }
    }

    pub(super) fn designation(&self) -> &peppol_authz_engine::schema::Designation {
        match self {
            Self::Token(verified) => &verified.designation,
            Self::Named(designation) => designation,
        }
    }
}
