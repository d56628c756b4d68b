//! The conditions of an ask, `when = { … }`.

use std::sync::Arc;

use toml::de::DeTable;

use super::ask_reader::AskReader;
use super::toml::{TomlNode, one_or_more};
use super::{AskCondition, Pointer, Source};
use crate::schema::{Attribute, EntityType};

/// All keys of `when`.
const KEYS: [&str; 7] = [
    "given",
    "not_given",
    "sets",
    "clears",
    "known",
    "unknown",
    "of",
];

/// When an ask is asked.
#[derive(Default)]
pub(super) struct When {
    /// The entity that is changed, where it is not the resource.
    pub(super) changed: Option<Pointer>,
    /// All of these have to hold.
    pub(super) conditions: Vec<AskCondition>,
}

impl AskReader<'_, '_, '_> {
    /// Reads `when`. `resource` is the type of the resource, if it is known.
    pub(super) fn when(&mut self, node: &TomlNode<'_>, resource: Option<&EntityType>) -> When {
        let mut when = When::default();
        let Some(table) = self.reader.table(node) else {
            return when;
        };
        self.reader.keys(table, &KEYS);
        when.changed = table.get("of").and_then(|node| self.pointer(node));
        let changed = when.changed.as_ref();
        let changed = changed.and_then(|it| self.schema.entity_type(&it.of));
        let of = match table.contains_key("of") {
            true => changed,
            false => resource,
        };
        self.check_when(table, node);
        let conditions = &mut when.conditions;
        self.given(table, conditions);
        self.changes(table, of, conditions);
        self.known(table, conditions);
        when
    }

    /// Refuses what says nothing: such a condition would always hold.
    fn check_when(&mut self, table: &DeTable<'_>, node: &TomlNode<'_>) {
        if let Some(node) = table.get("of")
            && !table.contains_key("sets")
            && !table.contains_key("clears")
        {
            let text = "`of` without `sets` or `clears`";
            self.reader.fault(node.span(), text);
        }
        if table.is_empty() {
            self.reader.fault(node.span(), "no condition");
        }
        for (key, node) in table {
            let is_empty = match (node.get_ref().as_array(), node.get_ref().as_table()) {
                (Some(array), _) => array.is_empty(),
                (_, Some(table)) => table.is_empty(),
                _ => false,
            };
            if is_empty {
                let text = format!("`{}` of nothing", key.get_ref());
                self.reader.fault(node.span(), text);
            }
        }
    }

    /// `given` and `not_given`: references.
    fn given(&mut self, table: &DeTable<'_>, conditions: &mut Vec<AskCondition>) {
        for (key, make) in [
            ("given", AskCondition::Given as fn(Source) -> AskCondition),
            ("not_given", AskCondition::NotGiven),
        ] {
            for node in table.get(key).map_or_else(Vec::new, one_or_more) {
                conditions.extend(self.source(node).map(make));
            }
        }
    }

    /// `sets` and `clears`, by the attribute of `of` that is compared with what is said.
    fn changes(
        &mut self,
        table: &DeTable<'_>,
        of: Option<&EntityType>,
        conditions: &mut Vec<AskCondition>,
    ) {
        for key in ["sets", "clears"] {
            let changes = table.get(key).and_then(|node| self.reader.table(node));
            for (attribute, node) in changes.into_iter().flatten() {
                let found =
                    of.and_then(|of| self.attribute(attribute.get_ref(), attribute.span(), of));
                let condition = match (key, found) {
                    ("sets", found) => self.sets(node, found),
                    (_, Some((name, found))) if found.required => {
                        let text = format!("`{name}` is always there, and never cleared");
                        self.reader.fault(attribute.span(), text);
                        None
                    }
                    (_, found) => {
                        let source = self.source(node);
                        let found = found.zip(source);
                        found.map(|((name, _), source)| AskCondition::Clears(name, source))
                    }
                };
                conditions.extend(condition);
            }
        }
    }

    /// `"{…}"` or `{ from = "{…}", choices = { … } }`: the value that an attribute gets.
    fn sets(
        &mut self,
        node: &TomlNode<'_>,
        found: Option<(Arc<str>, Attribute)>,
    ) -> Option<AskCondition> {
        let (from, listed) = match node.get_ref().as_table() {
            None => (node, None),
            Some(table) => {
                self.reader.keys(table, &["from", "choices"]);
                let Some(from) = table.get("from") else {
                    self.reader.fault(node.span(), "`from` is missing");
                    return None;
                };
                (from, table.get("choices"))
            }
        };
        let to = self.source(from);
        let (attribute, Attribute { ty, .. }) = found?;
        let choices = match listed {
            None => None,
            Some(listed) => Some(self.choices(listed, &ty)?),
        };
        let to = to?;
        if choices.is_none() && !self.fits(to.known_type(), &ty, from) {
            return None;
        }
        Some(AskCondition::Sets {
            attribute,
            ty,
            to,
            choices,
        })
    }

    /// `known` and `unknown`: entities.
    fn known(&mut self, table: &DeTable<'_>, conditions: &mut Vec<AskCondition>) {
        for (key, make) in [
            ("known", AskCondition::Known as fn(Pointer) -> AskCondition),
            ("unknown", AskCondition::Unknown),
        ] {
            for node in table.get(key).map_or_else(Vec::new, one_or_more) {
                conditions.extend(self.pointer(node).map(make));
            }
        }
    }
}
