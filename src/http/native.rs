//! `POST /v1/is_authorized` and `POST /v1/batch_is_authorized`.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{App, Limits, Problem, body, problem};
use crate::engine::{Decision, Malformed, Session, Verdict};
use crate::schema::parse_json;

/// Questions of a batch that are decided before other tasks get their turn.
const TURN: usize = 64;

/// A decision as callers read it. `decision` and `diagnostics` are what
/// cedar-agent answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer<'a> {
    decision: &'static str,
    diagnostics: Diagnostics<'a>,
    reasons: Vec<WireReason<'a>>,
    obligations: Vec<&'a str>,
    decision_id: Uuid,
    policy_revision: &'a str,
    tenancy_revision: &'a str,
}

#[derive(Serialize)]
struct Diagnostics<'a> {
    reason: Vec<&'a str>,
    errors: &'a [String],
}

#[derive(Serialize)]
struct WireReason<'a> {
    /// Of a denial only, where it is `null` for a policy that gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Option<&'a str>>,
    rule: Option<&'a str>,
    policy: Option<&'a str>,
    message: Option<&'a str>,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(decision: &'a Decision, id: Uuid) -> Self {
        let denied = decision.verdict == Verdict::Deny;
        let reasons = decision.reasons.iter().map(|reason| WireReason {
            code: denied.then_some(reason.code.as_deref()),
            rule: reason.rule.as_deref(),
            policy: reason.policy.as_deref(),
            message: reason.message.as_deref(),
        });
        Self {
            decision: decision.verdict.name(),
            diagnostics: Diagnostics {
                reason: decision.determining.iter().map(|id| &**id).collect(),
                errors: &decision.errors,
            },
            reasons: reasons.collect(),
            obligations: decision
                .obligations
                .iter()
                .map(|obligation| &**obligation)
                .collect(),
            decision_id: id,
            policy_revision: &decision.policy_revision,
            tenancy_revision: &decision.tenancy_revision,
        }
    }
}

pub(super) async fn is_authorized(
    State(app): State<Arc<App>>,
    body: Body,
) -> Result<Response, Problem> {
    app.readiness.ready_to_answer()?;
    within(&app.limits, async {
        let body = body::read(body, &app.limits).await?;
        let mut session = app.engine.session();
        one(&app, &mut session, &body).await
    })
    .await?
    .map(json)
}

/// The answer to one question, as JSON text.
async fn one(app: &App, session: &mut Session<'_>, text: &[u8]) -> Result<Vec<u8>, Problem> {
    let started = Instant::now();
    let question = parse_json(text, app.limits.json_depth)
        .map_err(|error| Malformed::json(error.to_string()))
        .and_then(|json| session.question(&json, app.limits.entities))
        .inspect_err(|malformed| app.metrics.malformed(malformed.code))?;
    let decision = session
        .decide(&question)
        .await
        .inspect_err(|_| app.metrics.store_failed())?;
    let id = Uuid::now_v7();
    let action: &str = question.action.id().as_ref();
    app.metrics.decided(action, &decision, started.elapsed());
    tracing::debug!(decision_id = %id, action, decision = decision.verdict.name(), "decided");
    serde_json::to_vec(&Answer::new(&decision, id))
        .map_err(|error| Problem::Internal(error.to_string()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    requests: &'a RawValue,
}

/// The questions of a batch, not parsed yet: one that is malformed spoils itself
/// alone. What serde says is not passed on, since it repeats what was sent.
fn requests(body: &[u8]) -> Result<Vec<&RawValue>, Malformed> {
    let fault = |error: serde_json::Error, wanted: &str| {
        let place = format!("line {} column {}", error.line(), error.column());
        match error.classify() {
            Category::Data => Malformed::json(wanted),
            Category::Io | Category::Syntax | Category::Eof => {
                Malformed::json(format!("no JSON at {place}"))
            }
        }
    };
    let object = "an object with `requests`, and nothing else, is wanted";
    if body
        .trim_ascii_start()
        .first()
        .is_some_and(|first| *first != b'{')
    {
        return Err(Malformed::json(object));
    }
    let envelope: Envelope<'_> =
        serde_json::from_slice(body).map_err(|error| fault(error, object))?;
    serde_json::from_str(envelope.requests.get())
        .map_err(|error| fault(error, "`requests`: an array of questions is wanted"))
}

#[derive(Serialize)]
struct BatchAnswer<'a> {
    results: &'a [Box<RawValue>],
}

#[derive(Serialize)]
struct Spoilt {
    error: problem::Body,
}

pub(super) async fn batch_is_authorized(
    State(app): State<Arc<App>>,
    body: Body,
) -> Result<Response, Problem> {
    app.readiness.ready_to_answer()?;
    within(&app.limits, async {
        let body = body::read(body, &app.limits).await?;
        batch(&app, &body).await
    })
    .await?
    .map(json)
}

/// The answers to a batch, as JSON text.
async fn batch(app: &App, body: &[u8]) -> Result<Vec<u8>, Problem> {
    let requests = requests(body).inspect_err(|malformed| app.metrics.malformed(malformed.code))?;
    if requests.len() > app.limits.batch {
        return Err(Problem::BatchTooLarge(app.limits.batch));
    }
    let mut session = app.engine.session();
    let mut results = Vec::with_capacity(requests.len());
    for (i, request) in requests.into_iter().enumerate() {
        if i % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        let text = match one(app, &mut session, request.get().as_bytes()).await {
            Ok(text) => text,
            Err(problem @ (Problem::Malformed(_) | Problem::Tenancy(_))) => {
                problem.log();
                let error = problem.body();
                serde_json::to_vec(&Spoilt { error })
                    .map_err(|error| Problem::Internal(error.to_string()))?
            }
            Err(other) => return Err(other),
        };
        let raw = String::from_utf8(text)
            .ok()
            .and_then(|text| RawValue::from_string(text).ok());
        results.push(raw.ok_or_else(|| Problem::Internal("an answer is not JSON".to_owned()))?);
    }
    serde_json::to_vec(&BatchAnswer { results: &results })
        .map_err(|error| Problem::Internal(error.to_string()))
}

async fn within<T>(limits: &Limits, answer: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::time::timeout(limits.request_timeout, answer)
        .await
        .map_err(|_| Problem::TimedOut)
}

fn json(text: Vec<u8>) -> Response {
    (
        [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        text,
    )
        .into_response()
}

/// A decision as `is_authorized` answers it, for the command line.
#[must_use]
pub fn answer_json(decision: &Decision) -> String {
    // Strings and lists of them always have a JSON form.
    serde_json::to_string(&Answer::new(decision, Uuid::now_v7())).unwrap_or_default()
}
