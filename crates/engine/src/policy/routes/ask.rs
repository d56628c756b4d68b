//! One ask of a route, held to the schema.

use std::ops::Range;

use toml::de::DeTable;

use super::ask_reader::AskReader;
use super::member::read_context;
use super::template::Scope;
use super::toml::{TomlNode, TomlReader};
use super::unfilled::check_filled;
use super::{Ask, Belongs, Source};
use crate::schema::{ActionType, EntityType, Schema};

/// All keys of an ask.
const KEYS: [&str; 6] = ["action", "resource", "belongs", "context", "when", "each"];

/// Reads an ask; `None` where something is wrong with it.
pub(super) fn read_ask(
    node: &TomlNode<'_>,
    schema: &Schema,
    scope: Scope<'_>,
    reader: &mut TomlReader<'_>,
) -> Option<Ask> {
    let before = reader.faults.len();
    let table = reader.table(node)?;
    reader.keys(table, &KEYS);
    let mut parts = AskReader {
        schema,
        scope,
        reader,
    };
    let each_node = table.get("each");
    // Within `each` itself there is no element to refer to.
    let each = each_node.and_then(|node| parts.each(node));
    parts.scope.each = each_node.is_some();
    let mut wanted = |key: &str| {
        let found = table.get(key);
        if found.is_none() {
            let text = format!("an ask without `{key}`");
            parts.reader.fault(node.span(), text);
        }
        found
    };
    let (action_node, resource_node) = (wanted("action"), wanted("resource"));
    let action = action_node.and_then(|node| parts.action(node));
    let resource = resource_node.and_then(|node| parts.pointer(node));
    let resource_type = resource.as_ref().and_then(|it| schema.entity_type(&it.of));
    if let (Some(action), Some(of), Some(node)) = (action, resource_type, resource_node) {
        parts.check_resource(action, of, node);
    }
    let belongs = table.get("belongs");
    let belongs = belongs.map(|node| parts.belongs(node, resource_type));
    let when = table.get("when");
    let when = when.map(|node| parts.when(node, resource_type));
    let context = action.zip(action_node).and_then(|(action, node)| {
        read_context(table.get("context"), node.span(), action, &mut parts)
    });
    if parts.reader.faults.len() > before {
        return None;
    }
    let when = when.unwrap_or_default();
    let ask = Ask {
        action: action?.uid.clone(),
        resource: resource?,
        belongs: belongs.unwrap_or_default(),
        context: context?,
        when: when.conditions,
        changed: when.changed,
        each,
    };
    if let Some(node) = each_node
        && !refers_to_each(&ask)
    {
        let text = "`each` in an ask that does not refer to `{each}`";
        reader.fault(node.span(), text);
        return None;
    }
    Some(ask)
}

fn refers_to_each(ask: &Ask) -> bool {
    let mut refers = false;
    ask.each_source(&mut |source| refers |= matches!(source, Source::Each(_)));
    refers
}

impl<'a> AskReader<'a, '_, '_> {
    /// The array that an ask is asked for each element of.
    fn each(&mut self, node: &TomlNode<'_>) -> Option<Source> {
        let source = self.source(node)?;
        if !matches!(source, Source::Body(_) | Source::Claim(_)) {
            let text = "an array is in the body or in a claim";
            self.reader.fault(node.span(), text);
        } else if let Some(known) = source.known_type() {
            let text = format!("this is always {known}, and an array is wanted");
            self.reader.fault(node.span(), text);
        }
        Some(source)
    }

    fn action(&mut self, node: &TomlNode<'_>) -> Option<&'a ActionType> {
        let name = self.reader.text(node)?;
        if let Err(problem) = check_filled(name) {
            self.reader.fault(node.span(), problem);
            return None;
        }
        let found = self.schema.action_called(name);
        if found.is_none() {
            let near = self.schema.action_meant(name);
            let text = format!("no action is called `{name}`{near}");
            self.reader.fault(node.span(), text);
        }
        found
    }

    /// Checks that an action is asked on resources of a type.
    fn check_resource(&mut self, action: &ActionType, of: &EntityType, node: &TomlNode<'_>) {
        if action.resources.contains(&of.name) {
            return;
        }
        let name: &str = action.uid.id().as_ref();
        let types = action.resources.iter().map(|name| format!("`{name}`"));
        let types: Vec<_> = types.collect();
        let text = format!("`{name}` is not asked on a `{}`", of.name);
        let fault = self.reader.fault_at(key_place(node), text);
        let fault = fault.advise(format!("it is asked on a {}", types.join(" or a ")));
        self.reader.faults.push(fault);
    }

    fn belongs(&mut self, node: &TomlNode<'_>, of: Option<&EntityType>) -> Vec<Belongs> {
        let mut all = Vec::new();
        let table = self.reader.table(node);
        if table.is_some_and(DeTable::is_empty) {
            self.reader.fault(node.span(), "`belongs` of nothing");
        }
        for (key, node) in table.into_iter().flatten() {
            let is = self.template(node);
            let found = of.and_then(|of| self.attribute(key.get_ref(), key.span(), of));
            if let (Some(is), Some((attribute, found))) = (is, found)
                && self.fits(is.known_type(), &found.ty, node)
            {
                let ty = found.ty;
                all.push(Belongs { attribute, ty, is });
            }
        }
        all
    }
}

/// Where the type stands in `{ Type = … }`.
fn key_place(node: &TomlNode<'_>) -> Range<usize> {
    let table = node.get_ref().as_table();
    let key = table.and_then(|table| table.keys().next());
    key.map_or_else(|| node.span(), |key| key.span())
}
