//! The context of a question, from the fields of a form that its type makes.

use maud::{Markup, html};
use serde_json::{Map, Value as Json};

use crate::entity::{seen, type_name};
use crate::language::Texts;
use crate::query::Parameters;
use peppol_authz_engine::schema::{Attribute, RecordType, Schema, Type};

/// The deepest record that has fields of its own.
const DEEPEST: usize = 6;

/// The context that the fields say. What is empty is not set.
///
/// # Errors
/// A field that has not the form of its type.
pub(super) fn context(query: &Parameters, of: &RecordType, before: &str) -> Result<Json, String> {
    record(query, of, before, DEEPEST).map(Json::Object)
}

fn record(
    query: &Parameters,
    of: &RecordType,
    before: &str,
    depth: usize,
) -> Result<Map<String, Json>, String> {
    let mut members = Map::new();
    for (name, member) in &of.attributes {
        let field = format!("{before}{name}");
        if let Type::Record(inner) = &member.ty
            && depth > 0
        {
            let inner = record(query, inner, &format!("{field}."), depth - 1)?;
            if !inner.is_empty() || member.required {
                members.insert(name.to_string(), Json::Object(inner));
            }
        } else if let Some(text) = query.whole(&field).filter(|text| !text.trim().is_empty()) {
            let value = value(text, &member.ty).map_err(|fault| format!("`{field}`: {fault}"))?;
            members.insert(name.to_string(), value);
        }
    }
    Ok(members)
}

fn value(text: &str, of: &Type) -> Result<Json, String> {
    let trimmed = text.trim();
    Ok(match of {
        Type::Bool => match trimmed {
            "true" => true.into(),
            "false" => false.into(),
            _ => return Err(format!("{of} is wanted")),
        },
        Type::Long => {
            let number: Result<i64, _> = trimmed.parse();
            number.map_err(|_| format!("{of} is wanted"))?.into()
        }
        Type::String => text.into(),
        Type::Entity(_) | Type::Extension(_) => trimmed.into(),
        Type::Set(of) => {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            lines
                .map(|line| value(line, of))
                .collect::<Result<Json, String>>()?
        }
        Type::Record(_) => {
            let read: Result<Json, _> = serde_json::from_str(text);
            read.map_err(|_| format!("{of} is wanted"))?
        }
    })
}

/// The fields of a context.
pub(super) fn fields(
    query: &Parameters,
    of: &RecordType,
    before: &str,
    schema: &Schema,
    texts: &Texts,
) -> Markup {
    fields_to(query, of, before, schema, texts, DEEPEST)
}

fn fields_to(
    query: &Parameters,
    of: &RecordType,
    before: &str,
    schema: &Schema,
    texts: &Texts,
    depth: usize,
) -> Markup {
    html! {
        @for (name, member) in &of.attributes {
            @let field = format!("{before}{name}");
            @match &member.ty {
                Type::Record(inner) if depth > 0 => {
                    fieldset {
                        legend { code { (name) } (optional(member, texts)) }
                        (fields_to(query, inner, &format!("{field}."), schema, texts, depth - 1))
                    }
                }
                of => div.field {
                    label for=(field) { code { (name) } " " span.kind { (type_name(of)) } (optional(member, texts)) }
                    (input(&field, query.whole(&field).unwrap_or_default(), member, schema, texts))
                },
            }
        }
    }
}

fn optional(member: &Attribute, texts: &Texts) -> Markup {
    html! { @if !member.required { " " span.optional { (texts.optional) } } }
}

fn input(field: &str, written: &str, member: &Attribute, schema: &Schema, texts: &Texts) -> Markup {
    let choices: Option<Vec<String>> = match &member.ty {
        Type::Bool => Some(vec!["true".to_owned(), "false".to_owned()]),
        Type::Entity(name) => schema
            .entity_type(name)
            .and_then(|of| of.choices.as_ref())
            .map(|ids| ids.iter().cloned().collect()),
        _ => None,
    };
    if let Some(choices) = choices {
        return html! {
            select id=(field) name=(field) {
                option value="" { (texts.unset) }
                @for choice in &choices {
                    option value=(choice) selected[choice == written] { (seen(choice)) }
                }
            }
        };
    }
    match &member.ty {
        Type::Long => html! {
            input id=(field) name=(field) value=(written) inputmode="numeric" autocomplete="off";
        },
        Type::Set(_) => html! {
            textarea id=(field) name=(field) rows="2" placeholder=(texts.one_a_line) { (written) }
        },
        Type::Entity(name) => html! {
            input id=(field) name=(field) value=(written) autocomplete="off" spellcheck="false"
                list=(format!("{field}-ids")) data-complete=(name.to_string());
            datalist id=(format!("{field}-ids")) {}
        },
        Type::Extension(of) => html! {
            input id=(field) name=(field) value=(written) autocomplete="off" spellcheck="false"
                placeholder=[(of.function() == "datetime").then_some(texts.any_instant)];
        },
        _ => {
            html! { input id=(field) name=(field) value=(written) autocomplete="off" spellcheck="false"; }
        }
    }
}
