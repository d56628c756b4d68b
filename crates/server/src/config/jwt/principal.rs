//! The principals that tokens name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A way in which claims name a principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// The type of the entity, by a name that callers may use.
    #[serde(rename = "type")]
    pub kind: String,
    /// The claim that names the entity: a member, or a JSON pointer if it starts with `/`.
    pub claim: String,
    /// The attribute that has the value of the claim; without one, the claim is the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// The claims that the entry requires, with their constants. An array fits if it holds the
    /// constant.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub when: BTreeMap<String, Constant>,
    /// True if an e-mail address is accepted when the token does not say whether it is verified. An
    /// address that the token says is not verified is never accepted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unverified: bool,
}

/// A constant that a claim is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a string, a boolean or a whole number to compare a claim with"
)]
pub enum Constant {
    /// A boolean.
    Truth(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

// === impl Principal ===

impl Principal {
    pub(in crate::config) fn problem(&self) -> Option<&'static str> {
        let is_empty = |text: Option<&String>| text.is_some_and(String::is_empty);
        if self.kind.is_empty() || is_empty(self.attribute.as_ref()) {
            return Some("`type` and `attribute` must not be empty where they are given");
        }
        let mut claims = std::iter::once(&self.claim).chain(self.when.keys());
        (!claims.all(|name| is_claim(name))).then_some(NO_CLAIM)
    }
}

/// The problem of a text that names no claim.
pub(super) const NO_CLAIM: &str = "a claim must be a name, or a JSON pointer as `/realm/role`";

/// Returns true if a text is the name of a claim, or a JSON pointer (RFC 6901).
pub(super) fn is_claim(name: &str) -> bool {
    let escapes = || {
        name.split('~')
            .skip(1)
            .all(|rest| rest.starts_with(['0', '1']))
    };
    match name.strip_prefix('/') {
        Some(path) => !path.is_empty() && escapes(),
        None => !name.is_empty(),
    }
}
