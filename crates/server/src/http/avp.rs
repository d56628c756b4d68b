//! `POST /`: `IsAuthorized` and `BatchIsAuthorized` for clients of Amazon Verified Permissions.
//!
//! The wire is the service's JSON 1.0 protocol as its SDKs write it (botocore's model
//! `verifiedpermissions/2021-12-01`): the operation is a header, errors name their type,
//! `__type`. A question is rewritten into its native form and read like every other, so
//! that it gets the same decision. The signature of a request is not checked: every
//! client that reaches the port may ask, here as on any other path.

mod answer;
mod attribute;
mod described;
mod fault;
mod members;
mod operation;
mod wire;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::app::App;
use super::exchange::{Exchange, PermittedQuestion, Surface, answered, refused};
use super::freshness::{Demands, values};
use super::json::{self, AnswerList};
use super::openapi::{AwsAnswer, AwsErrors, AwsRequest};
use super::problem::Problem;
use answer::{Authorization, Authorized};
use operation::AvpOperation;
use peppol_authz_engine::schema::Misfit;
use peppol_authz_engine::{Malformed, Question};
use wire::BatchedQuestion;

const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

static AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

#[derive(utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "the header is read by `wire`; this is what the document says of it"
)]
enum AvpTarget {
    #[schema(rename = "VerifiedPermissions.IsAuthorized")]
    IsAuthorized,
    #[schema(rename = "VerifiedPermissions.BatchIsAuthorized")]
    BatchIsAuthorized,
}

/// The route of this surface.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(avp))
}

/// `IsAuthorized` and `BatchIsAuthorized` of Amazon Verified Permissions.
#[utoipa::path(
    post,
    path = "/",
    tag = "questions",
    params(
        (
            "X-Amz-Target" = inline(AvpTarget),
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
async fn avp(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Response {
    let answer = match AvpOperation::of(&headers) {
        Ok(AvpOperation::IsAuthorized) => {
            answered(&app, Surface::Avp, Ok(()), body, |exchange, text| {
                Box::pin(async move { one(exchange, &headers, text).await })
            })
            .await
        }
        Ok(AvpOperation::BatchIsAuthorized) => {
            answered(&app, Surface::Avp, Ok(()), body, |exchange, text| {
                Box::pin(async move { many(exchange, &headers, text).await })
            })
            .await
        }
        Err(malformed) => Err(refused(&app, malformed)),
    };
    match answer {
        Ok(text) => written(text.into_response()),
        Err(problem) => refusal(&problem),
    }
}

/// The answer to a caller that gets none.
pub(super) fn refusal(problem: &Problem) -> Response {
    written(fault::response(problem))
}

fn written(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    let id = Uuid::now_v7().to_string();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(AMZN_REQUEST_ID.clone(), id);
    }
    response
}

/// Answers `IsAuthorized`.
async fn one(exchange: Exchange<'_>, headers: &HeaderMap, text: Bytes) -> Result<Vec<u8>, Problem> {
    let refused = |malformed| exchange.refused(malformed);
    let json = wire::read_one(&text, exchange.limits()).map_err(refused)?;
    let (question, _) = exchange.question(&json).map_err(refused)?;
    let demanded = exchange.demand(&|name| values(headers, name))?;
    let given = exchange
        .one(Ok(PermittedQuestion::new(question)), demanded)
        .await?;
    json::text(&Authorized::new(given.decision()))
}

/// Answers `BatchIsAuthorized`.
async fn many(
    exchange: Exchange<'_>,
    headers: &HeaderMap,
    text: Bytes,
) -> Result<Vec<u8>, Problem> {
    let refused = |malformed| exchange.refused(malformed);
    let sent = wire::read_batch(&text, exchange.limits()).map_err(refused)?;
    let questions = questions(&exchange, &sent).map_err(refused)?;
    let demanded = exchange.demand(&|name| values(headers, name))?;
    let items = questions
        .into_iter()
        .map(|question| Ok(PermittedQuestion::new(question)));
    let decisions = exchange.many(items.collect(), demanded, |_| false).await?;
    // One that is not decided leaves nothing to say of the others: the wire has no place for an
    // error beside a decision.
    let mut decisions = decisions.whole()?;
    let mut sent = sent.iter();
    let mut answers = AnswerList::new("results");
    while let (Some(sent), Some(given)) = (sent.next(), decisions.next().await) {
        let given = given?;
        answers.push(&Authorization {
            request: &sent.request,
            answer: Authorized::new(given.decision()),
        })?;
    }
    Ok(answers.end())
}

/// The questions, read by the schema. The first that is none spoils them all, as the
/// service's model has it.
fn questions(
    exchange: &Exchange<'_>,
    sent: &[BatchedQuestion],
) -> Result<Vec<Question>, Malformed> {
    let mut questions = Vec::with_capacity(sent.len());
    for (i, sent) in sent.iter().enumerate() {
        let question = exchange.question(&sent.question);
        let (question, _) = question.map_err(|malformed| Malformed {
            code: malformed.code,
            misfit: wire::placed(malformed.misfit, i),
        })?;
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
