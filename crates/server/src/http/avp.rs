//! `POST /`: what clients of Amazon Verified Permissions ask, `IsAuthorized` and
//! `BatchIsAuthorized`.
//!
//! The wire is the service's JSON 1.0 protocol as its SDKs write it (botocore's model
//! `verifiedpermissions/2021-12-01`): the operation is a header, errors name their type,
//! `__type`. A question is rewritten into its native form and read like every other, so
//! that it gets the same decision. The signature of a request is not looked at: whoever
//! reaches the port may ask, here as on any other path.

mod attribute;
mod described;
mod fault;
mod wire;

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use uuid::Uuid;

use super::freshness::Demands;
use super::openapi::{AwsAnswer, AwsErrors, AwsRequest};
use super::{App, Problem, body, freshness, native};
use peppol_authz_engine::schema::Misfit;
use peppol_authz_engine::slice::Demand;
use peppol_authz_engine::{Decision, Malformed, Question, Session, Verdict};
use wire::{Asked, Operation};

const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

static AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

#[derive(utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "the header is read by `wire`; this is what the document says of it"
)]
enum Target {
    #[schema(rename = "VerifiedPermissions.IsAuthorized")]
    IsAuthorized,
    #[schema(rename = "VerifiedPermissions.BatchIsAuthorized")]
    BatchIsAuthorized,
}

/// What is answered to one question.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Authorized<'a> {
    decision: &'static str,
    determining_policies: Vec<Policy<'a>>,
    errors: Vec<EvaluationError>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Policy<'a> {
    policy_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EvaluationError {
    error_description: String,
}

/// One of a batch, with the request as it was sent.
#[derive(Serialize)]
struct Authorization<'a> {
    request: &'a serde_json::Value,
    #[serde(flatten)]
    answer: Authorized<'a>,
}

#[derive(Serialize)]
struct Authorizations<'a> {
    results: Vec<Authorization<'a>>,
}

/// What clients of Amazon Verified Permissions ask.
#[utoipa::path(
    post,
    path = "/",
    tag = "questions",
    params(
        (
            "X-Amz-Target" = inline(Target),
            Header,
            description = "The operation",
        ),
        Demands,
    ),
    request_body(content = AwsRequest, content_type = "application/x-amz-json-1.0"),
    responses(
        (
            status = 200,
            body = AwsAnswer,
            content_type = "application/x-amz-json-1.0",
            description = "Decisions",
        ),
        AwsErrors,
    )
)]
pub(super) async fn avp(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Response {
    let answer = native::within(&app.limits, answer(&app, &headers, body)).await;
    let mut response = match answer.and_then(|answer| answer) {
        Ok(text) => text.into_response(),
        Err(problem) => fault::response(&problem),
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    let id = Uuid::now_v7().to_string();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(AMZN_REQUEST_ID.clone(), id);
    }
    response
}

/// The answer to what the headers name, as JSON text.
async fn answer(app: &App, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    let count = |malformed: &Malformed| app.metrics.malformed(malformed.code);
    let operation = Operation::of(headers).inspect_err(count)?;
    app.readiness.ready_to_answer()?;
    let body = body::read(body, &app.limits).await?;
    let started = Instant::now();
    let session = app.engine.session();
    let asked = wire::read(operation, &body, &app.limits).inspect_err(count)?;
    let mut demand = Demand::default();
    let questions = questions(app, &session, operation, &asked, &mut demand).inspect_err(count)?;
    demand.join(&freshness::demand(headers, &session).inspect_err(count)?);
    let all: Vec<&Question> = questions.iter().collect();
    let decisions = session
        .decide_all(&all, &demand)
        .await
        .inspect_err(|_| app.metrics.store_failed())?;
    // One that is not decided leaves nothing to say of the others: the wire has no place
    // for an error beside a decision.
    let decisions = decisions
        .into_iter()
        .collect::<Result<Vec<_>, _>>()
        .inspect_err(|_| app.metrics.store_failed())?;
    if decisions.len() != asked.len() {
        return Err(Problem::Internal("an answer is missing".to_owned()));
    }
    let each = started.elapsed() / u32::try_from(decisions.len().max(1)).unwrap_or(u32::MAX);
    let text = written(operation, &asked, &decisions)?;
    for (question, decision) in questions.into_iter().zip(decisions) {
        let decided = native::decided("avp", &session, question, decision, each);
        app.decided(decided).await?;
    }
    Ok(text)
}

/// The questions, read by the schema. The first that is none spoils them all, as the
/// service's model has it.
fn questions(
    app: &App,
    session: &Session,
    operation: Operation,
    asked: &[Asked],
    demand: &mut Demand,
) -> Result<Vec<Question>, Malformed> {
    let mut questions = Vec::with_capacity(asked.len());
    for (i, asked) in asked.iter().enumerate() {
        let (question, options) = session
            .question(&asked.question, app.limits.entities)
            .map_err(|malformed| Malformed {
                code: malformed.code,
                misfit: operation.place(malformed.misfit, i),
            })?;
        demand.join(&options.demand);
        questions.push(question);
    }
    let same = |of: fn(&Question) -> &cedar_policy::EntityUid| {
        questions
            .windows(2)
            .all(|pair| matches!(pair, [a, b] if of(a) == of(b)))
    };
    if !same(|question| &question.principal) && !same(|question| &question.resource) {
        return Err(wire::malformed(
            Misfit::new("the principal or the resource has to be the same in all")
                .within("requests"),
        ));
    }
    Ok(questions)
}

fn written(
    operation: Operation,
    asked: &[Asked],
    decisions: &[Decision],
) -> Result<Vec<u8>, Problem> {
    let mut results = asked
        .iter()
        .zip(decisions)
        .map(|(asked, decision)| Authorization {
            request: &asked.request,
            answer: Authorized::new(decision),
        });
    let text = match operation {
        Operation::IsAuthorized => serde_json::to_vec(&results.next().map(|first| first.answer)),
        Operation::BatchIsAuthorized => serde_json::to_vec(&Authorizations {
            results: results.collect(),
        }),
    };
    text.map_err(|error| Problem::Internal(error.to_string()))
}

impl<'a> Authorized<'a> {
    fn new(decision: &'a Decision) -> Self {
        // What the service calls an error too: an entity that is not there.
        let absent = decision
            .reasons
            .iter()
            .filter(|reason| reason.rule.as_deref() == Some("GEN-1"))
            .filter_map(|reason| reason.message.as_deref());
        let errors = decision.errors.iter().map(String::as_str).chain(absent);
        Self {
            decision: match decision.verdict {
                Verdict::Allow => "ALLOW",
                Verdict::Deny => "DENY",
            },
            determining_policies: decision
                .determining
                .iter()
                .map(|id| Policy { policy_id: id })
                .collect(),
            errors: errors
                .map(|text| EvaluationError {
                    error_description: text.to_owned(),
                })
                .collect(),
        }
    }
}
