//! Rows of the views, as the schema reads them.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::views::{MOST_ANCESTORS, quoted, select_links};
use peppol_authz_engine::schema::{
    EntityType, ExtensionType, JsonOrigin, LINKS_VIEW, Misfit, Record, Row, Schema, Type, Value,
    parse_json, transitive_ancestors,
};
use peppol_authz_engine::store::{LINKS_COLUMNS, LinkRow, StoreError, TagKeys, Tags};

/// Levels of JSON in a column.
const JSON_DEPTH: usize = 32;

/// By the index of a column, whatever its collation and affinity, and then byte by byte: where the
/// column is a number, `id = '07'` holds for 7.
pub(super) const IS_ID: &str = "id = ?1 AND CAST(id AS TEXT) COLLATE BINARY = ?1";

/// The same for the key of a tag.
const IS_KEY: &str = "key = ?2 AND CAST(key AS TEXT) COLLATE BINARY = ?2";

/// Returns true if a column holds the very text that was asked for.
fn is_asked(row: &rusqlite::Row<'_>, column: usize, asked: &str) -> rusqlite::Result<bool> {
    Ok(matches!(row.get_ref(column)?, ValueRef::Text(text) if text == asked.as_bytes()))
}

pub(super) fn unavailable(error: rusqlite::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

pub(super) fn type_of<'a>(
    schema: &'a Schema,
    name: &EntityTypeName,
) -> Result<&'a EntityType, StoreError> {
    schema
        .entity_type(name)
        .ok_or_else(|| StoreError::Misfit(format!("no type `{name}`")))
}

/// Returns true if there is a view of that type.
type Serves<'a> = &'a dyn Fn(&EntityTypeName) -> bool;

/// One entity without its tags.
pub(super) fn entity(
    connection: &Connection,
    schema: &Schema,
    serves: Serves<'_>,
    uid: &EntityUid,
) -> Result<Option<Row>, StoreError> {
    if !serves(uid.type_name()) {
        return Ok(None);
    }
    let entity_type = type_of(schema, uid.type_name())?;
    let mut columns = vec!["CAST(id AS TEXT)".to_owned()];
    columns.extend(entity_type.shape.attributes.keys().map(|name| quoted(name)));
    let columns = columns.join(", ");
    let view = quoted(&uid.type_name().to_string());
    let sql = format!("SELECT {columns} FROM {view} WHERE {IS_ID}");
    let id: &str = uid.id().as_ref();
    let read = || -> rusqlite::Result<Option<Result<Record, Misfit>>> {
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query([id])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let found = if is_asked(row, 0, id)? {
            attributes(schema, entity_type, row)
        } else {
            Err(Misfit::new("a row for another id"))
        };
        // It would be chance which of two rows counts.
        let twice = rows.next()?.is_some();
        Ok(Some(if twice {
            Err(Misfit::new("two rows for one id"))
        } else {
            found
        }))
    };
    let attributes = read().map_err(unavailable)?;
    let Some(attributes) = attributes else {
        return Ok(None);
    };
    let attributes = attributes
        .map_err(|misfit| StoreError::Misfit(format!("view `{}`: {misfit}", uid.type_name())))?;
    let ancestors = ancestors(connection, schema, serves, uid)?;
    Ok(Some(Row {
        uid: uid.clone(),
        attributes,
        ancestors,
        tags: Tags::new(),
    }))
}

fn attributes(
    schema: &Schema,
    entity_type: &EntityType,
    row: &rusqlite::Row<'_>,
) -> Result<Record, Misfit> {
    let mut record = BTreeMap::new();
    for (i, (name, attribute)) in entity_type.shape.attributes.iter().enumerate() {
        // After the id.
        let column = row
            .get_ref(i + 1)
            .map_err(|error| Misfit::new(error.to_string()))?;
        match column_value(schema, &attribute.ty, column).map_err(|misfit| misfit.within(name))? {
            Some(value) => {
                record.insert(Arc::clone(name), value);
            }
            None if attribute.required => return Err(Misfit::new("is NULL").within(name)),
            None => {}
        }
    }
    Ok(record)
}

/// A column as a value: NULL is absence, 0 and 1 are truth values, a set or a
/// record is JSON text, an entity its bare id.
pub(super) fn column_value(
    schema: &Schema,
    ty: &Type,
    column: ValueRef<'_>,
) -> Result<Option<Value>, Misfit> {
    let wanted = || Misfit::new(format!("{ty} is wanted"));
    let text = |bytes: &[u8]| {
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|_| wanted())
    };
    Ok(Some(match (ty, column) {
        (_, ValueRef::Null) => return Ok(None),
        (Type::Bool, ValueRef::Integer(0)) => Value::Bool(false),
        (Type::Bool, ValueRef::Integer(1)) => Value::Bool(true),
        (Type::Long, ValueRef::Integer(number)) => Value::Long(number),
        (Type::String, ValueRef::Text(bytes)) => Value::String(text(bytes)?.into()),
        (Type::Entity(name), ValueRef::Text(bytes)) => {
            let entity_type = schema.entity_type(name).ok_or_else(wanted)?;
            Value::Entity(
                entity_type
                    .entity(&text(bytes)?, JsonOrigin::Column)?
                    .into(),
            )
        }
        (Type::Set(_) | Type::Record(_), ValueRef::Text(bytes)) => {
            let json =
                parse_json(bytes, JSON_DEPTH).map_err(|error| Misfit::new(error.to_string()))?;
            schema.value(&json, ty, JsonOrigin::Column)?
        }
        (Type::Extension(ExtensionType::Decimal), ValueRef::Integer(number)) => {
            schema.value(&format!("{number}.0").into(), ty, JsonOrigin::Column)?
        }
        (Type::Extension(_), ValueRef::Text(bytes)) => {
            schema.value(&text(bytes)?.into(), ty, JsonOrigin::Column)?
        }
        _ => return Err(wanted()),
    }))
}

/// All entities above this one. `….parents` has the columns `id`, `type` and
/// `parent`; a type without parents in the schema has no such view.
fn ancestors(
    connection: &Connection,
    schema: &Schema,
    serves: Serves<'_>,
    uid: &EntityUid,
) -> Result<Vec<EntityUid>, StoreError> {
    let start = parents(connection, schema, serves, uid)?;
    if start.is_empty() {
        return Ok(start);
    }
    let failure = std::cell::RefCell::new(None);
    let ancestors = transitive_ancestors(&start, uid, MOST_ANCESTORS, |uid| {
        parents(connection, schema, serves, uid).unwrap_or_else(|error| {
            failure.borrow_mut().get_or_insert(error);
            Vec::new()
        })
    });
    match failure.into_inner() {
        Some(error) => Err(error),
        None => ancestors.map_err(|misfit| {
            StoreError::Misfit(format!("view `{}.parents`: {misfit}", uid.type_name()))
        }),
    }
}

fn parents(
    connection: &Connection,
    schema: &Schema,
    serves: Serves<'_>,
    uid: &EntityUid,
) -> Result<Vec<EntityUid>, StoreError> {
    let entity_type = type_of(schema, uid.type_name())?;
    if entity_type.member_of.is_empty() || !serves(uid.type_name()) {
        return Ok(Vec::new());
    }
    let view = quoted(&format!("{}.parents", uid.type_name()));
    let id: &str = uid.id().as_ref();
    let read = || -> rusqlite::Result<Vec<(String, String)>> {
        connection
            .prepare_cached(&format!(
                "SELECT type, CAST(parent AS TEXT) FROM {view} WHERE {IS_ID} LIMIT {}",
                // One more than there may be is enough to refuse them.
                MOST_ANCESTORS + 1
            ))?
            .query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    };
    let mut parents = Vec::new();
    for (name, id) in read().map_err(unavailable)? {
        let parent = schema
            .entity_type_named(&name)
            .filter(|parent| entity_type.ancestors.contains(&parent.name))
            .and_then(|parent| parent.entity(&id, JsonOrigin::Column).ok())
            .ok_or_else(|| StoreError::Misfit(format!("view {view}: a parent of type `{name}`")))?;
        parents.push(parent);
    }
    Ok(parents)
}

/// All links of templates, at most so many.
pub(super) fn links(connection: &Connection, most: usize) -> Result<Vec<LinkRow>, StoreError> {
    let sql = select_links(|column| format!("CAST({column} AS TEXT)"), most);
    let mut statement = connection.prepare_cached(&sql).map_err(unavailable)?;
    let mut rows = statement.query([]).map_err(unavailable)?;
    let mut links = Vec::new();
    while let Some(row) = rows.next().map_err(unavailable)? {
        let mut columns: [Option<String>; LINKS_COLUMNS.len()] = Default::default();
        for (place, (column, name)) in columns.iter_mut().zip(LINKS_COLUMNS).enumerate() {
            let misfit = |problem: &str| {
                let link = row.get_ref(0).ok().and_then(|link| link.as_str().ok());
                let link = link.unwrap_or_default();
                StoreError::Misfit(format!(
                    "view `{LINKS_VIEW}`: link `{link}`: `{name}` {problem}"
                ))
            };
            *column = match row.get_ref(place).map_err(unavailable)? {
                ValueRef::Null => None,
                ValueRef::Text(text) => {
                    let text = std::str::from_utf8(text).map_err(|_| misfit("is no UTF-8"))?;
                    Some(text.to_owned())
                }
                _ => return Err(misfit("is no text")),
            };
        }
        links.push(columns.into());
    }
    Ok(links)
}

/// Some or all tags of one entity.
pub(super) fn tags(
    connection: &Connection,
    schema: &Schema,
    uid: &EntityUid,
    keys: &TagKeys,
) -> Result<Tags, StoreError> {
    let Some(ty) = &type_of(schema, uid.type_name())?.tags else {
        return Ok(Tags::new());
    };
    let view = quoted(&format!("{}.tags", uid.type_name()));
    let id: &str = uid.id().as_ref();
    let mut tags = Tags::new();
    let mut add = |key: Arc<str>, column: ValueRef<'_>| -> Result<(), Misfit> {
        if let Some(value) = column_value(schema, ty, column)? {
            tags.insert(key, value);
        }
        Ok(())
    };
    let misfit = |misfit: Misfit| StoreError::Misfit(format!("view {view}: {misfit}"));
    match keys {
        TagKeys::Only(keys) => {
            // LIMIT: a view may say the same more than once.
            let sql = format!(
                "SELECT CAST(key AS TEXT), value FROM {view} WHERE {IS_ID} AND {IS_KEY} LIMIT 1"
            );
            let mut statement = connection.prepare_cached(&sql).map_err(unavailable)?;
            for key in keys {
                let mut rows = statement.query([id, key]).map_err(unavailable)?;
                if let Some(row) = rows.next().map_err(unavailable)? {
                    if !is_asked(row, 0, key).map_err(unavailable)? {
                        return Err(misfit(Misfit::new("a row for another key")));
                    }
                    add(Arc::clone(key), row.get_ref(1).map_err(unavailable)?).map_err(misfit)?;
                }
            }
        }
        TagKeys::All => {
            let sql = format!("SELECT CAST(key AS TEXT), value FROM {view} WHERE {IS_ID}");
            let mut statement = connection.prepare_cached(&sql).map_err(unavailable)?;
            let mut rows = statement.query([id]).map_err(unavailable)?;
            while let Some(row) = rows.next().map_err(unavailable)? {
                let key: String = row.get(0).map_err(unavailable)?;
                add(key.into(), row.get_ref(1).map_err(unavailable)?).map_err(misfit)?;
            }
        }
    }
    Ok(tags)
}
