//! `POST /v1/is_authorized` and `POST /v1/batch_is_authorized`.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::explanation::{Why, WireExplanation, explain};
use super::freshness::Demands;
use super::openapi::{NotExplained, Problems};
use super::{App, Limits, Problem, body, freshness, openapi, problem};
use peppol_authz_engine::schema::parse_json;
use peppol_authz_engine::slice::Demand;
use peppol_authz_engine::{
    Answered, Decided, Decision, Explanation, Malformed, Question, QuestionOptions, Reason,
    Session, Unexplained, Verdict,
};

/// Questions of a batch that are decided before other tasks get their turn.
pub(super) const TURN: usize = 64;

/// A decision as callers read it. `decision` and `diagnostics` are what
/// cedar-agent answers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer<'a> {
    #[schema(pattern = "^(Allow|Deny)$")]
    decision: &'static str,
    diagnostics: Diagnostics<'a>,
    reasons: Vec<WireReason<'a>>,
    obligations: Vec<&'a str>,
    #[schema(value_type = String, format = "uuid")]
    decision_id: Uuid,
    policy_revision: &'a str,
    tenancy_revision: &'a str,
    /// Where the question asks for it with `explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<WireExplanation<'a>>,
}

/// What determined it, as Cedar has it.
#[derive(Serialize, ToSchema)]
struct Diagnostics<'a> {
    reason: Vec<&'a str>,
    errors: &'a [String],
}

/// Why.
#[derive(Serialize, ToSchema)]
#[schema(as = Reason)]
pub(super) struct WireReason<'a> {
    /// Of a denial only, where it is `null` for a policy that gives none.
    #[schema(value_type = Option<String>, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Option<&'a str>>,
    rule: Option<&'a str>,
    policy: Option<&'a str>,
    message: Option<&'a str>,
}

impl<'a> WireReason<'a> {
    pub(super) fn of(verdict: Verdict, reasons: &'a [Reason]) -> Vec<Self> {
        let denied = verdict == Verdict::Deny;
        let reasons = reasons.iter().map(|reason| Self {
            code: denied.then_some(reason.code.as_deref()),
            rule: reason.rule.as_deref(),
            policy: reason.policy.as_deref(),
            message: reason.message.as_deref(),
        });
        reasons.collect()
    }
}

impl<'a> Answer<'a> {
    pub(crate) fn new(decision: &'a Decision, id: Uuid) -> Self {
        Self {
            decision: decision.verdict.name(),
            diagnostics: Diagnostics {
                reason: decision.determining.iter().map(|id| &**id).collect(),
                errors: &decision.errors,
            },
            reasons: WireReason::of(decision.verdict, &decision.reasons),
            obligations: decision
                .obligations
                .iter()
                .map(|obligation| &**obligation)
                .collect(),
            decision_id: id,
            policy_revision: &decision.policy_revision,
            tenancy_revision: &decision.tenancy_revision,
            explanation: None,
        }
    }

    fn explained(mut self, explanation: Option<&'a Why>) -> Self {
        self.explanation = explanation.map(WireExplanation::new);
        self
    }
}

/// May this principal do this action on this resource?
#[utoipa::path(
    post,
    path = "/v1/is_authorized",
    tag = "questions",
    params(Demands),
    request_body(content = openapi::Question, content_type = "application/json"),
    responses(
        (status = 200, body = Answer, description = "A decision"),
        Problems,
        NotExplained
    )
)]
pub(super) async fn is_authorized(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    app.readiness.ready_to_answer()?;
    within(&app.limits, async {
        let body = body::read(body, &app.limits).await?;
        let started = Instant::now();
        let session = app.engine.session();
        let (question, mut options) = read(&app, &session, &body)?;
        let demand = freshness::demand(&headers, &session)
            .inspect_err(|malformed| app.metrics.malformed(malformed.code))?;
        may_explain(&app, &headers, &options)?;
        options.demand.join(&demand);
        let decision = session
            .decide(&question, &options.demand)
            .await
            .inspect_err(|_| app.metrics.store_failed())?;
        let (explain, elapsed) = (options.explain, started.elapsed());
        written(&app, &session, question, explain, decision, elapsed).await
    })
    .await?
    .map(json)
}

/// A question out of JSON text.
fn read(
    app: &App,
    session: &Session,
    text: &[u8],
) -> Result<(Question, QuestionOptions), Malformed> {
    parse_json(text, app.limits.json_depth)
        .map_err(|error| Malformed::json(error.to_string()))
        .and_then(|json| session.question(&json, app.limits.entities))
        .inspect_err(|malformed| app.metrics.malformed(malformed.code))
}

/// Whether a question that is to be explained is asked by somebody who may be told.
fn may_explain(app: &App, headers: &HeaderMap, options: &QuestionOptions) -> Result<(), Problem> {
    if options.explain && !app.explainers.hold(headers) {
        return Err(Problem::ExplainNotAllowed);
    }
    Ok(())
}

/// A decision, counted, seen and as JSON text, with its explanation where that is asked for.
async fn written(
    app: &App,
    session: &Session,
    question: Question,
    explained: bool,
    decision: Decision,
    elapsed: Duration,
) -> Result<Vec<u8>, Problem> {
    let (question, decision, why) = match explained {
        true => {
            let bundle = Arc::clone(&session.state.bundle);
            // Boxed, so that what nobody asks for makes no answer's future larger.
            let explained = Box::pin(explain(bundle, question, decision)).await;
            let (question, decision, why) = explained?;
            (question, decision, Some(why))
        }
        false => (question, decision, None),
    };
    let decided = decided("native", session, question, decision, elapsed);
    let answer = Answer::new(&decided.decision, decided.id).explained(why.as_ref());
    let text = serde_json::to_vec(&answer).map_err(|error| Problem::Internal(error.to_string()))?;
    app.decided(decided).await?;
    Ok(text)
}

/// A question and its decision, under an id of their own. Behind a pointer: they are large, and go
/// through many hands.
pub(super) fn decided(
    surface: &'static str,
    session: &Session,
    question: Question,
    decision: Decision,
    elapsed: Duration,
) -> Arc<Decided> {
    Arc::new(Decided {
        id: Uuid::now_v7(),
        surface,
        at: SystemTime::now(),
        elapsed,
        question: Some(question),
        said: serde_json::Value::Null,
        decision,
        bundle: Arc::clone(&session.state.bundle),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    requests: &'a RawValue,
    at_least: Option<serde_json::Value>,
    max_age: Option<serde_json::Value>,
}

/// The questions of a batch, and what it demands for all of them.
struct Batch<'a> {
    requests: Vec<&'a RawValue>,
    demand: serde_json::Map<String, serde_json::Value>,
}

/// The questions of a batch, not parsed yet: one that is malformed spoils itself
/// alone. What serde says is not passed on, since it repeats what was sent.
fn read_batch(body: &[u8]) -> Result<Batch<'_>, Malformed> {
    let fault = |error: serde_json::Error, wanted: &str| {
        let place = format!("line {} column {}", error.line(), error.column());
        match error.classify() {
            Category::Data => Malformed::json(wanted),
            Category::Io | Category::Syntax | Category::Eof => {
                Malformed::json(format!("no JSON at {place}"))
            }
        }
    };
    let object = "an object with `requests` is wanted, and nothing else but `atLeast` and `maxAge`";
    if body
        .trim_ascii_start()
        .first()
        .is_some_and(|first| *first != b'{')
    {
        return Err(Malformed::json(object));
    }
    let envelope: Envelope<'_> =
        serde_json::from_slice(body).map_err(|error| fault(error, object))?;
    let requests = serde_json::from_str(envelope.requests.get())
        .map_err(|error| fault(error, "`requests`: an array of questions is wanted"))?;
    let demand = [("atLeast", envelope.at_least), ("maxAge", envelope.max_age)];
    let demand = demand
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
    Ok(Batch { requests, demand })
}

/// What is answered to a batch.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it is written part by part; this is what the document says of it"
)]
struct Answers<'a> {
    results: Vec<Either<'a>>,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Result)]
#[expect(dead_code, reason = "as `Answers`")]
enum Either<'a> {
    Answer(Answer<'a>),
    Spoilt(Spoilt),
}

/// Why one question of a batch is none.
#[derive(Serialize, ToSchema)]
struct Spoilt {
    error: problem::Body,
}

/// The same for many, all from one state of policies and store, in order.
#[utoipa::path(
    post,
    path = "/v1/batch_is_authorized",
    tag = "questions",
    params(Demands),
    request_body(content = openapi::Batch, content_type = "application/json"),
    responses((status = 200, body = Answers, description = "Decisions"), Problems)
)]
pub(super) async fn batch_is_authorized(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    app.readiness.ready_to_answer()?;
    within(&app.limits, async {
        let body = body::read(body, &app.limits).await?;
        batch(&app, &headers, &body).await
    })
    .await?
    .map(json)
}

/// The answers to a batch, as JSON text.
async fn batch(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<Vec<u8>, Problem> {
    let started = Instant::now();
    let batch = read_batch(body).inspect_err(|malformed| app.metrics.malformed(malformed.code))?;
    if batch.requests.len() > app.limits.batch {
        return Err(Problem::BatchTooLarge("requests", app.limits.batch));
    }
    let session = app.engine.session();
    let count = |malformed: &Malformed| app.metrics.malformed(malformed.code);
    let mut demand = session.demand(&batch.demand).inspect_err(count)?;
    demand.join(&freshness::demand(headers, &session).inspect_err(count)?);
    let mut questions = Vec::with_capacity(batch.requests.len());
    for (i, request) in batch.requests.iter().enumerate() {
        if i % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        let question = read(app, &session, request.get().as_bytes()).map_err(Problem::from);
        questions.push(question.and_then(|(question, options)| {
            may_explain(app, headers, &options)?;
            demand.join(&options.demand);
            Ok((question, options))
        }));
    }
    let questions = decide_sound(app, &session, questions, &demand).await?;
    let decided = questions.iter().filter(|question| question.is_ok()).count();
    // Their share of the whole: what they look at is loaded together.
    let each = started.elapsed() / u32::try_from(decided.max(1)).unwrap_or(u32::MAX);
    let mut text = b"{\"results\":[".to_vec();
    for (i, question) in questions.into_iter().enumerate() {
        if i > 0 {
            text.push(b',');
        }
        let answer = match question {
            Err(problem) => Err(problem),
            Ok(((question, options), Ok(decision))) => {
                written(app, &session, question, options.explain, decision, each).await
            }
            Ok((_, Err(failure))) => {
                app.metrics.store_failed();
                Err(failure.into())
            }
        };
        match answer {
            Ok(answer) => text.extend_from_slice(&answer),
            Err(problem) => {
                problem.log();
                let spoilt = Spoilt {
                    error: problem.body(),
                };
                serde_json::to_writer(&mut text, &spoilt)
                    .map_err(|error| Problem::Internal(error.to_string()))?;
            }
        }
    }
    text.extend_from_slice(b"]}");
    Ok(text)
}

/// Decides those that are questions, all from one state; in the place of the others
/// is what there was.
pub(super) async fn decide_sound<Q: AsRef<Question>, E>(
    app: &App,
    session: &Session,
    questions: Vec<Result<Q, E>>,
    demand: &Demand,
) -> Result<Vec<Answered<Q, E>>, Problem> {
    let decided = session.decide_each(questions, demand).await;
    Ok(decided.inspect_err(|_| app.metrics.store_failed())?)
}

pub(super) async fn within<T>(
    limits: &Limits,
    answer: impl Future<Output = T>,
) -> Result<T, Problem> {
    tokio::time::timeout(limits.request_timeout, answer)
        .await
        .map_err(|_| Problem::TimedOut)
}

pub(super) fn json(text: Vec<u8>) -> Response {
    (
        [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        text,
    )
        .into_response()
}

/// A decision as `is_authorized` answers it, for the command line.
#[must_use]
pub fn answer_json(decision: &Decision, why: Option<&Result<Explanation, Unexplained>>) -> String {
    let answer = Answer::new(decision, Uuid::now_v7()).explained(why);
    // Strings and lists of them always have a JSON form.
    serde_json::to_string(&answer).unwrap_or_default()
}
