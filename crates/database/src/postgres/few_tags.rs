//! All tags of entities in one bounded read, where they are few.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};
use futures_util::future::try_join_all;
use tokio_postgres::error::SqlState;

use super::failure::{said, store_error};
use super::read::{OfType, ReadNeeds, as_text, by_type, can_be_held, type_of, value};
use crate::views::quoted;
use peppol_authz_engine::schema::{Schema, Type, Value};
use peppol_authz_engine::store::{StoreError, Tags};

/// Prepares the statements for entities of these ids.
///
/// # Errors
/// A type that the schema does not have.
pub(super) fn prepare<'u>(
    read: ReadNeeds<'u>,
    uids: &'u [EntityUid],
    most: usize,
) -> Result<Vec<OfType<'u>>, StoreError> {
    let mut prepared = Vec::new();
    for (name, mut ids) in by_type(read.description, uids.iter()) {
        let view = format!("{name}.tags");
        let Some(ty) = &type_of(read.schema, name)?.tags else {
            continue;
        };
        if !read.description.by_id.contains(&view) {
            continue;
        }
        ids.sort_unstable();
        ids.dedup();
        let is_one = ids.len() == 1;
        let sql = |_: &str| statement(&view, ty, most, is_one);
        prepared.push(OfType::prepared(read, (name, ids), &[], sql));
    }
    Ok(prepared)
}

fn statement(view: &str, ty: &Type, most: usize, is_one: bool) -> String {
    let (view, value) = (quoted(view), as_text("v.value", ty));
    let limit = most.saturating_add(1);
    let select =
        format!("SELECT v.id::text AS id, v.key::text AS key, {value} AS value FROM {view} AS v");
    match is_one {
        true => format!(
            "SELECT $1::text, t.id, t.key, t.value FROM ({select} WHERE v.id = $1::text LIMIT {limit}) AS t"
        ),
        // How many there are is hidden from the plan, which is kept.
        false => format!(
            "SELECT w.id, t.id, t.key, t.value FROM unnest((SELECT $1::text[])) AS w (id) CROSS JOIN LATERAL \
             ({select} WHERE v.id = w.id LIMIT {limit}) AS t"
        ),
    }
}

/// The tags of entities, in order; `None` of one that has more rows, and of one of which a read by the keys
/// might say anything else than these rows.
pub(super) async fn few_tags(
    read: ReadNeeds<'_>,
    prepared: &[OfType<'_>],
    (uids, most): (&[EntityUid], usize),
) -> Result<Vec<Option<Tags>>, StoreError> {
    let found = prepared.iter().map(|of| async move {
        let found = of_type(read, of, most).await?;
        Ok::<_, StoreError>((of.name, found))
    });
    let mut found: HashMap<&EntityTypeName, HashMap<&str, Option<Tags>>> =
        try_join_all(found).await?.into_iter().collect();
    let tags = uids.iter().map(|uid| {
        let (name, id): (_, &str) = (uid.type_name(), uid.id().as_ref());
        match found.get_mut(name) {
            Some(found) => found.get(id).cloned().unwrap_or_else(|| Some(Tags::new())),
            None => {
                let has_tags = read
                    .schema
                    .entity_type(name)
                    .is_some_and(|of| of.tags.is_some());
                let none = !has_tags || !read.description.serves(name) || !can_be_held(id);
                none.then(Tags::new)
            }
        }
    });
    Ok(tags.collect())
}

/// A tag of each key, or that it has no value.
type Rows = BTreeMap<Arc<str>, Option<Value>>;

async fn of_type<'u>(
    read: ReadNeeds<'_>,
    of: &OfType<'u>,
    most: usize,
) -> Result<HashMap<&'u str, Option<Tags>>, StoreError> {
    let Some(ty) = &type_of(read.schema, of.name)?.tags else {
        return Ok(HashMap::new());
    };
    let rows = of.rows(read, &[]).await.map_err(few_error)?;
    let ids = of.ids.iter();
    let mut all: HashMap<&str, (usize, Option<Rows>)> =
        ids.map(|id| (*id, (0, Some(Rows::new())))).collect();
    for row in &rows {
        let asked: &str = row.try_get(0).map_err(store_error)?;
        let Some((seen, found)) = all.get_mut(asked) else {
            continue;
        };
        *seen += 1;
        if *seen > most || !add(read.schema, ty, row, asked, found).map_err(store_error)? {
            *found = None;
        }
    }
    let tags = |rows: Rows| {
        let tags = rows.into_iter();
        tags.filter_map(|(key, value)| Some((key, value?)))
            .collect()
    };
    let all = all.into_iter();
    Ok(all.map(|(id, (_, found))| (id, found.map(tags))).collect())
}

/// Adds a row. Returns false if a read by the keys might say something else.
fn add(
    schema: &Schema,
    ty: &Type,
    row: &tokio_postgres::Row,
    asked: &str,
    found: &mut Option<Rows>,
) -> Result<bool, tokio_postgres::Error> {
    let (id, key, text): (Option<&str>, Option<&str>, Option<&str>) =
        (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
    // A collation of the operator's may take another spelling for equal.
    let (Some(key), true, Some(found)) = (key, id == Some(asked), found) else {
        return Ok(true);
    };
    let Ok(value) = text.map(|text| value(schema, ty, text)).transpose() else {
        return Ok(false);
    };
    Ok(match found.entry(key.into()) {
        Entry::Vacant(entry) => {
            entry.insert(value);
            true
        }
        // A read by the key takes one of two.
        Entry::Occupied(entry) => *entry.get() == value,
    })
}

/// The error of a read of few tags. One about a value concerns a tag that nobody may have asked for.
fn few_error(error: tokio_postgres::Error) -> StoreError {
    let is_of_value = |code: &SqlState| code.code().starts_with("22");
    match error.code() {
        Some(code) if is_of_value(code) => StoreError::Misfit(said(&error)),
        _ => store_error(error),
    }
}
