//! A right as a line of JSON.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// The line before the first right of a review in JSON.
pub(super) const RIGHTS: &str = "\"rights\": [";

/// The line before the first right that has become wider, and narrower.
pub(super) const WIDER: &str = "\"wider\": [";
pub(super) const NARROWER: &str = "\"narrower\": [";

/// The line behind the last.
pub(super) const END_OF_RIGHTS: &str = "],";

/// A right by what it allows: a hash, however long its names are.
pub(super) type RightKey = [u8; 24];

/// A right as a line has it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RightLine<'a> {
    #[serde(borrow)]
    pub(super) principal: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) action: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) context: &'a RawValue,
    #[serde(borrow)]
    pub(super) resource: Cow<'a, str>,
    pub(super) policies: Vec<Cow<'a, str>>,
    pub(super) rules: Vec<Cow<'a, str>>,
    pub(super) obligations: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) values: Vec<ValueLine<'a>>,
    /// Where decision logs were read: its last use, or that there was none.
    #[serde(
        default,
        deserialize_with = "written",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) last_used: Option<Option<LastUse>>,
}

/// The parts of a right behind its resource.
#[derive(Serialize)]
pub(super) struct RightParts<'a> {
    pub(super) policies: Vec<Cow<'a, str>>,
    pub(super) rules: Vec<Cow<'a, str>>,
    pub(super) obligations: Vec<Cow<'a, str>>,
    pub(super) values: Vec<ValueLine<'a>>,
}

/// A value that a permit has read.
#[derive(Deserialize, Serialize)]
pub(super) struct ValueLine<'a> {
    #[serde(borrow)]
    pub(super) policy: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) expression: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) value: Cow<'a, str>,
}

/// The decision by which a right was last used.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LastUse {
    /// When it was decided.
    pub(super) time: String,
    /// The id of the decision.
    pub(super) decision_id: String,
}

/// A member that is there, also where it is `null`.
fn written<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<LastUse>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl<'a> RightLine<'a> {
    /// Reads a line.
    ///
    /// # Errors
    /// Anything else.
    pub(super) fn read(line: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(line)
    }

    /// The context; nothing where it is empty.
    pub(super) fn context(&self) -> &str {
        match self.context.get() {
            "{}" => "",
            context => context,
        }
    }

    /// The right by what it allows.
    pub(super) fn key(&self) -> RightKey {
        key(
            &self.principal,
            &self.action,
            &self.resource,
            self.context(),
        )
    }

    /// The values that its permits have read, each once.
    pub(super) fn values(&self) -> Vec<String> {
        let mut values: Vec<String> = Vec::with_capacity(self.values.len());
        for read in &self.values {
            let text = format!("{} = {}", read.expression, read.value);
            if !values.contains(&text) {
                values.push(text);
            }
        }
        values
    }
}

/// A right by what it allows. The context is nothing where it is empty.
pub(super) fn key(principal: &str, action: &str, resource: &str, context: &str) -> RightKey {
    let mut digest = Sha256::new();
    for part in [principal, action, resource] {
        digest.update(part);
        digest.update([0xff]);
    }
    digest.update(context);
    let mut key = [0; 24];
    key.iter_mut()
        .zip(digest.finalize())
        .for_each(|(to, from)| *to = from);
    key
}

/// The member that is added to a line with the last use.
pub(super) fn used_member(used: Option<&LastUse>) -> String {
    format!(",\"lastUsed\":{}", serde_json::json!(used))
}
