//! Missing conditions, of a permit that nearly applied and against forbids: the conditions, the changes that meet
//! them, and the decision with each change.

use maud::{Markup, html};
use serde_json::Value as Json;

use super::answer::{reasons, verdict};
use super::asking::{Asking, COMPLETE, CONTEXT};
use super::supposing::with_changes;
use crate::cedar::source;
use crate::entity::{code_words, entity, seen};
use crate::language::Texts;
use crate::policy_title::titled;
use peppol_authz_engine::schema::Value;
use peppol_authz_engine::{Change, ChangeKind, MissingConditions, NearPermit, Remedy, Verdict};

pub(super) fn near(
    permit: &NearPermit,
    asking: &Asking<'_>,
    is_open: bool,
    texts: &Texts,
) -> Markup {
    html! {
        details.policy-card open[is_open] {
            summary { (titled(&permit.info, texts)) }
            @if !permit.holds.is_empty() {
                h4 { (texts.holds) }
                ul.conditions.hold { @for condition in &permit.holds { li { code { bdi { (seen(condition)) } } } } }
            }
            (ways(&permit.ways, asking, texts))
            @if permit.ways.is_empty() {
                p.hint { (texts.lacks_unknown) }
                pre.cedar tabindex="0" { code { (seen(&permit.residual)) } }
            }
            details {
                summary { (texts.source) }
                (source(permit.info.source(), &permit.values, texts))
                @if permit.cut { p.hint { (texts.and_others) } }
            }
        }
    }
}

/// Sets of missing conditions, of which one is enough.
pub(super) fn ways(ways: &[MissingConditions], asking: &Asking<'_>, texts: &Texts) -> Markup {
    html! {
        @for (place, way) in ways.iter().enumerate() {
            @if place > 0 { p.or { (texts.or) } }
            (missing(way, asking, texts))
        }
    }
}

fn missing(way: &MissingConditions, asking: &Asking<'_>, texts: &Texts) -> Markup {
    html! {
        h4 { (texts.lacks) }
        ul.conditions.lack {
            @for lack in &way.lacks {
                li {
                    code { bdi {
                        @if lack.expected { (seen(&lack.condition)) } @else { "!(" (seen(&lack.condition)) ")" }
                    } }
                    @for (place, words) in lack.words.iter().enumerate() {
                        span.words { @if place > 0 { (texts.or) " " } bdi { (code_words(&seen(words))) } }
                    }
                }
            }
        }
        @for remedy in &way.met { (tried(remedy, asking, texts)) }
    }
}

/// The decision after a change.
fn tried(remedy: &Remedy, asking: &Asking<'_>, texts: &Texts) -> Markup {
    let is_allowed = remedy.verdict == Verdict::Allow;
    html! {
        details.try {
            summary {
                (texts.try_change) ": "
                @for (place, change) in remedy.changes.iter().enumerate() {
                    @if place > 0 { ", " }
                    (changed(change, texts))
                }
            }
            p.then.allow[is_allowed].deny[!is_allowed] {
                span.sign aria-hidden="true" { (if is_allowed { "✓" } else { "✕" }) }
                (texts.then) ": " strong { (verdict(remedy.verdict, texts)) }
            }
            (reasons(&remedy.reasons, texts))
            @if let Some(target) = again(remedy, asking) {
                @let is_of_store = remedy.changes.iter().any(|change| change.of.is_some());
                p { a.button href=(target) { (if is_of_store { texts.try_in_store } else { texts.try_in_context }) } }
            }
        }
    }
}

pub(super) fn changed(change: &Change, texts: &Texts) -> Markup {
    let (name, between) = match &change.what {
        ChangeKind::Attribute(name, _) => (Some(name), texts.attribute_of),
        ChangeKind::Tag(key, _) => (Some(key), texts.tag_of),
        ChangeKind::Parent(_) => (None, texts.parent_of),
    };
    let value = change.what.value();
    html! {
        span.change {
            @if value.is_none() { (texts.without) " " }
            @if let Some(name) = name { code { bdi { (seen(name)) } } " " }
            (between) " "
            @match &change.of { Some(uid) => (entity(uid)), None => (texts.the_context) }
            @if let Some(value) = &value { " = " code { bdi { (seen(value)) } } }
        }
    }
}

/// The same question with its context changed, and as if the store were; `None` where the visitor may not suppose that.
fn again(remedy: &Remedy, asking: &Asking<'_>) -> Option<String> {
    let mut query = asking.query.with(COMPLETE, "1");
    let changes = remedy.changes.iter();
    let (of_store, of_context): (Vec<&Change>, Vec<_>) =
        changes.partition(|change| change.of.is_some());
    if !of_store.is_empty() {
        query = with_changes(&query, &of_store).filter(|_| asking.supposes)?;
    }
    for change in of_context {
        let ChangeKind::Attribute(name, value) = &change.what else {
            return None;
        };
        let field = format!("{CONTEXT}{name}");
        query = match value {
            None => query.without(&field),
            Some(value) => query.with(&field, &field_text(value)?),
        };
    }
    Some(query.set().behind("/console/ask"))
}

/// A value as its field has it.
fn field_text(value: &Value) -> Option<String> {
    match value.to_json() {
        Json::String(text) => Some(text),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Number(number) => Some(number.to_string()),
        Json::Array(values) => {
            let lines = values.iter().map(|value| value.as_str().map(str::to_owned));
            Some(lines.collect::<Option<Vec<_>>>()?.join("\n"))
        }
        Json::Null | Json::Object(_) => None,
    }
}
