//! The context of an ask: each member by its type.

use std::ops::Range;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use toml::de::{DeTable, DeValue};

use super::ask_reader::AskReader;
use super::toml::TomlNode;
use super::{Choices, Member, MemberValue, Template};
use crate::schema::{ActionType, Attribute, JsonOrigin, Type, Value};

/// Reads the members of a context; `None` where one is missing or wrong. `place` is the
/// action's.
pub(super) fn read_context(
    node: Option<&TomlNode<'_>>,
    place: Range<usize>,
    action: &ActionType,
    parts: &mut AskReader<'_, '_, '_>,
) -> Option<Vec<Member>> {
    let before = parts.reader.faults.len();
    let name: &str = action.uid.id().as_ref();
    let table = match node {
        Some(node) => Some(parts.reader.table(node)?),
        None => None,
    };
    let mut members = Vec::new();
    for (key, node) in table.into_iter().flatten() {
        let found = action.context.attributes.get_key_value(&**key.get_ref());
        let Some((member, attribute)) = found else {
            let text = format!("`{}` is not in the context of `{name}`", key.get_ref());
            parts.reader.fault(key.span(), text);
            continue;
        };
        if let Some(value) = parts.value(node, attribute) {
            members.push(Member {
                name: Arc::clone(member),
                ty: attribute.ty.clone(),
                value,
            });
        }
    }
    for (member, attribute) in &action.context.attributes {
        let is_given = table.is_some_and(|table| table.contains_key(&**member));
        if attribute.required && !is_given {
            let text = format!("`{name}` needs `{member}` in its context");
            parts.reader.fault(place.clone(), text);
        }
    }
    (parts.reader.faults.len() == before).then_some(members)
}

impl AskReader<'_, '_, '_> {
    fn value(&mut self, node: &TomlNode<'_>, attribute: &Attribute) -> Option<MemberValue> {
        match (node.get_ref(), &attribute.ty) {
            (DeValue::String(text), ty) => {
                let template = match Template::parse(text, self.scope) {
                    Ok(template) => template,
                    Err(faults) => {
                        self.reader.text_faults(node, faults);
                        return None;
                    }
                };
                if let Some(text) = template.constant() {
                    return self.constant(&text.into(), ty, node);
                }
                self.fits(template.known_type(), ty, node)
                    .then_some(MemberValue::Said {
                        from: template,
                        choices: None,
                        optional: false,
                    })
            }
            (DeValue::Table(table), _) if table.contains_key("from") => self.said(table, attribute),
            (DeValue::Table(table), Type::Entity(_)) => self.entity(table, node, attribute),
            (_, ty) => {
                let json = self.json(node)?;
                self.constant(&json, ty, node)
            }
        }
    }

    fn constant(&mut self, json: &Json, ty: &Type, node: &TomlNode<'_>) -> Option<MemberValue> {
        self.fixed(json, ty, node).map(MemberValue::Constant)
    }

    /// A value that is always the same.
    fn fixed(&mut self, json: &Json, ty: &Type, node: &TomlNode<'_>) -> Option<Value> {
        match self.schema.value(json, ty, JsonOrigin::Context) {
            Ok(value) => Some(value),
            Err(misfit) => {
                self.reader.fault(node.span(), misfit.to_string());
                None
            }
        }
    }

    /// `{ from = "…", choices = { … }, optional = true }`.
    fn said(&mut self, table: &DeTable<'_>, attribute: &Attribute) -> Option<MemberValue> {
        self.reader.keys(table, &["from", "choices", "optional"]);
        let optional = self.optional(table, attribute);
        let node = table.get("from")?;
        let from = self.template(node);
        let choices = match table.get("choices") {
            None => None,
            Some(choices) => Some(self.choices(choices, &attribute.ty)?),
        };
        let from = from?;
        if from.constant().is_some() {
            let text = "it is always the same, and `from` refers to a request";
            self.reader.fault(node.span(), text);
            return None;
        }
        if choices.is_none() && !self.fits(from.known_type(), &attribute.ty, node) {
            return None;
        }
        Some(MemberValue::Said {
            from,
            choices,
            optional: optional?,
        })
    }

    /// `{ TEXT = VALUE, … }`.
    pub(super) fn choices(&mut self, node: &TomlNode<'_>, ty: &Type) -> Option<Choices> {
        let mut all = Choices::new();
        for (said, node) in self.reader.table(node).into_iter().flatten() {
            let json = self.json(node)?;
            let value = self.fixed(&json, ty, node)?;
            all.push((Arc::from(&**said.get_ref()), value));
        }
        if all.is_empty() {
            self.reader.fault(node.span(), "no choices");
        }
        Some(all)
    }

    /// `{ Type = …, optional = true }`.
    fn entity(
        &mut self,
        table: &DeTable<'_>,
        node: &TomlNode<'_>,
        attribute: &Attribute,
    ) -> Option<MemberValue> {
        let optional = self.optional(table, attribute);
        let pointer = self.pointer_in(table, node.span(), &["optional"])?;
        if attribute.ty != Type::Entity(pointer.of.clone()) {
            let text = format!("{} is wanted, not a `{}`", attribute.ty, pointer.of);
            self.reader.fault(node.span(), text);
            return None;
        }
        let optional = optional?;
        Some(MemberValue::Entity { pointer, optional })
    }

    /// Reads `optional`; refused for a member that the context requires.
    fn optional(&mut self, table: &DeTable<'_>, attribute: &Attribute) -> Option<bool> {
        let Some(node) = table.get("optional") else {
            return Some(false);
        };
        let optional = self.reader.truth(node)?;
        if optional && attribute.required {
            let text = "optional, and the context does not go without it";
            self.reader.fault(node.span(), text);
            return None;
        }
        Some(optional)
    }

    /// A value that refers to nothing, as JSON.
    fn json(&mut self, node: &TomlNode<'_>) -> Option<Json> {
        let json = match node.get_ref() {
            DeValue::String(text) => match Template::parse(text, self.scope) {
                Ok(template) => template.constant().map(Json::from),
                Err(faults) => {
                    self.reader.text_faults(node, faults);
                    return None;
                }
            },
            DeValue::Boolean(truth) => Some(Json::from(*truth)),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .ok()
                .map(Json::from),
            DeValue::Array(array) => {
                let all: Option<Vec<_>> = array.iter().map(|node| self.json(node)).collect();
                return all.map(Json::from);
            }
            DeValue::Table(table) => {
                let all = table.iter().map(|(key, node)| {
                    let json = self.json(node)?;
                    Some((key.get_ref().to_string(), json))
                });
                return all.collect::<Option<Map<_, _>>>().map(Json::from);
            }
            DeValue::Float(_) | DeValue::Datetime(_) => None,
        };
        if json.is_none() {
            let text = match node.get_ref() {
                DeValue::String(_) => "a reference within a constant",
                DeValue::Integer(_) => "a whole number of 64 bits is wanted",
                _ => "no constant of a context is written so",
            };
            self.reader.fault(node.span(), text);
        }
        json
    }
}
