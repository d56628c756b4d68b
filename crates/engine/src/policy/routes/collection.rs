//! The rows that a route lists, held to the schema.

use toml::de::DeTable;

use super::pattern::Method;
use super::toml::{TomlNode, TomlReader};
use super::{Ask, Collection};
use crate::schema::{ActionType, Schema};

/// All keys of `rows`.
const KEYS: [&str; 2] = ["action", "resource"];

/// Reads `collection` and `rows` of a route; `None` where it is none, or something is wrong.
pub(super) fn read_collection(
    entry: &TomlNode<'_>,
    table: &DeTable<'_>,
    schema: Option<&Schema>,
    reader: &mut TomlReader<'_>,
) -> Option<Collection> {
    let rows = table.get("rows");
    let marked = table.get("collection");
    let is_collection = marked.is_some_and(|node| reader.truth(node) == Some(true));
    let Some(marked) = marked.filter(|_| is_collection) else {
        if let Some(rows) = rows {
            let text = "rows of a route that is no `collection`";
            reader.fault(rows.span(), text);
        }
        return None;
    };
    if !table.contains_key("ask") {
        let text = "a collection that nothing is asked for: its rows are those of who asks";
        reader.fault(marked.span(), text);
        return None;
    }
    let Some(rows) = rows else {
        let fault = reader.fault_at(entry.span(), "a collection without `rows`");
        reader.faults.push(fault.advise(
            "name the action that each row has to allow, and their type: `rows = { action = \"…\", \
             resource = \"…\" }`",
        ));
        return None;
    };
    let inner = reader.table(rows)?;
    reader.keys(inner, &KEYS);
    let mut named = |key: &str| {
        let found = inner.get(key);
        if found.is_none() {
            reader.fault(rows.span(), format!("rows without `{key}`"));
        }
        found.and_then(|node| Some((node, reader.text(node)?)))
    };
    let (action, of) = (named("action"), named("resource"));
    let ((action_node, action), (of_node, of), schema) = (action?, of?, schema?);
    let Some(action) = schema.action_called(action) else {
        let text = format!("no action is called `{action}`");
        reader.fault(action_node.span(), text);
        return None;
    };
    let Some(of) = schema.entity_type_called(of) else {
        let near = schema.type_meant(of);
        let text = format!("no entity type is called `{of}`{near}");
        reader.fault(of_node.span(), text);
        return None;
    };
    if !action.resources.contains(&of.name) {
        let text = format!("`{}` is no action on a `{}`", action.uid, of.name);
        reader.fault(of_node.span(), text);
        return None;
    }
    // A forbid could read any member that a question about one row would have.
    let members = &action.context.attributes;
    let wanted = members.iter().find(|(_, member)| member.required);
    if let Some((name, _)) = wanted.or_else(|| members.iter().next()) {
        let text = format!("its context has `{name}`, which a collection does not say");
        reader.fault(action_node.span(), text);
        return None;
    }
    Some(Collection {
        action: action.uid.clone(),
        of: of.name.clone(),
    })
}

/// Notes a collection that can never have rows: requests that change something, and principals that
/// may not ask for any.
pub(super) fn check_collection(
    collection: &Collection,
    marked: &TomlNode<'_>,
    (method, asks): (Method, &[Ask]),
    schema: &Schema,
    reader: &mut TomlReader<'_>,
) {
    if !matches!(method, Method::Get | Method::Post) {
        let text = "a collection is asked for with GET, or POST for a search";
        reader.fault(marked.span(), text);
    }
    let may = |action: &ActionType, asks: &[Ask]| {
        action.principals.iter().any(|principal| {
            asks.iter().all(|ask| {
                let asked = schema.action(&ask.action);
                asked.is_some_and(|asked| asked.principals.contains(principal))
            })
        })
    };
    let action = schema.action(&collection.action);
    if !action.is_some_and(|action| may(action, asks)) {
        let text = "who asks for the collection can do nothing on its rows";
        reader.fault(marked.span(), text);
    }
}
