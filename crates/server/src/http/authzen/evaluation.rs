//! `POST /access/v1/evaluation` and `POST /access/v1/evaluations`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value as Json, json};

use super::super::app::App;
use super::super::exchange::{
    DemandedState, Exchange, GivenDecision, PermittedQuestion, QuestionItem,
};
use super::super::freshness::{Demands, values};
use super::super::json::{self, AnswerList};
use super::super::openapi::{self, Problems};
use super::super::problem::Problem;
use super::answer::{self, EvaluationAnswer};
use super::members;
use super::request::{self, EvaluationDefaults, EvaluationMembers, Semantic};
use super::respond::respond;
use crate::config::Reveal;
use peppol_authz_engine::{
    Malformed, Members, NamedEntity, PartsReader, QuestionForm, QuestionOptions, QuestionParts,
};

/// AuthZEN: may this subject do this action on this resource?
#[utoipa::path(
    post,
    path = "/access/v1/evaluation",
    tag = "authzen",
    params(Demands),
    request_body(content = openapi::Evaluation, content_type = "application/json"),
    responses((status = 200, body = openapi::Decision, description = "A decision"), Problems)
)]
pub(in crate::http) async fn evaluation(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    respond_to(app, headers, body, None).await
}

/// AuthZEN: may each of these subjects do its action on its resource?
#[utoipa::path(
    post,
    path = "/access/v1/evaluations",
    tag = "authzen",
    params(Demands),
    request_body(content = openapi::Evaluations, content_type = "application/json"),
    responses((status = 200, body = openapi::Decisions, description = "Decisions"), Problems)
)]
pub(in crate::http) async fn evaluations(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    respond_to(app, headers, body, Some(request::evaluations)).await
}

/// The evaluations of a request; none where it is one by itself.
type EvaluationItems = fn(&Members) -> Result<&[Json], Malformed>;

async fn respond_to(
    app: Arc<App>,
    headers: HeaderMap,
    body: Body,
    items: Option<EvaluationItems>,
) -> Result<Response, Problem> {
    let answer = respond(
        app,
        headers,
        body,
        move |exchange, headers, text, reveal| {
            Box::pin(async move { evaluate(exchange, &headers, text, items, reveal).await })
        },
    );
    answer.await
}

async fn evaluate(
    exchange: Exchange<'_>,
    headers: &HeaderMap,
    text: Bytes,
    items: Option<EvaluationItems>,
    reveal: Reveal,
) -> Result<Vec<u8>, Problem> {
    let refused = |malformed| exchange.refused(malformed);
    let demanded = exchange.demand(&|name| values(headers, name))?;
    let Some(items) = items else {
        let item = read(&exchange, &text)?;
        return one(&exchange, item, demanded, reveal).await;
    };
    let members = members::object(exchange.json(&text)?).map_err(refused)?;
    let items = items(&members).map_err(refused)?;
    if items.is_empty() {
        let item = item(&exchange, &members)?;
        return one(&exchange, item, demanded, reveal).await;
    }
    exchange.fits("evaluations", items.len())?;
    many(&exchange, &members, items, demanded, reveal).await
}

/// Reads one evaluation out of its text.
fn read(exchange: &Exchange<'_>, text: &[u8]) -> Result<QuestionItem, Problem> {
    if let Some(known) = exchange.known(QuestionForm::Evaluation, text) {
        return Ok(Ok(PermittedQuestion::new(known)));
    }
    let members = members::object(exchange.json(text)?);
    let members = members.map_err(|malformed| exchange.refused(malformed))?;
    let item = item(exchange, &members)?;
    // The store decides if properties count.
    let has_properties = |name: &str| {
        let part = members.get(name).and_then(Json::as_object);
        part.is_none_or(|part| part.contains_key("properties"))
    };
    if let Ok(asked) = &item
        && asked.binds()
        && !["subject", "resource"].into_iter().any(has_properties)
    {
        let options = QuestionOptions::default();
        exchange.keep(QuestionForm::Evaluation, text, asked.as_ref(), &options);
    }
    Ok(item)
}

/// One evaluation by itself.
fn item(exchange: &Exchange<'_>, members: &Members) -> Result<QuestionItem, Problem> {
    let asked = EvaluationMembers::read(members, exchange.members_of_contexts())
        .and_then(|evaluation| Ok((evaluation.binds()?, evaluation.parts()?)));
    let (binds, parts) = asked.map_err(|malformed| exchange.refused(malformed))?;
    let mut reader = PartsReader::default();
    Ok(exchange.question_of(&mut reader, &parts, binds, || said(&parts)))
}

/// The answer to one evaluation.
async fn one(
    exchange: &Exchange<'_>,
    item: QuestionItem,
    demanded: DemandedState,
    reveal: Reveal,
) -> Result<Vec<u8>, Problem> {
    match exchange.one(item, demanded).await {
        // A fault of the program or of the store is one of the whole request.
        Err(problem) if !problem.status().is_client_error() => Err(problem),
        // It is no answer to the caller, either.
        Err(problem @ Problem::CallerNotAllowed(_)) => Err(problem),
        given => {
            // Nearly all are shorter.
            let mut text = Vec::with_capacity(512);
            write(&mut text, &given, reveal)?;
            Ok(text)
        }
    }
}

/// The answers to several evaluations. A member that an evaluation omits is taken from the top level.
async fn many(
    exchange: &Exchange<'_>,
    members: &Members,
    items: &[Json],
    demanded: DemandedState,
    reveal: Reveal,
) -> Result<Vec<u8>, Problem> {
    let refused = |malformed| exchange.refused(malformed);
    let contexts = exchange.members_of_contexts();
    let defaults = EvaluationDefaults::read(members, contexts).map_err(refused)?;
    let semantic = Semantic::read(members).map_err(refused)?;
    exchange.fits_together("evaluations", request::length(members, items))?;
    let mut reader = PartsReader::default();
    let read = |item| -> QuestionItem {
        let asked = members::item(item)
            .and_then(|item| EvaluationMembers::read(item, contexts))
            .and_then(|evaluation| evaluation.or(&defaults))
            .and_then(|evaluation| Ok((evaluation.binds()?, evaluation.parts()?)));
        let (binds, parts) = asked.map_err(|malformed| exchange.refused(malformed))?;
        exchange.question_of(&mut reader, &parts, binds, || said(&parts))
    };
    let items = exchange.items(items, read).await;
    let ends_at = |is_allow| semantic.ends_at(is_allow);
    let mut decisions = exchange.many(items, demanded, ends_at).await?;
    let mut answers = AnswerList::new("evaluations");
    while let Some(given) = decisions.next().await {
        answers.push_by(|text| write(text, &given, reveal))?;
    }
    Ok(answers.end())
}

/// Writes a decision, or in its place the problem, which is logged.
fn write(
    text: &mut Vec<u8>,
    given: &Result<GivenDecision, Problem>,
    reveal: Reveal,
) -> Result<(), Problem> {
    match given {
        Ok(given) => answer::write(text, given.decision(), given.id(), reveal),
        Err(problem) => {
            problem.log();
            json::add(text, &EvaluationAnswer::fault(problem, reveal))
        }
    }
}

/// The names in an evaluation, for observers.
fn said(parts: &QuestionParts<'_>) -> Json {
    let named = |named: &NamedEntity<'_>| json!({"type": named.kind, "id": named.id});
    json!({
        "subject": named(&parts.subject),
        "action": {"name": parts.action},
        "resource": named(&parts.resource),
    })
}
