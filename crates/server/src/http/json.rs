//! Answers as JSON text, and the members of a request that say how to answer.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value as Json;

use super::problem::Problem;
use peppol_authz_engine::schema::Misfit;
use peppol_authz_engine::{Decision, Members, WrittenText};

/// The text of an answer.
pub(super) fn text(answer: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(answer).map_err(|error| Problem::Internal(error.to_string()))
}

/// Adds an answer to a text.
pub(super) fn add(text: &mut Vec<u8>, answer: &impl Serialize) -> Result<(), Problem> {
    let written = serde_json::to_writer(text, answer);
    written.map_err(|error| Problem::Internal(error.to_string()))
}

/// Writes one object of two parts, which are objects: that of a decision, whose text is kept with one that
/// is given again, and another one behind it.
pub(super) fn joined<'d, P: Serialize>(
    text: &mut Vec<u8>,
    decision: &'d Decision,
    which: WrittenText,
    part: impl FnOnce(&'d Decision) -> P,
    other: &impl Serialize,
) -> Result<(), Problem> {
    match &decision.notes {
        Some(notes) => {
            let kept = notes.text(which, || {
                // Strings and lists of them always have a JSON form; without one, nothing is an answer.
                serde_json::to_string(&part(decision))
                    .unwrap_or_default()
                    .into()
            });
            text.extend_from_slice(kept.as_bytes());
        }
        None => add(text, &part(decision))?,
    }
    let Some(end) = text.len().checked_sub(1).filter(|_| text.ends_with(b"}")) else {
        return Err(Problem::Internal("a decision without a text".to_owned()));
    };
    add(text, other)?;
    // `}{` between them.
    text.splice(end..end + 2, *b",");
    Ok(())
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
        self.push_by(|text| add(text, answer))
    }

    /// Adds an answer that writes itself.
    pub(super) fn push_by(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        if !std::mem::take(&mut self.is_empty) {
            self.text.push(b',');
        }
        write(&mut self.text)
    }

    /// The text of all of them.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.text.extend_from_slice(b"]}");
        self.text
    }
}
