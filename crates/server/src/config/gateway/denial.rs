//! The body of a denial in the words of an operator: JSON with placeholders in its strings.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value as Json;

use super::Members;

/// A JSON object with placeholders, read once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Members")]
pub struct DenialBody {
    written: Members,
    shape: Shape,
}

/// JSON with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A value without placeholders.
    Constant(Json),
    /// A string. One that is `{status}` alone is a number.
    Text(Vec<Piece>),
    /// An array.
    Array(Vec<Shape>),
    /// An object.
    Object(Vec<(String, Shape)>),
}

/// A part of a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A text without placeholders.
    Text(String),
    /// A text that differs with each denial.
    Filled(Placeholder),
}

/// A text that differs with each denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// `{code}`: the code of the denial.
    Code,
    /// `{message}`: the message for the caller.
    Message,
    /// `{status}`: the HTTP status.
    Status,
    /// `{decisionId}`: the id of the decision, as in the log and the headers.
    DecisionId,
    /// `{requestId}`: the request's `X-Request-ID`, or the decision's id where it has none.
    RequestId,
    /// `{time}`: the current time, as `2026-01-31T12:00:00.000Z`.
    Time,
}

/// Why an object is no [`DenialBody`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DenialError {
    /// The object has no members.
    #[error("expected at least one member")]
    Empty,
    /// A string has a text in braces that is no placeholder.
    #[error(
        "`{0}`: expected `{{code}}`, `{{message}}`, `{{status}}`, `{{decisionId}}`, \
         `{{requestId}}` or `{{time}}` in braces; a brace itself is written twice"
    )]
    Placeholder(String),
}

// === impl DenialBody ===

impl DenialBody {
    /// The parts of the body.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }
}

impl TryFrom<Members> for DenialBody {
    type Error = DenialError;

    fn try_from(written: Members) -> Result<Self, DenialError> {
        if written.is_empty() {
            return Err(DenialError::Empty);
        }
        let shape = Shape::object(&written)?;
        Ok(Self { written, shape })
    }
}

impl Serialize for DenialBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written.serialize(serializer)
    }
}

// === impl Shape ===

impl Shape {
    fn object(members: &Members) -> Result<Self, DenialError> {
        let members = members.iter();
        let shapes = members.map(|(name, value)| Ok((name.clone(), Self::read(value)?)));
        shapes.collect::<Result<_, _>>().map(Self::Object)
    }

    fn read(json: &Json) -> Result<Self, DenialError> {
        match json {
            Json::Object(members) => Self::object(members),
            Json::Array(elements) => {
                let shapes: Result<_, _> = elements.iter().map(Self::read).collect();
                shapes.map(Self::Array)
            }
            Json::String(text) => {
                let pieces = pieces(text).ok_or_else(|| DenialError::Placeholder(text.clone()))?;
                Ok(Self::Text(pieces))
            }
            other => Ok(Self::Constant(other.clone())),
        }
    }
}

fn pieces(text: &str) -> Option<Vec<Piece>> {
    let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
    while let Some(place) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(place);
        plain.push_str(before);
        if let Some(behind) = from.strip_prefix("{{") {
            plain.push('{');
            rest = behind;
        } else if let Some(behind) = from.strip_prefix("}}") {
            plain.push('}');
            rest = behind;
        } else {
            let (name, behind) = from.strip_prefix('{')?.split_once('}')?;
            let placeholder = Placeholder::called(name)?;
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Filled(placeholder));
            rest = behind;
        }
    }
    plain.push_str(rest);
    if !plain.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Some(pieces)
}

// === impl Placeholder ===

impl Placeholder {
    fn called(name: &str) -> Option<Self> {
        Some(match name {
            "code" => Self::Code,
            "message" => Self::Message,
            "status" => Self::Status,
            "decisionId" => Self::DecisionId,
            "requestId" => Self::RequestId,
            "time" => Self::Time,
            _ => return None,
        })
    }
}
