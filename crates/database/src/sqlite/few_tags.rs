//! All tags of an entity in one bounded read, where they are few.

use std::collections::HashSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::Arc;

use cedar_policy::EntityUid;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::read::{IS_ID, column_value, type_of, unavailable};
use crate::views::{Views, quoted};
use peppol_authz_engine::schema::{Schema, Value};
use peppol_authz_engine::store::{StoreError, Tags};

/// The names of the views of tags that find those of one entity in an index. Of any other view they are read
/// by their keys: a view may have an index for an id with a key, and be looked through for an id alone.
pub(super) fn views_by_id(connection: &Connection, views: &Views) -> HashSet<String> {
    let of_tags = views.keys().filter(|name| name.ends_with(".tags"));
    let by_id = of_tags.filter(|name| finds_by_id(connection, name).unwrap_or(false));
    by_id.cloned().collect()
}

/// Compares the plan for all tags of an entity with that for one of them: it may look through nothing else, and
/// sort nothing else.
fn finds_by_id(connection: &Connection, view: &str) -> rusqlite::Result<bool> {
    let plan = |sql: &str| -> rusqlite::Result<HashSet<String>> {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        let parameters = statement.parameter_count();
        let steps = statement.query_map(
            rusqlite::params_from_iter((0..parameters).map(|_| "")),
            |row| row.get::<_, String>("detail"),
        )?;
        steps.collect()
    };
    let all = plan(&statement(view, 1))?;
    let one = plan(&format!("{} AND key = ?2", select(view)))?;
    let looks_through = |step: &&String| {
        step.starts_with("SCAN ")
            || ["AUTOMATIC", "ANY(", "TEMP B-TREE"]
                .iter()
                .any(|word| step.contains(word))
    };
    Ok(all
        .iter()
        .filter(looks_through)
        .all(|step| one.contains(step)))
}

fn select(view: &str) -> String {
    format!("SELECT key, value FROM {} WHERE {IS_ID}", quoted(view))
}

fn statement(view: &str, most: usize) -> String {
    format!("{} LIMIT {}", select(view), most.saturating_add(1))
}

/// All tags of an entity, if they are at most so many rows; `None` also where a read by the keys might say
/// anything else than these rows.
pub(super) fn few_tags(
    connection: &Connection,
    schema: &Schema,
    by_id: &HashSet<String>,
    uid: &EntityUid,
    most: usize,
) -> Result<Option<Tags>, StoreError> {
    let Some(ty) = &type_of(schema, uid.type_name())?.tags else {
        return Ok(Some(Tags::new()));
    };
    let view = format!("{}.tags", uid.type_name());
    if !by_id.contains(&view) {
        return Ok(None);
    }
    let sql = statement(&view, most);
    let mut statement = connection.prepare_cached(&sql).map_err(unavailable)?;
    let id: &str = uid.id().as_ref();
    let mut rows = statement.query([id]).map_err(unavailable)?;
    let mut found: BTreeMap<Arc<str>, Option<Value>> = BTreeMap::new();
    let mut read = 0;
    while let Some(row) = rows.next().map_err(unavailable)? {
        read += 1;
        // A key that is no text is compared with the text of a question by rules of its own.
        let ValueRef::Text(key) = row.get_ref(0).map_err(unavailable)? else {
            return Ok(None);
        };
        let value = column_value(schema, ty, row.get_ref(1).map_err(unavailable)?);
        let (Ok(key), Ok(value), true) = (std::str::from_utf8(key), value, read <= most) else {
            return Ok(None);
        };
        match found.entry(key.into()) {
            Entry::Vacant(entry) => {
                entry.insert(value);
            }
            // A read by the key takes one of two.
            Entry::Occupied(entry) if *entry.get() != value => return Ok(None),
            Entry::Occupied(_) => {}
        }
    }
    let tags = found.into_iter();
    Ok(Some(
        tags.filter_map(|(key, value)| Some((key, value?)))
            .collect(),
    ))
}
