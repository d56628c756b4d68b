//! The body of a denial: problem details, or what the operator has worded.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::HeaderValue;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::answer::Answer;
use crate::config::{DenialBody, Piece, Placeholder, Shape};

/// How a denial is worded.
#[derive(Debug)]
pub(super) struct Denial(Option<Shape>);

/// RFC 9457, with what the answer is called.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    decision_id: String,
}

/// A shape, and what it is filled with.
struct Filled<'a> {
    shape: &'a Shape,
    with: &'a Filling<'a>,
}

struct Filling<'a> {
    answer: &'a Answer,
    request_id: Option<&'a str>,
}

// === impl Denial ===

impl Denial {
    pub(super) fn new(settings: Option<&DenialBody>) -> Self {
        Self(settings.map(|body| body.shape().clone()))
    }

    pub(super) fn content_type(&self) -> HeaderValue {
        HeaderValue::from_static(match self.0 {
            Some(_) => "application/json",
            None => "application/problem+json",
        })
    }

    pub(super) fn body(&self, answer: &Answer, request_id: Option<&str>) -> Vec<u8> {
        let text = match &self.0 {
            Some(shape) => serde_json::to_vec(&Filled {
                shape,
                with: &Filling { answer, request_id },
            }),
            None => {
                let status = answer.status();
                serde_json::to_vec(&Details {
                    kind: "about:blank",
                    title: status.canonical_reason().unwrap_or("Error"),
                    status: status.as_u16(),
                    code: answer.code(),
                    detail: answer.message(),
                    decision_id: answer.id.to_string(),
                })
            }
        };
        // Strings, numbers, arrays and objects always have a JSON form.
        text.unwrap_or_default()
    }
}

impl Serialize for Filled<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of = |shape| Filled {
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

// === impl Filling ===

impl Filling<'_> {
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
            Placeholder::DecisionId => answer.id.to_string().into(),
            Placeholder::RequestId => match self.request_id {
                Some(id) => id.into(),
                None => answer.id.to_string().into(),
            },
            Placeholder::Time => time(SystemTime::now()).into(),
        }
    }
}

/// As RFC 3339 writes it, in UTC.
fn time(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Days of the calendar that begins with the first of March of the year 0, so that the leap day
    // is the last of a year (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        ..10 => (era * 400 + year, month + 3),
        _ => (era * 400 + year + 1, month - 9),
    };
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let milliseconds = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339_has_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.007Z"),
            (951_782_399, "2000-02-28T23:59:59.007Z"),
            (951_782_400, "2000-02-29T00:00:00.007Z"),
            (951_868_800, "2000-03-01T00:00:00.007Z"),
            (1_709_251_199, "2024-02-29T23:59:59.007Z"),
            (1_767_225_599, "2025-12-31T23:59:59.007Z"),
            (4_107_542_400, "2100-03-01T00:00:00.007Z"),
        ] {
            let at = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(7);
            assert_eq!(time(at), text);
        }
    }
}
