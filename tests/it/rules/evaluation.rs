//! Questions as AuthZEN's callers write them.

use serde_json::{Map, Value, json};

use super::malformed::Malformed;
use super::question::Question;
use super::rng::Rng;
use super::vocabulary::ACTIONS;

/// A name in lower case with a separator before each capital.
fn separated(name: &str, separator: char) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push(separator);
        }
        text.extend(letter.to_lowercase());
    }
    text
}

/// One of the names that mean a thing of the schema.
fn called(rng: &mut Rng, full: String, short: &str) -> String {
    match rng.below(6) {
        0 => full,
        1 => short.to_owned(),
        2 => separated(short, '_'),
        3 => separated(short, '-'),
        4 => short.to_uppercase(),
        _ => full.to_lowercase(),
    }
}

fn entity(rng: &mut Rng, (kind, id): &(&'static str, String)) -> Value {
    let called = called(rng, format!("Peppol::{kind}"), kind);
    let mut entity = json!({"type": called, "id": id});
    // The store serves all types: what is said of them means nothing.
    match rng.below(4) {
        0 => entity["properties"] = json!({}),
        1 => {
            entity["properties"] = json!({
                "id": "root", "superadmin": true, "emailVerified": true, "mode": "SHARED",
                "organisation": null, "environment": 7, "fullAccess": true, "x": [],
            });
        }
        _ => {}
    }
    entity
}

/// True if the context has all members of its action. While an optional one is absent, a surplus one
/// could be meant for it, and is refused.
pub(crate) fn is_whole(question: &Question) -> bool {
    let action = ACTIONS.iter().find(|action| action.name == question.action);
    let mut members = action.into_iter().flat_map(|action| action.context);
    members.all(|member| question.context.contains_key(member.name))
}

/// A question that fits the schema, with what must make no difference.
pub(crate) fn evaluation(rng: &mut Rng, question: &Question) -> Value {
    let mut parts = [Map::new(), Map::new()];
    for (name, value) in &question.context {
        let place = rng.below(2);
        let written = match rng.below(8) {
            0 => separated(name, '_'),
            1 => separated(name, '-'),
            2 => name.to_uppercase(),
            _ => name.clone(),
        };
        parts[place].insert(written, value.clone());
        // The action's properties win.
        if place == 0 && rng.percent(20) {
            parts[1].insert(name.clone(), json!("not this"));
        }
    }
    let [mut properties, mut context] = parts;
    for members in [&mut properties, &mut context] {
        if is_whole(question) && rng.percent(30) {
            members.insert("surplus".to_owned(), json!({"superadmin": [true, null]}));
        }
    }
    let full = format!("Peppol::Action::\"{}\"", question.action);
    let mut evaluation = json!({
        "subject": entity(rng, &question.principal),
        "action": {"name": called(rng, full, question.action), "properties": properties},
        "resource": entity(rng, &question.resource),
    });
    if !context.is_empty() || rng.percent(50) {
        evaluation["context"] = Value::Object(context);
    }
    evaluation
}

/// An entity out of its native forms; what is none stays as it is.
fn named(native: &Value) -> Value {
    match native {
        Value::String(literal) => {
            let parts = literal
                .strip_suffix('"')
                .and_then(|it| it.split_once("::\""));
            parts.map_or_else(
                || native.clone(),
                |(kind, id)| json!({"type": kind, "id": id}),
            )
        }
        Value::Object(members) => members.get("__entity").unwrap_or(native).clone(),
        other => other.clone(),
    }
}

/// A question that must be refused, member by member.
pub(crate) fn malformed_evaluation(malformed: &Malformed) -> Value {
    let Value::Object(native) = &malformed.json else {
        return malformed.json.clone();
    };
    let mut members = native.clone();
    for (from, to) in [("principal", "subject"), ("resource", "resource")] {
        if let Some(native) = native.get(from) {
            members.remove(from);
            members.insert(to.to_owned(), named(native));
        }
    }
    if let Some(action) = native.get("action") {
        let action = named(action);
        let name = match (action["type"].as_str(), action["id"].as_str()) {
            (Some(kind), Some(id)) => json!(format!("{kind}::\"{id}\"")),
            _ => action,
        };
        members.insert("action".to_owned(), json!({"name": name}));
    }
    Value::Object(members)
}
