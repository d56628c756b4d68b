//! Requests of Amazon Verified Permissions into native questions.

use axum::http::HeaderMap;
use serde_json::{Map, Value as Json};

use super::attribute::{action, attributes, entity};
use super::described::described;
use crate::http::Limits;
use peppol_authz_engine::Malformed;
use peppol_authz_engine::schema::{Misfit, parse_json};

/// The most requests of a batch, as the service's documentation has it.
const BATCH: usize = 30;

/// A part of a request into its native form.
pub(super) type Read = fn(Json) -> Result<Json, Misfit>;

/// What is asked for, by `X-Amz-Target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    IsAuthorized,
    BatchIsAuthorized,
}

/// One question.
pub(super) struct Asked {
    /// As it was sent.
    pub(super) request: Json,
    /// In its native form.
    pub(super) question: Json,
}

impl Operation {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Malformed> {
        let unknown = |text: &str| Malformed {
            code: "UNKNOWN_OPERATION",
            misfit: Misfit::new(text),
        };
        let target = headers
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok()?.strip_prefix("VerifiedPermissions."));
        match target {
            Some("IsAuthorized") => Ok(Self::IsAuthorized),
            Some("BatchIsAuthorized") => Ok(Self::BatchIsAuthorized),
            Some("IsAuthorizedWithToken" | "BatchIsAuthorizedWithToken") => Err(unknown(
                "tokens are not read here: verify the token, and ask with the principal that it names",
            )),
            _ => Err(unknown(
                "`X-Amz-Target`: VerifiedPermissions.IsAuthorized and .BatchIsAuthorized are offered",
            )),
        }
    }

    /// A fault of a question as one of the request that it was sent in.
    pub(super) fn place(self, misfit: Misfit, i: usize) -> Misfit {
        match self {
            // What callers describe is common to all of a batch.
            _ if misfit.member.starts_with("entities") => misfit,
            Self::IsAuthorized => misfit,
            Self::BatchIsAuthorized => misfit.within(&i.to_string()).within("requests"),
        }
    }
}

pub(super) fn malformed(misfit: Misfit) -> Malformed {
    Malformed {
        code: "MALFORMED_QUESTION",
        misfit,
    }
}

/// The questions of a request.
pub(super) fn read(
    operation: Operation,
    body: &[u8],
    limits: &Limits,
) -> Result<Vec<Asked>, Malformed> {
    // A value with its type takes two levels where a question has one.
    let json = parse_json(body, 2 * limits.json_depth + 4)
        .map_err(|error| Malformed::json(error.to_string()))?;
    let asked = match operation {
        Operation::IsAuthorized => alone(json, limits),
        Operation::BatchIsAuthorized => batch(json, limits),
    };
    asked.map_err(malformed)
}

fn alone(json: Json, limits: &Limits) -> Result<Vec<Asked>, Misfit> {
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
    let question = question(members, entities, limits)?;
    Ok(vec![Asked {
        // Only a batch gives it back.
        request: Json::Null,
        question,
    }])
}

fn batch(json: Json, limits: &Limits) -> Result<Vec<Asked>, Misfit> {
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
    let read = |(i, request): (usize, Json)| {
        let question = record(
            request.clone(),
            &["principal", "action", "resource", "context"],
        )
        .and_then(|members| question(members, entities.clone(), limits))
        .map_err(|misfit| within(misfit.within(&i.to_string())))?;
        Ok(Asked { request, question })
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
    let readings: [(&str, Read); 3] = [
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

/// A union of the service's own form, `own`, and of `cedarJson`, Cedar's as a text.
pub(super) fn either(json: Json, own: &str, read: Read, limits: &Limits) -> Result<Json, Misfit> {
    let wanted = format!("one of `{own}` and `cedarJson`");
    let (name, json) = one(json, &wanted)?;
    let value = match json {
        json if name == own => read(json),
        Json::String(text) if name == "cedarJson" => parse_json(text.as_bytes(), limits.json_depth)
            .map_err(|error| Misfit::new(format!("no JSON: {error}"))),
        _ if name == "cedarJson" => Err(Misfit::new("a string is wanted")),
        _ => return Err(Misfit::new(format!("{wanted} is wanted"))),
    };
    value.map_err(|misfit| misfit.within(&name))
}

/// The members of an object that has none but these. What another one would mean is not
/// known here, so it is not passed over.
pub(super) fn record(json: Json, known: &[&str]) -> Result<Map<String, Json>, Misfit> {
    let Json::Object(members) = json else {
        return Err(Misfit::new("an object is wanted"));
    };
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(surplus) => Err(Misfit::new("no such member").within(surplus)),
        None => Ok(members),
    }
}

/// The one member of a union.
pub(super) fn one(json: Json, wanted: &str) -> Result<(String, Json), Misfit> {
    match json {
        Json::Object(members) if members.len() == 1 => members.into_iter().next(),
        _ => None,
    }
    .ok_or_else(|| Misfit::new(format!("{wanted} is wanted")))
}
