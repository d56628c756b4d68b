//! The body of a denial: problem details, or the operator's own words.

use std::borrow::Cow;
use std::time::SystemTime;

use axum::http::HeaderValue;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::answer::GatewayAnswer;
use crate::config::{DenialBody, Piece, Placeholder, Shape};
use crate::instant;

/// The wording of a denial.
#[derive(Debug)]
pub(super) struct DenialWording(Option<Shape>);

/// Problem details by RFC 9457, with the id of the answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DenialDetails<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    decision_id: String,
}

/// A shape, and the answer that fills it.
struct FilledShape<'a> {
    shape: &'a Shape,
    with: &'a ShapeFilling<'a>,
}

struct ShapeFilling<'a> {
    answer: &'a GatewayAnswer,
    request_id: Option<&'a str>,
}

// === impl DenialWording ===

impl DenialWording {
    pub(super) fn new(settings: Option<&DenialBody>) -> Self {
        Self(settings.map(|body| body.shape().clone()))
    }

    pub(super) fn content_type(&self) -> HeaderValue {
        HeaderValue::from_static(match self.0 {
            Some(_) => "application/json",
            None => "application/problem+json",
        })
    }

    pub(super) fn body(&self, answer: &GatewayAnswer, request_id: Option<&str>) -> Vec<u8> {
        let text = match &self.0 {
            Some(shape) => serde_json::to_vec(&FilledShape {
                shape,
                with: &ShapeFilling { answer, request_id },
            }),
            None => {
                let status = answer.status();
                serde_json::to_vec(&DenialDetails {
                    kind: "about:blank",
                    title: status.canonical_reason().unwrap_or("Error"),
                    status: status.as_u16(),
                    code: answer.code(),
                    detail: answer.message(),
                    decision_id: answer.id().to_string(),
                })
            }
        };
        // Strings, numbers, arrays and objects always have a JSON form.
        text.unwrap_or_default()
    }
}

impl Serialize for FilledShape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of = |shape| FilledShape {
            shape,
            with: self.with,
        };
        match self.shape {
            Shape::Constant(json) => json.serialize(serializer),
            Shape::Text(pieces) => match pieces.as_slice() {
                [Piece::Filled(Placeholder::Status)] => {
                    serializer.serialize_u16(self.with.answer.status().as_u16())
                }
                pieces => {
                    let text: String = pieces.iter().map(|piece| self.with.piece(piece)).collect();
                    serializer.serialize_str(&text)
                }
            },
            Shape::Array(elements) => {
                let mut array = serializer.serialize_seq(Some(elements.len()))?;
                for element in elements {
                    array.serialize_element(&of(element))?;
                }
                array.end()
            }
            Shape::Object(members) => {
                let mut object = serializer.serialize_map(Some(members.len()))?;
                for (name, member) in members {
                    object.serialize_entry(name, &of(member))?;
                }
                object.end()
            }
        }
    }
}

// === impl ShapeFilling ===

impl ShapeFilling<'_> {
    fn piece<'b>(&'b self, piece: &'b Piece) -> Cow<'b, str> {
        match piece {
            Piece::Text(text) => text.into(),
            Piece::Filled(placeholder) => self.value(*placeholder),
        }
    }

    fn value(&self, placeholder: Placeholder) -> Cow<'_, str> {
        let answer = self.answer;
        match placeholder {
            Placeholder::Code => answer.code().into(),
            Placeholder::Message => answer.message().into(),
            Placeholder::Status => answer.status().as_str().to_owned().into(),
            Placeholder::DecisionId => answer.id().to_string().into(),
            Placeholder::RequestId => match self.request_id {
                Some(id) => id.into(),
                None => answer.id().to_string().into(),
            },
            Placeholder::Time => instant::milliseconds(SystemTime::now()).into(),
        }
    }
}
