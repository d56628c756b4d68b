//! An explanation of a decision, for people.

use crate::cli::output::say;
use crate::cli::reasons::reason_text;
use peppol_authz_engine::policy::PolicyInfo;
use peppol_authz_engine::{
    Change, ChangeKind, Explanation, MissingConditions, NearPermit, ReadValue, Remedy, Verdict,
};

/// Writes an explanation for people.
pub(in crate::cli) fn say_explanation(explanation: &Explanation) {
    for uid in &explanation.absent {
        say(format_args!("\nthere is no {uid}"));
    }
    for policy in &explanation.policies {
        say("");
        say_policy(&policy.info);
        policy
            .info
            .source()
            .lines()
            .for_each(|line| say(format_args!("  | {line}")));
        say_values(&policy.values, policy.cut);
    }
    if !explanation.permits.is_empty() {
        say("\nwithout that it would be permitted by");
        let permits = explanation.permits.iter();
        permits.for_each(|info| say(format_args!("  {}", titled(info))));
    }
    if !explanation.ways.is_empty() {
        say("\nthe smallest change against that");
        say_ways(&explanation.ways);
    }
    if !explanation.near.is_empty() {
        say(match explanation.policies.is_empty() {
            true => "\npermits that could have applied",
            false => {
                "\nwithout that, nothing would permit it either; permits that could have applied"
            }
        });
    }
    explanation.near.iter().for_each(say_near);
    if explanation.cut {
        say("\nto explain it to the end is too much work: there may be more to tell");
    }
}

fn say_policy(info: &PolicyInfo) {
    say(titled(info));
    if let Some(link) = &info.link {
        let (line, _) = link.file.place(link.place.start);
        match link.is_stored {
            true => say(format_args!("  links {link}  in the store")),
            false => say(format_args!("  links {link}  {}:{line}", link.file.name)),
        }
    }
}

/// The name of a policy, and its place.
fn titled(info: &PolicyInfo) -> String {
    let (line, _) = info.file.place(info.place.start);
    let place = format!("{}:{line}", info.file.name);
    let parts = [Some(&*info.id), info.rule.as_deref(), info.code.as_deref()];
    let parts = parts.into_iter().flatten().chain([place.as_str()]);
    parts.collect::<Vec<_>>().join("  ")
}

fn say_values(values: &[ReadValue], cut: bool) {
    for read in values {
        match &read.value {
            Ok(value) => say(format_args!("  {} = {value}", read.expression)),
            Err(error) => say(format_args!("  {} failed: {error}", read.expression)),
        }
    }
    if cut {
        say("  and others");
    }
}

fn say_near(near: &NearPermit) {
    say("");
    say_policy(&near.info);
    near.holds
        .iter()
        .for_each(|condition| say(format_args!("  holds  {condition}")));
    say_ways(&near.ways);
    if near.ways.is_empty() {
        say("  no change was found that would allow it; it depends on");
        say(format_args!("  {}", near.residual));
        say_values(&near.values, near.cut);
    }
}

fn say_ways(ways: &[MissingConditions]) {
    for (place, way) in ways.iter().enumerate() {
        if place > 0 {
            say("  or");
        }
        say_way(way);
    }
}

fn say_way(way: &MissingConditions) {
    for lack in &way.lacks {
        match lack.expected {
            true => say(format_args!("  lacks  {}", lack.condition)),
            false => say(format_args!("  lacks  !({})", lack.condition)),
        }
        let mut words = lack.words.iter();
        if let Some(first) = words.next() {
            say(format_args!("         {first}"));
        }
        words.for_each(|words| say(format_args!("         or {words}")));
    }
    let decided: Vec<Vec<String>> = way.met.iter().map(decided).collect();
    let first = decided.first();
    let alike = decided.iter().all(|then| Some(then) == first);
    for (remedy, then) in way.met.iter().zip(&decided) {
        if !alike {
            remedy.changes.iter().for_each(say_change);
        }
        then.iter()
            .for_each(|then| say(format_args!("  then   {then}")));
        if alike {
            break;
        }
    }
}

/// The decision after the changes.
fn decided(remedy: &Remedy) -> Vec<String> {
    match remedy.verdict {
        Verdict::Allow => vec!["Allow".to_owned()],
        Verdict::Deny => remedy
            .reasons
            .iter()
            .map(|reason| format!("Deny because {}", reason_text(reason)))
            .collect(),
    }
}

fn say_change(change: &Change) {
    let of = match &change.of {
        Some(uid) => format!("`{uid}`"),
        None => "the context".to_owned(),
    };
    let what = match &change.what {
        ChangeKind::Attribute(name, _) => format!("`{name}` of {of}"),
        ChangeKind::Tag(key, _) => format!("tag `{key}` of {of}"),
        ChangeKind::Parent(_) => format!("a parent of {of}"),
    };
    match change.what.value() {
        Some(value) => say(format_args!("  with   {what} = {value}")),
        None => say(format_args!("  without {what}")),
    }
}
