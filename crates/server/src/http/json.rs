//! Answers as JSON text.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::problem::Problem;

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
