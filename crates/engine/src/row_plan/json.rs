//! The tree of a plan in JSON. It is an interface: programs outside read it.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::condition::{RowAttribute, RowCondition, RowTest};
use crate::store::Comparison;

impl RowCondition {
    /// The tree in JSON, by an operator `op` in each object:
    ///
    /// - `and`, `or` of `conditions`; `always` and `never`, of nothing.
    /// - `isNull`, `isNotNull` of an `attribute`.
    /// - `eq`, `ne`, `lt`, `le`, `gt`, `ge` of an `attribute` and a `value`.
    /// - `in`, `notIn` of an `attribute` and `values`.
    /// - `like`, `notLike` of an `attribute` and a `pattern`: texts with anything between them.
    /// - `contains`, `lacks` of a set's `attribute` and `values`: one of them, none of them.
    /// - `isEmpty`, `isNotEmpty` of a set's `attribute`.
    /// - `related` of an `attribute` and a `condition` on the row of the entity that it names.
    ///
    /// `type` is the type of the entity whose id a value is. Nothing but `isNull` holds of a value
    /// that is NULL.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let all = |parts: &[Self]| -> Vec<Json> { parts.iter().map(Self::to_json).collect() };
        match self {
            Self::Always => json!({"op": "always"}),
            Self::Never => json!({"op": "never"}),
            Self::All(parts) => json!({"op": "and", "conditions": all(parts)}),
            Self::Any(parts) => json!({"op": "or", "conditions": all(parts)}),
            Self::Holds(attribute, test) => {
                let (op, members) = tested(test);
                node(op, attribute, members)
            }
            Self::Related(attribute, related) => {
                let members = Some(("condition", related.condition.to_json()));
                node("related", attribute, members)
            }
        }
    }
}

fn node(op: &str, attribute: &RowAttribute, member: Option<(&str, Json)>) -> Json {
    let mut node = json!({"op": op, "attribute": &*attribute.name});
    if let Json::Object(members) = &mut node {
        if let Some(entity) = &attribute.entity {
            members.insert("type".to_owned(), (&**entity).into());
        }
        members.extend(member.map(|(name, json)| (name.to_owned(), json)));
    }
    node
}

/// The operator of a test, and the member that it has.
fn tested(test: &RowTest) -> (&'static str, Option<(&'static str, Json)>) {
    let values =
        |texts: &[Arc<str>]| -> Json { texts.iter().map(|text| text.to_string()).collect() };
    let one_of = |texts: &[Arc<str>], one, several| match texts {
        [text] => (one, Some(("value", Json::from(&**text)))),
        texts => (several, Some(("values", values(texts)))),
    };
    match test {
        RowTest::Present => ("isNotNull", None),
        RowTest::Absent => ("isNull", None),
        RowTest::Bool(value) => ("eq", Some(("value", (*value).into()))),
        RowTest::Long(comparison, than) => {
            let op = match comparison {
                Comparison::Equal => "eq",
                Comparison::NotEqual => "ne",
                Comparison::Less => "lt",
                Comparison::LessOrEqual => "le",
                Comparison::Greater => "gt",
                Comparison::GreaterOrEqual => "ge",
            };
            (op, Some(("value", (*than).into())))
        }
        RowTest::IsOneOf(texts) => one_of(texts, "eq", "in"),
        RowTest::IsNoneOf(texts) => one_of(texts, "ne", "notIn"),
        RowTest::Like(texts) => ("like", Some(("pattern", values(texts)))),
        RowTest::NotLike(texts) => ("notLike", Some(("pattern", values(texts)))),
        RowTest::Contains(texts) => ("contains", Some(("values", values(texts)))),
        RowTest::Lacks(texts) => ("lacks", Some(("values", values(texts)))),
        RowTest::Empty(true) => ("isEmpty", None),
        RowTest::Empty(false) => ("isNotEmpty", None),
    }
}
