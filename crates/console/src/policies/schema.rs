//! The schema: its types as a diagram and as a table, and its actions.

use std::collections::{BTreeMap, VecDeque};

use cedar_policy::EntityTypeName;
use maud::{Markup, html};

use crate::entity::{id, seen, short, type_name};
use crate::graph::{Edges, Node, drawn};
use crate::language::Texts;
use peppol_authz_engine::schema::{EntityType, RecordType, Schema, Type};

pub(super) fn schema(schema: &Schema, texts: &Texts) -> Markup {
    let (nodes, edges) = graph(schema);
    html! {
        section.card {
            h2 { (texts.schema) }
            (drawn(&nodes, &edges, texts.schema))
            details {
                summary { (texts.types) " (" (schema.entity_types().len()) ")" }
                div.scroll tabindex="0" { table {
                    thead { tr {
                        th scope="col" { (texts.kind) }
                        th scope="col" { (texts.members) }
                        th scope="col" { (texts.tags) }
                        th scope="col" { (texts.parents) }
                    } }
                    tbody { @for of in schema.entity_types() { tr {
                        th scope="row" { code { (short(&of.name)) } }
                        td {
                            @match &of.choices {
                                Some(choices) => code { (seen(&choices.iter().cloned().collect::<Vec<_>>().join(" | "))) },
                                None => (members(&of.shape)),
                            }
                        }
                        td { @if let Some(tags) = &of.tags { code { (type_name(tags)) } } }
                        td { (names(&of.member_of)) }
                    } } }
                } }
            }
            details {
                summary { (texts.actions_word) " (" (schema.actions().len()) ")" }
                div.scroll tabindex="0" { table {
                    thead { tr {
                        th scope="col" { (texts.action) }
                        th scope="col" { (texts.principals) }
                        th scope="col" { (texts.resources) }
                        th scope="col" { (texts.context) }
                    } }
                    tbody { @for action in schema.actions() { tr {
                        th scope="row" { code { (seen(id(&action.uid))) } }
                        td { (names(&action.principals)) }
                        td { (names(&action.resources)) }
                        td { (members(&action.context)) }
                    } } }
                } }
            }
        }
    }
}

fn names(types: &[EntityTypeName]) -> Markup {
    let names: Vec<String> = types.iter().map(short).collect();
    html! { code { (names.join(", ")) } }
}

fn members(of: &RecordType) -> Markup {
    html! {
        @for (name, member) in &of.attributes {
            div { code { (seen(name)) @if !member.required { "?" } ": " (type_name(&member.ty)) } }
        }
    }
}

/// The types that actions are asked for, and all that these refer to.
fn graph(schema: &Schema) -> (Vec<Node>, Edges) {
    let (mut nodes, mut edges) = (Vec::new(), Edges::new());
    let mut places: BTreeMap<EntityTypeName, usize> = BTreeMap::new();
    let mut waiting: VecDeque<(EntityTypeName, &'static str, usize)> = VecDeque::new();
    let actions = schema.actions();
    let principals = actions.iter().flat_map(|it| &it.principals);
    waiting.extend(principals.map(|of| (of.clone(), "principal", 0)));
    let resources = actions.iter().flat_map(|it| &it.resources);
    waiting.extend(resources.map(|of| (of.clone(), "resource", 1)));
    while let Some((name, role, column)) = waiting.pop_front() {
        let Some(of) = schema
            .entity_type(&name)
            .filter(|_| !places.contains_key(&name))
        else {
            continue;
        };
        places.insert(name.clone(), nodes.len());
        nodes.push(Node {
            kind: of
                .choices
                .as_ref()
                .map_or_else(String::new, |_| "enum".to_owned()),
            name: short(&name),
            title: name.to_string(),
            role,
            column,
        });
        each_reference(of, &mut |_, other| {
            waiting.push_back((other.clone(), "", column + 1))
        });
    }
    for (name, from) in &places {
        let Some(of) = schema.entity_type(name) else {
            continue;
        };
        each_reference(of, &mut |label, other| {
            if let Some(to) = places.get(other).filter(|to| *to != from) {
                let labels = edges.entry((*from, *to)).or_default();
                if !labels.contains(&label) {
                    labels.push(label);
                }
            }
        });
    }
    (nodes, edges)
}

fn each_reference(of: &EntityType, each: &mut dyn FnMut(String, &EntityTypeName)) {
    for (name, member) in &of.shape.attributes {
        each_of(&member.ty, &mut |other| each(name.to_string(), other));
    }
    if let Some(tags) = &of.tags {
        each_of(tags, &mut |other| each("[tag]".to_owned(), other));
    }
    of.member_of
        .iter()
        .for_each(|other| each("in".to_owned(), other));
}

fn each_of(of: &Type, each: &mut dyn FnMut(&EntityTypeName)) {
    match of {
        Type::Entity(name) => each(name),
        Type::Set(inner) => each_of(inner, each),
        Type::Record(record) => {
            let members = record.attributes.values();
            members.for_each(|member| each_of(&member.ty, each));
        }
        Type::Bool | Type::Long | Type::String | Type::Extension(_) => {}
    }
}
