//! All rights, by asking every question that there is.

use serde_json::{Map, Value, json};

use super::Rights;
use crate::rules::oracle::answer;
use crate::rules::question::Question;
use crate::rules::tenancy::Tenancy;
use crate::rules::vocabulary::{ACTIONS, Kind, Member};
use crate::store::uid;

/// The contexts of an action that a review asks; `None` where they are open.
pub(super) fn contexts(members: &[Member]) -> Option<Vec<Map<String, Value>>> {
    let mut all = vec![Map::new()];
    for member in members {
        let values: Vec<Value> = match member.kind {
            Kind::Word(words) => words.iter().map(|word| json!(word)).collect(),
            Kind::Bool => vec![json!(false), json!(true)],
            Kind::Entity(_) if member.optional => Vec::new(),
            Kind::Entity(_) | Kind::Flags => return None,
        };
        let absent = member.optional.then_some(None);
        let ways: Vec<Option<Value>> = absent
            .into_iter()
            .chain(values.into_iter().map(Some))
            .collect();
        let with = |before: &Map<String, Value>| {
            let before = before.clone();
            let each = ways.clone().into_iter().map(move |value| {
                let mut context = before.clone();
                context.extend(value.map(|value| (member.name.to_owned(), value)));
                context
            });
            each.collect::<Vec<_>>()
        };
        all = all.iter().flat_map(with).collect();
    }
    Some(all)
}

/// Every question that there is, answered by the rules as they are written a second time.
pub(super) fn exhaustive(
    tenancy: &Tenancy,
    within: Option<&str>,
    by: Option<(&str, &str)>,
) -> Rights {
    let mut rights = Rights::new();
    for action in &ACTIONS {
        let Some(contexts) = contexts(action.context) else {
            continue;
        };
        for resource in tenancy.ids(action.resource) {
            let organisation = tenancy.organisation_of(action.resource, resource);
            if within.is_some() && organisation.map(|it| it.id.as_str()) != within {
                continue;
            }
            for kind in ["User", "SubAccount"] {
                if kind == "SubAccount" && !action.sub_account {
                    continue;
                }
                for principal in tenancy.ids(kind) {
                    if by.is_some_and(|by| by != (kind, principal)) {
                        continue;
                    }
                    for context in &contexts {
                        let question = Question {
                            principal: (kind, principal.to_owned()),
                            action: action.name,
                            resource: (action.resource, resource.to_owned()),
                            context: context.clone(),
                        };
                        let expected = answer(tenancy, &question);
                        if expected.allow {
                            let named = |kind: &str, id: &str| {
                                uid(&format!("Peppol::{kind}"), id).to_string()
                            };
                            let key = [
                                named(kind, principal),
                                named("Action", action.name),
                                Value::Object(context.clone()).to_string(),
                                named(action.resource, resource),
                            ];
                            let obligations = expected.obligations.iter();
                            rights.insert(key, obligations.map(|it| (*it).to_owned()).collect());
                        }
                    }
                }
            }
        }
    }
    rights
}
