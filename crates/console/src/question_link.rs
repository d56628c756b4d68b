//! A question as the parameters of Ask, and its target.

use cedar_policy::EntityUid;
use serde_json::Value as Json;

use crate::entity::id;
use crate::query::Parameters;

/// Where a question is explained.
pub(crate) fn target(
    principal: &EntityUid,
    action: &EntityUid,
    resource: &EntityUid,
    context: &Json,
) -> String {
    let query = parameters(principal, action, resource, context);
    query.with("ask", "1").behind("/console/ask")
}

/// The parameters of a question.
pub(crate) fn parameters(
    principal: &EntityUid,
    action: &EntityUid,
    resource: &EntityUid,
    context: &Json,
) -> Parameters {
    let mut query = Parameters::default();
    for (member, uid) in [("principal", principal), ("resource", resource)] {
        query = query.with(&format!("{member}-type"), &uid.type_name().to_string());
        query = query.with(member, id(uid));
    }
    query = query.with("action", &action.to_string());
    members(&mut query, "context", context);
    query
}

fn members(query: &mut Parameters, before: &str, json: &Json) {
    match json {
        Json::Object(all) => {
            for (name, value) in all {
                members(query, &format!("{before}.{name}"), value);
            }
        }
        Json::String(text) => *query = query.with(before, text),
        Json::Array(values) => {
            let lines = values.iter().map(|value| match value {
                Json::String(text) => text.clone(),
                other => other.to_string(),
            });
            *query = query.with(before, &lines.collect::<Vec<_>>().join("\n"));
        }
        other => *query = query.with(before, &other.to_string()),
    }
}

/// A context in few words; nothing where it is empty.
pub(crate) fn in_words(context: &Json) -> String {
    let Json::Object(members) = context else {
        return context.to_string();
    };
    let pairs = members.iter().map(|(name, value)| match value {
        Json::String(text) => format!("{name} {text}"),
        other => format!("{name} {other}"),
    });
    pairs.collect::<Vec<_>>().join(", ")
}
