//! Answers as JSON text, and the members of a request that say how to answer.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value as Json;

use super::problem::Problem;
use peppol_authz_engine::Members;
use peppol_authz_engine::schema::Misfit;

/// The text of an answer.
pub(super) fn text(answer: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(answer).map_err(|error| Problem::Internal(error.to_string()))
}

/// A response with such a text.
pub(super) fn response(text: Vec<u8>) -> Response {
    (
        [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        text,
    )
        .into_response()
}

/// Takes out the members of a request that say how to answer, and not what is asked.
pub(super) fn taken(json: &mut Json, names: &[&str]) -> Members {
    let mut taken = Members::new();
    if let Json::Object(members) = json {
        taken.extend(names.iter().filter_map(|name| members.remove_entry(*name)));
    }
    taken
}

/// A member that is `true` or `false`; an absent one is false.
///
/// # Errors
/// Anything else.
pub(super) fn flag(members: &Members, name: &str) -> Result<bool, Misfit> {
    match members.get(name) {
        None | Some(Json::Null) => Ok(false),
        Some(Json::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Misfit::new("`true` or `false` is wanted").within(name)),
    }
}

/// Answers in one array, which is the only member of an object. It is written answer by answer.
pub(super) struct AnswerList {
    text: Vec<u8>,
    is_empty: bool,
}

impl AnswerList {
    /// An array under the name of a member.
    pub(super) fn new(member: &'static str) -> Self {
        Self {
            text: [b"{\"", member.as_bytes(), b"\":["].concat(),
            is_empty: true,
        }
    }

    /// Adds an answer.
    pub(super) fn push(&mut self, answer: &impl Serialize) -> Result<(), Problem> {
        if !std::mem::take(&mut self.is_empty) {
            self.text.push(b',');
        }
        serde_json::to_writer(&mut self.text, answer)
            .map_err(|error| Problem::Internal(error.to_string()))
    }

    /// The text of all of them.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.text.extend_from_slice(b"]}");
        self.text
    }
}
