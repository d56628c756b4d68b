//! The differences between two sets of policies, for people and for programs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::cli::output::say;
use crate::cli::prove::counterexample_json;
use peppol_authz_author::proof::{DifferenceSide, DifferingRequest, KindDifference};
use peppol_authz_engine::text::counted;

/// Writes the differences, by action.
pub(super) fn report(differences: &[KindDifference], as_json: bool) {
    let actions = by_action(differences);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (action, kinds) in &actions {
        let change = change_of(kinds);
        *counts.entry(change).or_default() += 1;
        if as_json {
            say(to_json(action, change, kinds));
        } else if change != "same" {
            say(format_args!("{action}: {change}"));
            kinds
                .iter()
                .for_each(|difference| say_difference(difference));
        }
    }
    if !as_json {
        let counts: Vec<String> = counts
            .iter()
            .map(|(change, n)| format!("{n} {change}"))
            .collect();
        say(format_args!(
            "{}: {}",
            counted(actions.len(), "action", "actions"),
            counts.join(", ")
        ));
    }
}

/// The differences of each action, by its bare name if no other action has it.
fn by_action(differences: &[KindDifference]) -> BTreeMap<String, Vec<&KindDifference>> {
    let mut uids: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for difference in differences {
        let (name, uid) = (difference.kind.action(), difference.kind.action_uid());
        uids.entry(name).or_default().insert(uid.to_string());
    }
    let mut actions: BTreeMap<String, Vec<&KindDifference>> = BTreeMap::new();
    for difference in differences {
        let name = difference.kind.action();
        let is_one = uids.get(name).is_none_or(|uids| uids.len() == 1);
        let action = if is_one {
            name.to_owned()
        } else {
            difference.kind.action_uid().to_string()
        };
        actions.entry(action).or_default().push(difference);
    }
    actions
}

/// The change of an action, over all kinds of its requests.
fn change_of(kinds: &[&KindDifference]) -> &'static str {
    let found = |side: &DifferenceSide| matches!(side, DifferenceSide::Found(_));
    let open = |side: &DifferenceSide| matches!(side, DifferenceSide::NotProved(_));
    let more = kinds.iter().any(|kind| found(&kind.more));
    let less = kinds.iter().any(|kind| found(&kind.less));
    match (more, less) {
        (true, true) => "both",
        _ if kinds
            .iter()
            .any(|kind| open(&kind.more) || open(&kind.less)) =>
        {
            "unknown"
        }
        (true, false) => "more",
        (false, true) => "less",
        (false, false) => "same",
    }
}

fn say_difference(difference: &KindDifference) {
    let sides = [
        ("newly allowed", &difference.more),
        ("no longer allowed", &difference.less),
    ];
    for (what, side) in sides {
        let kind = &difference.kind;
        match side {
            DifferenceSide::Nothing => {}
            DifferenceSide::NotProved(text) => {
                say(format_args!("  not known what is {what}, {kind}: {text}"))
            }
            DifferenceSide::Found(found) => {
                let unconfirmed = if found.confirmed {
                    ""
                } else {
                    " by the solver, and not confirmed by the engine"
                };
                say(format_args!("  {what}{unconfirmed}, {kind}"));
                let DifferingRequest { old, new, .. } = &**found;
                say(new);
                say(format_args!("    before     {}", old.decided_text()));
            }
        }
    }
}

fn to_json(action: &str, name: &str, kinds: &[&KindDifference]) -> Json {
    let side = |side: &DifferenceSide| match side {
        DifferenceSide::Nothing => Json::Null,
        DifferenceSide::NotProved(text) => json!({"notProved": text}),
        DifferenceSide::Found(found) => json!({
            "counterexample": counterexample_json(&found.new),
            "before": {"decision": found.old.verdict_name(), "codes": found.old.codes()},
            "confirmed": found.confirmed,
        }),
    };
    let kinds = kinds.iter().map(|difference| {
        json!({
            "kind": difference.kind.to_string(),
            "change": difference.name(),
            "more": side(&difference.more),
            "less": side(&difference.less),
        })
    });
    json!({"action": action, "change": name, "kinds": kinds.collect::<Vec<_>>()})
}
