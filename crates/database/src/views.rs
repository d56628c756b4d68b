//! The views that a database needs for a schema: one for each entity type.

use std::collections::{HashMap, HashSet};

use peppol_authz_engine::schema::{LINKS_VIEW, Schema};
use peppol_authz_engine::store::{LINKS_COLUMNS, LinksView, StoreError};

/// Columns by view or table.
pub(super) type Views = HashMap<String, HashSet<String>>;

/// The ancestors that an entity of a database may have, near and far: each is looked for by itself.
pub(super) const MOST_ANCESTORS: usize = 10_000;

/// Checks that each view of an entity type has a column for each attribute, and the
/// views of tags and parents beside it. Returns the names of all of them. A type
/// without a view is not served.
pub(super) fn check(schema: &Schema, views: &Views) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    for entity_type in schema.entity_types() {
        let name = entity_type.name.to_string();
        let Some(columns) = views.get(&name) else {
            continue;
        };
        let wanted = std::iter::once("id").chain(entity_type.shape.attributes.keys().map(|k| &**k));
        if let Some(missing) = wanted.into_iter().find(|column| !columns.contains(*column)) {
            return Err(StoreError::Misfit(format!(
                "view `{name}` has no column `{missing}`"
            )));
        }
        let tags = entity_type
            .tags
            .as_ref()
            .map(|_| ("tags", ["id", "key", "value"]));
        let parents =
            (!entity_type.member_of.is_empty()).then_some(("parents", ["id", "type", "parent"]));
        for (suffix, columns) in tags.into_iter().chain(parents) {
            let view = format!("{name}.{suffix}");
            let found = views.get(&view);
            if !found.is_some_and(|found| columns.iter().all(|column| found.contains(*column))) {
                return Err(StoreError::Misfit(format!(
                    "there is no view `{view}` with the columns `{}`",
                    columns.join("`, `")
                )));
            }
            names.push(view);
        }
        names.push(name);
    }
    Ok(names)
}

/// Looks for the view of links. Another one of its name is none.
pub(super) fn links(views: &Views) -> LinksView {
    let columns = views.get(LINKS_VIEW);
    let is_whole = |columns: &HashSet<String>| LINKS_COLUMNS.iter().all(|it| columns.contains(*it));
    match columns.is_some_and(is_whole) {
        true => LinksView::There,
        false => LinksView::Absent,
    }
}

/// The statement that reads links, with this around each column to have it as text. Names of columns come from
/// here.
pub(super) fn select_links(as_text: impl Fn(&str) -> String, most: usize) -> String {
    let columns: Vec<String> = LINKS_COLUMNS.iter().map(|name| as_text(name)).collect();
    let columns = columns.join(", ");
    format!("SELECT {columns} FROM {} LIMIT {most}", quoted(LINKS_VIEW))
}

/// The names that the views of a schema may have.
pub(super) fn names(schema: &Schema) -> impl Iterator<Item = String> {
    schema.entity_types().into_iter().flat_map(|entity_type| {
        let name = entity_type.name.to_string();
        ["", ".tags", ".parents"].map(|suffix| format!("{name}{suffix}"))
    })
}

/// An identifier as SQL quotes it. Names of types and attributes come from the
/// schema; ids never become part of a statement.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
