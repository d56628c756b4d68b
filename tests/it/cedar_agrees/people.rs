//! Sets as people write them: each construct of the published examples, with what Cedar decides pinned.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{BothSides, WrittenLink, uid};

#[derive(Deserialize)]
struct Sets {
    set: Vec<PeoplesSet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PeoplesSet {
    /// The published sets that have these constructs.
    like: String,
    schema: String,
    policies: String,
    #[serde(default)]
    link: Vec<WrittenLink>,
    entities: BTreeMap<String, Map<String, Value>>,
    case: Vec<PinnedCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PinnedCase {
    /// Principal, action, resource.
    ask: [String; 3],
    #[serde(default)]
    context: Map<String, Value>,
    allow: bool,
    by: Vec<String>,
}

/// A value with its references as Cedar writes them.
fn whole(value: &Value) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('@').and_then(|it| it.split_once('/')) {
            Some((kind, id)) => json!({"__entity": uid(kind, id)}),
            None => value.clone(),
        },
        Value::Array(values) => values.iter().map(whole).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), whole(value)))
            .collect(),
        _ => value.clone(),
    }
}

/// An entity as policies name it, without escapes in its id.
fn literal(text: &str) -> Value {
    let (kind, id) = text.split_once("::\"").unwrap();
    uid(kind, id.strip_suffix('"').unwrap())
}

impl PeoplesSet {
    fn entities(&self) -> Value {
        let entities = self.entities.iter().map(|(uid, members)| {
            let mut attributes = members.clone();
            let parents = attributes.remove("in").unwrap_or(json!([]));
            json!({
                "uid": literal(uid),
                "attrs": whole(&Value::Object(attributes)),
                "parents": whole(&parents),
            })
        });
        entities.collect()
    }

    fn hold(&self) {
        let sides = BothSides::with_links(&self.schema, &self.policies, &self.link);
        let entities = self.entities();
        let cedar = sides.read(&entities).expect(&self.like);
        let engine = sides.engine(&entities).expect(&self.like);
        for case in &self.case {
            let [principal, action, resource] = &case.ask;
            let actions = sides.bundle.schema.actions().into_iter();
            let mut actions = actions.map(|found| &found.uid);
            let action = actions.find(|found| found.id().unescaped() == action);
            let action = action.expect(&self.like);
            let question = json!({
                "principal": literal(principal),
                "action": uid(&action.type_name().to_string(), action.id().unescaped()),
                "resource": literal(resource),
                "context": whole(&Value::Object(case.context.clone())),
            });
            let found = sides.assert_agree(&engine, &cedar, &question);
            let by: Vec<&str> = found.determining.iter().map(String::as_str).collect();
            let like = &self.like;
            assert_eq!(
                (found.allowed, found.failed),
                (case.allow, false),
                "{like}: {question}"
            );
            assert_eq!(by, case.by, "{like}: {question}");
        }
    }
}

#[test]
fn sets_as_people_write_them_are_decided_as_by_cedar() {
    let sets: Sets = toml::from_str(include_str!("people.toml")).unwrap();
    assert_eq!(sets.set.len(), 11);
    for set in &sets.set {
        set.hold();
    }
}
