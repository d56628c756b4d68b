//! `diff`: what other policies allow more or less.

mod logged;
mod side;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::Exit;
use super::args::DiffArgs;
use super::output::{complain, complain_of, say};
use super::prove::{found_json, in_worker};
use peppol_authz_author::proof::{Difference, Found, ProofOptions, Prover, Side, diff};

pub(super) fn run(args: &DiffArgs) -> Exit {
    let compared = match side::compared(args) {
        Ok(compared) => compared,
        Err(exit) => return exit,
    };
    let recorded = match logged::recorded(args) {
        Ok(recorded) => recorded,
        Err(exit) => return exit,
    };
    let options = ProofOptions {
        timeout: args.solver.timeout,
    };
    let logs = args.log.clone();
    let found = in_worker(async move {
        let mut prover = Prover::start(options)?;
        let differences = diff(&mut prover, &compared).await?;
        Ok((
            differences,
            logged::decide(&compared, &recorded, &logs).await?,
        ))
    });
    let (differences, logged) = match found {
        Ok(found) => found,
        Err(error) => {
            complain(&*error);
            return Exit::Failed;
        }
    };
    let mut actions: BTreeMap<String, Vec<&Difference>> = BTreeMap::new();
    // By its bare name where no other action has it.
    let mut uids: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for difference in &differences {
        let (name, uid) = (difference.kind.action(), difference.kind.action_uid());
        uids.entry(name).or_default().insert(uid.to_string());
    }
    for difference in &differences {
        let name = difference.kind.action();
        let is_one = uids.get(name).is_none_or(|uids| uids.len() == 1);
        let uid = difference.kind.action_uid();
        let action = if is_one {
            name.to_owned()
        } else {
            uid.to_string()
        };
        actions.entry(action).or_default().push(difference);
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (action, kinds) in &actions {
        let name = of_action(kinds);
        *counts.entry(name).or_default() += 1;
        if args.json {
            say(to_json(action, name, kinds));
        } else if name != "same" {
            say(format_args!("{action}: {name}"));
            kinds
                .iter()
                .for_each(|difference| say_difference(difference));
        }
    }
    if !args.json {
        let counts: Vec<String> = counts
            .iter()
            .map(|(name, n)| format!("{n} {name}"))
            .collect();
        say(format_args!(
            "{} actions: {}",
            actions.len(),
            counts.join(", ")
        ));
    }
    logged.show(args.json);
    if args.no_wider && (differences.iter().any(Difference::may_be_wider) || logged.is_wider()) {
        complain_of("something may be allowed that was not");
        Exit::TestFailed
    } else if differences.iter().all(Difference::is_settled) && logged.is_settled() {
        Exit::Done
    } else {
        Exit::Failed
    }
}

/// What has become of an action, of whatever kinds its requests are.
fn of_action(kinds: &[&Difference]) -> &'static str {
    let found = |side: &Side| matches!(side, Side::Found(_));
    let open = |side: &Side| matches!(side, Side::NotProved(_));
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

fn say_difference(difference: &Difference) {
    let sides = [
        ("newly allowed", &difference.more),
        ("no longer allowed", &difference.less),
    ];
    for (what, side) in sides {
        let kind = &difference.kind;
        match side {
            Side::Nothing => {}
            Side::NotProved(text) => {
                say(format_args!("  not known what is {what}, {kind}: {text}"))
            }
            Side::Found(found) => {
                let unconfirmed = if found.confirmed {
                    ""
                } else {
                    " by the solver, and not confirmed by the engine"
                };
                say(format_args!("  {what}{unconfirmed}, {kind}"));
                let Found { old, new, .. } = &**found;
                say(new);
                say(format_args!("    before     {}", old.decided_text()));
            }
        }
    }
}

fn to_json(action: &str, name: &str, kinds: &[&Difference]) -> Json {
    let side = |side: &Side| match side {
        Side::Nothing => Json::Null,
        Side::NotProved(text) => json!({"notProved": text}),
        Side::Found(found) => json!({
            "counterexample": found_json(&found.new),
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
