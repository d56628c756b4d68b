//! Requests of Amazon Verified Permissions into native questions.

use serde_json::{Map, Value as Json};

use super::super::limits::Limits;
use super::attribute::{action, attributes, entity};
use super::described::described;
use super::members::{ReadMember, either, record};
use peppol_authz_engine::Malformed;
use peppol_authz_engine::schema::{Misfit, json_length, parse_json};

/// The most requests of a batch, as the service's documentation has it.
const BATCH: usize = 30;

/// One question of a batch.
pub(super) struct BatchedQuestion {
    /// As it was sent.
    pub(super) request: Json,
    /// In its native form.
    pub(super) question: Json,
}

pub(super) fn malformed(misfit: Misfit) -> Malformed {
    Malformed {
        code: "MALFORMED_QUESTION",
        misfit,
    }
}

/// Reads the question of `IsAuthorized` into its native form.
pub(super) fn read_one(text: &[u8], limits: &Limits) -> Result<Json, Malformed> {
    one(parse(text, limits)?, limits).map_err(malformed)
}

/// Reads the questions of `BatchIsAuthorized`.
pub(super) fn read_batch(text: &[u8], limits: &Limits) -> Result<Vec<BatchedQuestion>, Malformed> {
    batch(parse(text, limits)?, limits).map_err(malformed)
}

/// A fault of one question of a batch, as one of the request that the question was sent in.
pub(super) fn placed(misfit: Misfit, question: usize) -> Misfit {
    // Described entities are common to all of a batch.
    if misfit.member.starts_with("entities") {
        return misfit;
    }
    misfit.within(&question.to_string()).within("requests")
}

fn parse(text: &[u8], limits: &Limits) -> Result<Json, Malformed> {
    // A value with its type takes two levels where a question has one.
    parse_json(text, 2 * limits.json_depth + 4).map_err(|error| Malformed::json(error.to_string()))
}

fn one(json: Json, limits: &Limits) -> Result<Json, Misfit> {
    const MEMBERS: [&str; 6] = [
        "policyStoreId",
        "principal",
        "action",
        "resource",
        "context",
        "entities",
    ];
    let mut members = record(json, &MEMBERS)?;
    policy_store(&mut members)?;
    let entities = described(&mut members, limits)?;
    question(members, entities, limits)
}

fn batch(json: Json, limits: &Limits) -> Result<Vec<BatchedQuestion>, Misfit> {
    let mut members = record(json, &["policyStoreId", "entities", "requests"])?;
    policy_store(&mut members)?;
    let entities = described(&mut members, limits)?;
    let within = |misfit: Misfit| misfit.within("requests");
    let requests = match members.remove("requests") {
        Some(Json::Array(requests)) if (1..=BATCH).contains(&requests.len()) => requests,
        Some(Json::Array(_)) => {
            let text = format!("1 to {BATCH} requests are wanted");
            return Err(within(Misfit::new(text)));
        }
        Some(_) => return Err(within(Misfit::new("an array is wanted"))),
        None => return Err(within(Misfit::new("is missing"))),
    };
    // Each question gets a copy of the entities.
    let of_entities = entities.as_ref().map_or(0, json_length);
    if of_entities.saturating_mul(requests.len()) > limits.batch_bytes {
        let text = format!(
            "longer than {} bytes, counted for each question; see the setting `limits.batch_bytes`",
            limits.batch_bytes
        );
        return Err(Misfit::new(text).within("entities"));
    }
    let read = |(i, request): (usize, Json)| {
        let question = record(
            request.clone(),
            &["principal", "action", "resource", "context"],
        )
        .and_then(|members| question(members, entities.clone(), limits))
        .map_err(|misfit| within(misfit.within(&i.to_string())))?;
        Ok(BatchedQuestion { request, question })
    };
    requests.into_iter().enumerate().map(read).collect()
}

/// The policies in force are the only ones there are: any name of them will do.
fn policy_store(members: &mut Map<String, Json>) -> Result<(), Misfit> {
    let valid = |text: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-/_".contains(&byte);
        (1..=200).contains(&text.len()) && text.bytes().all(known)
    };
    let problem = match members.remove("policyStoreId") {
        Some(Json::String(text)) if valid(&text) => return Ok(()),
        Some(Json::String(_)) => "1 to 200 of a-z, A-Z, 0-9, `-`, `/` and `_` are wanted",
        Some(_) => "a string is wanted",
        None => "is missing",
    };
    Err(Misfit::new(problem).within("policyStoreId"))
}

/// `principal`, `action`, `resource` and `context` in their native form.
fn question(
    mut members: Map<String, Json>,
    entities: Option<Json>,
    limits: &Limits,
) -> Result<Json, Misfit> {
    let mut question = Map::new();
    let readings: [(&str, ReadMember); 3] = [
        ("principal", entity),
        ("action", action),
        ("resource", entity),
    ];
    for (member, read) in readings {
        let json = members
            .remove(member)
            .ok_or_else(|| Misfit::new("is missing"))
            .and_then(read)
            .map_err(|misfit| misfit.within(member))?;
        question.insert(member.to_owned(), json);
    }
    if let Some(json) = members.remove("context") {
        let context = either(json, "contextMap", attributes, limits);
        let context = context.map_err(|misfit| misfit.within("context"))?;
        question.insert("context".to_owned(), context);
    }
    question.extend(entities.map(|entities| ("entities".to_owned(), entities)));
    Ok(Json::Object(question))
}
