//! A table, from its text: entries and what they are asked as.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::de::DeTable;

use super::ask::read_ask;
use super::collection::{check_collection, read_collection};
use super::overlap::overlaps;
use super::pattern::Pattern;
use super::template::Scope;
use super::toml::{TomlNode, TomlReader, one_or_more};
use super::unfilled::check_filled;
use super::{Ask, Index, Route, Routes, Source};
use crate::policy::fault::{Fault, Severity};
use crate::policy::source_file::SourceFile;
use crate::schema::Schema;

type Constants = BTreeMap<String, String>;

impl Routes {
    /// Reads a table; `None` if it has a fault. Without a schema, only the parts that need
    /// none are checked.
    pub(in crate::policy) fn read(
        file: &Arc<SourceFile>,
        schema: Option<&Schema>,
        faults: &mut Vec<Fault>,
    ) -> Option<Self> {
        let mut reader = TomlReader {
            file,
            faults: Vec::new(),
        };
        let (document, errors) = DeTable::parse_recoverable(&file.text);
        for error in errors {
            reader.faults.push(Fault::of_toml(file, &error));
        }
        let mut routes = Vec::new();
        if reader.faults.is_empty() {
            routes = read_document(document.get_ref(), schema, &mut reader);
            overlaps(&routes, &mut reader);
        }
        let is_valid = reader.faults.is_empty();
        // A part that several requests share is read once for each of them.
        let mut seen = std::collections::HashSet::new();
        reader
            .faults
            .retain(|fault| seen.insert((fault.span(), fault.to_string())));
        faults.append(&mut reader.faults);
        is_valid.then(|| Self {
            index: Index::new(&routes),
            routes,
        })
    }
}

fn read_document(
    document: &DeTable<'_>,
    schema: Option<&Schema>,
    reader: &mut TomlReader<'_>,
) -> Vec<Route> {
    reader.keys(document, &["constants", "route"]);
    let constants = document.get("constants");
    let constants = constants.map_or_else(Constants::new, |node| read_constants(node, reader));
    let mut routes = Vec::new();
    let entries = document.get("route");
    for entry in entries.map_or_else(Vec::new, |node| reader.tables(node)) {
        read_entry(entry, &constants, schema, reader, &mut routes);
    }
    if routes.is_empty() && reader.faults.is_empty() {
        // An empty file is a mount that failed, not a wish to deny all.
        let empty = Fault::new(reader.file, Severity::Invalid, "there are no routes");
        reader.faults.push(empty);
    }
    routes
}

fn read_constants(node: &TomlNode<'_>, reader: &mut TomlReader<'_>) -> Constants {
    let mut constants = Constants::new();
    for (name, value) in reader.table(node).into_iter().flatten() {
        if let Some(text) = reader.text(value) {
            constants.insert(name.get_ref().to_string(), text.to_owned());
        }
    }
    constants
}

/// The reason why a route asks nothing.
fn read_reason(table: &DeTable<'_>, key: &str, reader: &mut TomlReader<'_>) -> Option<Arc<str>> {
    let node = table.get(key)?;
    let text = reader.text(node)?;
    if text.trim().is_empty() {
        reader.fault(node.span(), format!("it does not say why it is {key}"));
    } else if let Err(problem) = check_filled(text) {
        reader.fault(node.span(), problem);
    }
    Some(Arc::from(text))
}

/// One `[[route]]`: a route for each of its requests.
fn read_entry(
    entry: &TomlNode<'_>,
    constants: &Constants,
    schema: Option<&Schema>,
    reader: &mut TomlReader<'_>,
    routes: &mut Vec<Route>,
) {
    let Some(table) = reader.table(entry) else {
        return;
    };
    reader.keys(
        table,
        &["request", "public", "denied", "ask", "collection", "rows"],
    );
    let public = read_reason(table, "public", reader);
    let denied = read_reason(table, "denied", reader);
    let before = reader.faults.len();
    let asks = table
        .get("ask")
        .map_or_else(Vec::new, |node| reader.tables(node));
    let is_public = table.contains_key("public");
    let is_denied = table.contains_key("denied");
    match (is_public, asks.is_empty()) {
        _ if is_denied && (is_public || !asks.is_empty()) => {
            let text = "a route that is denied, and is public or asked for";
            reader.fault(entry.span(), text);
        }
        (true, false) => reader.fault(entry.span(), "a route that is public and is asked for"),
        (false, true) if !is_denied && reader.faults.len() == before => {
            let fault = reader.fault_at(entry.span(), "a route that neither is public nor asks");
            reader.faults.push(
                fault.advise(
                    "give it an `ask`, or leave it out: what is not in the table is denied",
                ),
            );
        }
        _ => {}
    }
    let collection = read_collection(entry, table, schema, reader);
    let Some(requests) = table.get("request") else {
        reader.fault(entry.span(), "a route without a `request`");
        return;
    };
    let texts = one_or_more(requests);
    if texts.is_empty() {
        reader.fault(requests.span(), "a route without a `request`");
    }
    for node in texts {
        let Some(text) = reader.text(node) else {
            continue;
        };
        let pattern = match Pattern::parse(text) {
            Ok(pattern) => pattern,
            Err(faults) => {
                reader.text_faults(node, faults);
                continue;
            }
        };
        let scope = Scope {
            constants,
            pattern: &pattern,
            each: false,
        };
        let read: Vec<Ask> = asks
            .iter()
            .filter_map(|ask| read_ask(ask, schema?, scope, reader))
            .collect();
        if let (Some(collection), Some(schema), Some(marked)) =
            (&collection, schema, table.get("collection"))
        {
            let way = (pattern.method, read.as_slice());
            check_collection(collection, marked, way, schema, reader);
        }
        let mut reads_body = false;
        for ask in &read {
            ask.each_source(&mut |source| reads_body |= matches!(source, Source::Body(_)));
        }
        routes.push(Route {
            request: Arc::from(text),
            public: public.clone(),
            denied: denied.clone(),
            asks: read,
            collection: collection.clone(),
            reads_body,
            place: node.span(),
            pattern,
        });
    }
}
