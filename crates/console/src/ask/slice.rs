//! The entities of a decision, as a small graph and as a table.

use std::collections::{BTreeMap, VecDeque};

use cedar_policy::EntityUid;
use maud::{Markup, html};

use crate::entity::{brief, entity, id, seen, short};
use crate::graph::{Edges, Node, drawn};
use crate::language::Texts;
use peppol_authz_engine::schema::Row;
use peppol_authz_engine::slice::SeenEntity;
use peppol_authz_engine::{Decision, Question, shown_value};

/// The most entities that are drawn, and that are listed.
const DRAWN: usize = 18;
const LISTED: usize = 100;

/// Letters of a value that are listed.
const VALUE_LETTERS: usize = 300;

/// The slice of a decision, as a graph and as a table.
pub(crate) fn slice(question: &Question, decision: &Decision, texts: &Texts) -> Markup {
    let asked: Vec<_> = decision.slice.iter().map(SeenEntity::asked_row).collect();
    let mut rows: BTreeMap<&EntityUid, Vec<&Row>> = BTreeMap::new();
    for row in &asked {
        rows.entry(&row.uid).or_default().push(row);
    }
    if rows.is_empty() {
        return html! {};
    }
    let (nodes, edges) = graph(question, &rows);
    let left = rows.len().saturating_sub(nodes.len());
    html! {
        section.card {
            h2 { (texts.slice) }
            p.hint { (texts.slice_lead) }
            (drawn(&nodes, &edges, texts.slice_names))
            @if left > 0 { p.hint { (left) " " (texts.more_entities) } }
            details {
                summary { (texts.values) " (" (rows.len()) ")" }
                div.scroll tabindex="0" { table {
                    thead { tr { th scope="col" { (texts.resource) } th scope="col" { (texts.members) } th scope="col" { (texts.value) } } }
                    @for (uid, rows) in rows.iter().take(LISTED) { (listed(uid, rows)) }
                } }
            }
        }
    }
}

fn listed(uid: &EntityUid, rows: &[&Row]) -> Markup {
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    for row in rows {
        let attributes = row.attributes.iter();
        values.extend(attributes.map(|(name, value)| (name.to_string(), shown_value(value))));
        let tags = row.tags.iter();
        values.extend(tags.map(|(key, value)| (format!("[{key}]"), shown_value(value))));
        let ancestors = row.ancestors.iter();
        values.extend(ancestors.map(|of| (format!("in {of}"), String::new())));
    }
    html! {
        tbody {
            @if values.is_empty() { tr { th scope="rowgroup" { (entity(uid)) } td {} td {} } }
            @for (place, (name, value)) in values.iter().enumerate() {
                tr {
                    @if place == 0 { th scope="rowgroup" rowspan=(values.len()) { (entity(uid)) } }
                    td { code { bdi { (seen(name)) } } }
                    td { code { bdi { (seen(&brief(value, VALUE_LETTERS))) } } }
                }
            }
        }
    }
}

/// The nodes, by their distance from the principal and the resource, and what refers to what.
fn graph<'a>(
    question: &'a Question,
    rows: &BTreeMap<&'a EntityUid, Vec<&'a Row>>,
) -> (Vec<Node>, Edges) {
    let mut nodes: Vec<Node> = Vec::new();
    let mut uids: Vec<&'a EntityUid> = Vec::new();
    let mut places: BTreeMap<&EntityUid, usize> = BTreeMap::new();
    let mut edges = Edges::new();
    let mut waiting: VecDeque<(&'a EntityUid, &'static str, usize)> = VecDeque::new();
    waiting.push_back((&question.principal, "principal", 0));
    waiting.push_back((&question.resource, "resource", 0));
    for value in question.context.values() {
        value.each_entity(&mut |uid| waiting.push_back((uid, "context", 0)));
    }
    while let Some((uid, role, column)) = waiting.pop_front() {
        if places.contains_key(uid) || nodes.len() >= DRAWN {
            continue;
        }
        let Some(of) = rows.get(uid) else {
            continue;
        };
        places.insert(uid, nodes.len());
        uids.push(uid);
        nodes.push(Node {
            kind: short(uid.type_name()),
            name: id(uid).to_owned(),
            title: uid.to_string(),
            role,
            column,
        });
        for row in of.iter().copied() {
            each_reference(row, &mut |_, other| {
                waiting.push_back((other, "", column + 1))
            });
        }
    }
    for (from, uid) in uids.into_iter().enumerate() {
        for row in rows.get(uid).into_iter().flatten().copied() {
            each_reference(row, &mut |name, other| {
                if let Some(to) = places.get(other).filter(|to| **to != from) {
                    let names = edges.entry((from, *to)).or_default();
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            });
        }
    }
    (nodes, edges)
}

/// Calls `each` with all that a row refers to, and by which name.
fn each_reference<'a>(row: &'a Row, each: &mut dyn FnMut(String, &'a EntityUid)) {
    for (name, value) in &row.attributes {
        value.each_entity(&mut |uid| each(name.to_string(), uid));
    }
    for (key, value) in &row.tags {
        value.each_entity(&mut |uid| each(format!("[{key}]"), uid));
    }
    for ancestor in &row.ancestors {
        each("in".to_owned(), ancestor);
    }
}
