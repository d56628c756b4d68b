//! `POST /v1/is_authorized` and `POST /v1/batch_is_authorized`.

mod answer;
mod batch;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::exchange::{Exchange, PermittedQuestion, Surface, answered};
use super::freshness::{Demands, values};
use super::json::{self, AnswerList};
use super::openapi::{self, NotExplained, Problems};
use super::problem::Problem;
use answer::{BatchAnswer, DecisionAnswer, QuestionFault};
use peppol_authz_engine::{Question, QuestionForm, QuestionOptions};

pub use answer::answer_json;

/// The routes of this surface.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(is_authorized))
        .routes(routes!(batch_is_authorized))
}

/// May this principal do this action on this resource?
#[utoipa::path(
    post,
    path = "/v1/is_authorized",
    tag = "questions",
    params(Demands),
    request_body(content = openapi::Question, content_type = "application/json"),
    responses(
        (status = 200, body = DecisionAnswer, description = "A decision"),
        Problems,
        NotExplained
    )
)]
pub(super) async fn is_authorized(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let answer = answered(&app, Surface::Native, Ok(()), body, |exchange, text| {
        Box::pin(async move { one(exchange, &headers, text).await })
    });
    answer.await.map(json::response)
}

async fn one(exchange: Exchange<'_>, headers: &HeaderMap, text: Bytes) -> Result<Vec<u8>, Problem> {
    let (question, options) = read(&exchange, &text)?;
    let demanded = exchange.demand(&|name| values(headers, name))?;
    let asked = exchange.asked(headers, question, options);
    let given = exchange.one(Ok(asked), demanded).await?;
    // Nearly all are shorter.
    let mut text = Vec::with_capacity(640);
    answer::write(&mut text, &given)?;
    Ok(text)
}

/// May each of these principals do its action on its resource? All from one state of policies and store, in order.
#[utoipa::path(
    post,
    path = "/v1/batch_is_authorized",
    tag = "questions",
    params(Demands),
    request_body(content = openapi::Batch, content_type = "application/json"),
    responses((status = 200, body = BatchAnswer, description = "Decisions"), Problems)
)]
pub(super) async fn batch_is_authorized(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let answer = answered(&app, Surface::Native, Ok(()), body, |exchange, text| {
        Box::pin(async move { many(exchange, &headers, text).await })
    });
    answer.await.map(json::response)
}

async fn many(
    exchange: Exchange<'_>,
    headers: &HeaderMap,
    text: Bytes,
) -> Result<Vec<u8>, Problem> {
    let batch = batch::read(&text).map_err(|malformed| exchange.refused(malformed))?;
    exchange.fits("requests", batch.requests.len())?;
    let own = exchange.demand_of_batch(&batch.demand)?;
    let demanded = exchange.demand(&|name| values(headers, name))?.and(&own);
    let asked = |text: &[u8]| -> Result<PermittedQuestion, Problem> {
        let (question, options) = read(&exchange, text)?;
        Ok(exchange.asked(headers, question, options))
    };
    let items = exchange.items(&batch.requests, |request| {
        asked(request.get().as_bytes()).map_err(Into::into)
    });
    let mut decisions = exchange.many(items.await, demanded, |_| false).await?;
    let mut answers = AnswerList::new("results");
    while let Some(given) = decisions.next().await {
        match given {
            Ok(given) => answers.push_by(|text| answer::write(text, &given))?,
            // It spoils itself alone.
            Err(problem) => answers.push(&QuestionFault::of(&problem))?,
        }
    }
    Ok(answers.end())
}

/// Reads a question out of JSON text.
fn read(exchange: &Exchange<'_>, text: &[u8]) -> Result<(Question, QuestionOptions), Problem> {
    if let Some(known) = exchange.known(QuestionForm::Native, text) {
        return Ok((known, QuestionOptions::default()));
    }
    let json = exchange.json(text)?;
    let (question, options) = exchange
        .question(&json)
        .map_err(|malformed| exchange.refused(malformed))?;
    exchange.keep(QuestionForm::Native, text, &question, &options);
    Ok((question, options))
}
