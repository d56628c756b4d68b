//! JSON that means one thing: no member twice, no more depth than allowed.
//!
//! `serde_json::Value` keeps the last of two members of one name. Two parsers
//! that disagree on which one counts are how a gateway checks one question and
//! a service acts on another (I-JSON, RFC 7493, asks for unique names).

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Text that is not JSON as wanted here; says where, and never what it holds.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(#[from] serde_json::Error);

/// Parses one JSON value of at most `depth` levels of arrays and objects.
///
/// # Errors
/// Malformed text, a member that occurs twice, or more levels than `depth`.
pub fn parse(text: &[u8], depth: usize) -> Result<Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Strict { depth }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Parses a JSON array of at most `depth` levels, and hands its elements over one by one: no more
/// than one of them is in memory. The inner error is the first of `each`.
///
/// # Errors
/// As [`parse`], and text that is no array.
pub(crate) fn each_element<E>(
    text: &[u8],
    depth: usize,
    each: impl FnMut(Value) -> Result<(), E>,
) -> Result<Result<(), E>, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let (strict, mut fault) = (Strict { depth }, None);
    let elements = Elements {
        inner: strict.inner::<serde_json::Error>()?,
        each,
        fault: &mut fault,
    };
    let parsed = deserializer.deserialize_seq(elements);
    if let Some(fault) = fault {
        return Ok(Err(fault));
    }
    parsed?;
    deserializer.end()?;
    Ok(Ok(()))
}

/// About how long JSON is as text, in bytes.
#[must_use]
pub fn length(json: &Value) -> usize {
    match json {
        Value::String(text) => text.len() + 2,
        Value::Array(elements) => 2 + elements.iter().map(|json| 1 + length(json)).sum::<usize>(),
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(name, json)| 4 + name.len() + length(json));
            2 + members.sum::<usize>()
        }
        _ => 4,
    }
}

/// About how many bytes JSON takes in memory.
#[must_use]
pub fn weight(json: &Value) -> usize {
    /// A part of a map, made whole for one member, and the members in a part of a large one.
    const MAP_PART: usize = 640;
    const MEMBERS: usize = 8;
    /// A value in a list, which has room for as many again.
    const ELEMENT: usize = 64;
    /// A text, without its letters.
    const TEXT: usize = 24;
    match json {
        Value::String(text) => TEXT + text.len(),
        Value::Array(elements) => elements.iter().map(|json| ELEMENT + weight(json)).sum(),
        Value::Object(members) => {
            let parts = members.len().div_ceil(MEMBERS);
            let members = members.iter();
            let members = members.map(|(name, json)| TEXT + name.len() + weight(json));
            MAP_PART * parts + members.sum::<usize>()
        }
        _ => 0,
    }
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn inner<E: Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth }),
            None => Err(E::custom("nested too deep")),
        }
    }
}

struct Elements<'a, F, E> {
    inner: Strict,
    each: F,
    fault: &'a mut Option<E>,
}

impl<'de, E, F: FnMut(Value) -> Result<(), E>> Visitor<'de> for Elements<'_, F, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(value) = seq.next_element_seed(self.inner)? {
            if let Err(fault) = (self.each)(value) {
                *self.fault = Some(fault);
                return Err(A::Error::custom("not wanted"));
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(inner)?;
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member occurs twice"));
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_twice_is_refused_at_any_level() {
        assert!(parse(br#"{"a":1,"b":{"c":1}}"#, 8).is_ok());
        assert!(parse(br#"{"a":1,"a":1}"#, 8).is_err());
        assert!(parse(br#"{"a":[{"b":1,"\u0062":2}]}"#, 8).is_err());
    }

    #[test]
    fn depth_counts_arrays_and_objects() {
        assert!(parse(br#"{"a":[1]}"#, 2).is_ok());
        assert!(parse(br#"{"a":[[1]]}"#, 2).is_err());
        assert!(parse(&b"[".repeat(100_000), 64).is_err());
    }

    #[test]
    fn elements_come_one_by_one() {
        let each = |text: &str| {
            let mut found = Vec::new();
            let parsed = each_element(text.as_bytes(), 3, |value| {
                found.push(value.to_string());
                match value.is_null() {
                    true => Err("null"),
                    false => Ok(()),
                }
            });
            (parsed.map_err(|error| error.to_string()), found.join(" "))
        };
        assert_eq!(
            each("[1, {\"a\": []}]"),
            (Ok(Ok(())), r#"1 {"a":[]}"#.to_owned())
        );
        assert_eq!(each("[1, null, 2]"), (Ok(Err("null")), "1 null".to_owned()));
        for text in [
            "",
            "{}",
            "1",
            "[1",
            "[1] 2",
            "[[[[]]]]",
            r#"[{"a":1,"a":1}]"#,
        ] {
            assert!(each(text).0.is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_may_follow() {
        assert!(parse(b"1 2", 2).is_err());
    }
}
