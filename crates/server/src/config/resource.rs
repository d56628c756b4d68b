//! Attributes of this process, as `OTEL_RESOURCE_ATTRIBUTES` has them: `key=value,key=value`.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize, Serializer};

/// Attributes, each with its value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ResourceAttributes {
    text: String,
    all: Vec<(String, String)>,
}

/// Why a text holds no attributes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `key=value,key=value`, with `,`, `=` and `%` in a value as `%2C`, `%3D` and `%25`, found `{0}`"
)]
pub struct ResourceError(String);

impl ResourceAttributes {
    /// Each key with its value.
    #[must_use]
    pub fn all(&self) -> &[(String, String)] {
        &self.all
    }
}

/// The pairs of a text as `key=value,key=value`, whose values are percent-encoded.
#[must_use]
pub fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let parts = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (key, value) = part.split_once('=')?;
        let (key, value) = (key.trim(), value.trim());
        let value = percent_decode_str(value).decode_utf8().ok()?;
        (!key.is_empty()).then(|| (key.to_owned(), value.into_owned()))
    };
    parts.map(pair).collect()
}

impl TryFrom<String> for ResourceAttributes {
    type Error = ResourceError;

    fn try_from(text: String) -> Result<Self, ResourceError> {
        match pairs(&text) {
            Some(all) => Ok(Self { text, all }),
            None => Err(ResourceError(text)),
        }
    }
}

impl fmt::Display for ResourceAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for ResourceAttributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded() {
        let read = |text: &str| ResourceAttributes::try_from(text.to_owned());
        let found = read("deployment.environment.name=a%2Cb, k8s.pod.name = p ,").unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let wanted = [
            pair("deployment.environment.name", "a,b"),
            pair("k8s.pod.name", "p"),
        ];
        assert_eq!(found.all(), wanted);
        assert_eq!(read("").unwrap().all(), []);
        for text in ["a", "=a", "a=%ff"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
