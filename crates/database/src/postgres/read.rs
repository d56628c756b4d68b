//! Rows of the views, as the schema reads them.
//!
//! For each entity type that is asked for there is one query, whatever the number of
//! entities; all of them are sent before the first is answered. Every column comes
//! as text, whatever type the owner of the view gave it: the schema says what it is.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};
use deadpool_postgres::Object;
use futures_util::future::try_join_all;
use tokio_postgres::types::Type as SqlType;

use super::description::Description;
use super::failure::store_error;
use super::rewritten::unless_rewritten;
use crate::views::{MOST_ANCESTORS, quoted, select_links};
use peppol_authz_engine::schema::{
    EntityType, JsonOrigin, Misfit, Record, Row, Schema, Type, Value, parse_json,
    transitive_ancestors,
};
use peppol_authz_engine::store::{LINKS_COLUMNS, LinkRow, StoreError, TagKeys, Tags};

/// Levels of JSON in a column.
const JSON_DEPTH: usize = 32;

/// PostgreSQL cannot hold it, so nothing is there under such an id.
pub(super) fn can_be_held(id: &str) -> bool {
    !id.contains('\0')
}

/// Ids by type, of the types that there are views of.
pub(super) fn by_type<'a>(
    description: &Description,
    uids: impl Iterator<Item = &'a EntityUid>,
) -> BTreeMap<&'a EntityTypeName, Vec<&'a str>> {
    let mut ids: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for uid in uids {
        let id: &str = uid.id().as_ref();
        if description.serves(uid.type_name()) && can_be_held(id) {
            ids.entry(uid.type_name()).or_default().push(id);
        }
    }
    ids
}

/// Entities without their tags.
pub(super) async fn entities(
    client: &Object,
    schema: &Schema,
    description: &Description,
    uids: &[EntityUid],
) -> Result<Vec<Option<Row>>, StoreError> {
    let types = by_type(description, uids.iter());
    let read = types
        .iter()
        .map(|(name, ids)| attributes(client, schema, name, ids));
    let (found, parents) = tokio::try_join!(
        try_join_all(read),
        parents(client, schema, description, uids)
    )?;
    let mut found: HashMap<EntityUid, Record> = found.into_iter().flatten().collect();
    let mut rows = Vec::with_capacity(uids.len());
    for uid in uids {
        let Some(attributes) = found.get_mut(uid).map(|found| found.clone()) else {
            rows.push(None);
            continue;
        };
        let of = |uid: &EntityUid| parents.get(uid).cloned().unwrap_or_default();
        let ancestors =
            transitive_ancestors(&of(uid), uid, MOST_ANCESTORS, of).map_err(|misfit| {
                StoreError::Misfit(format!("view `{}.parents`: {misfit}", uid.type_name()))
            })?;
        rows.push(Some(Row {
            uid: uid.clone(),
            attributes,
            ancestors,
            tags: Tags::new(),
        }));
    }
    Ok(rows)
}

async fn attributes(
    client: &Object,
    schema: &Schema,
    name: &EntityTypeName,
    ids: &[&str],
) -> Result<Vec<(EntityUid, Record)>, StoreError> {
    let entity_type = type_of(schema, name)?;
    let mut columns = vec!["id::text".to_owned()];
    let attributes = &entity_type.shape.attributes;
    columns.extend(
        attributes
            .iter()
            .map(|(name, attribute)| as_text(&quoted(name), &attribute.ty)),
    );
    let view = quoted(&name.to_string());
    let columns = columns.join(", ");
    let sql = format!("SELECT {columns} FROM {view} WHERE id = ANY($1)");
    let rows = client
        .query_typed(&sql, &[(&ids, SqlType::TEXT_ARRAY)])
        .await
        .map_err(store_error)?;
    let mut found: Vec<(EntityUid, Record)> = Vec::with_capacity(rows.len());
    let mut seen = HashSet::with_capacity(rows.len());
    let ids: HashSet<&str> = ids.iter().copied().collect();
    let misfit = |misfit: Misfit| StoreError::Misfit(format!("view `{name}`: {misfit}"));
    for row in &rows {
        // A collation of the operator's may take another spelling for equal.
        let id: Option<&str> = row.try_get(0).map_err(store_error)?;
        let Some(id) = id.filter(|id| ids.contains(*id)) else {
            continue;
        };
        if !seen.insert(id) {
            return Err(misfit(Misfit::new("two rows for one id")));
        }
        let mut record = Record::new();
        for (i, (name, attribute)) in attributes.iter().enumerate() {
            let text: Option<&str> = row.try_get(i + 1).map_err(store_error)?;
            match text {
                Some(text) => {
                    let value = value(schema, &attribute.ty, text)
                        .map_err(|found| misfit(found.within(name)))?;
                    record.insert(Arc::clone(name), value);
                }
                None if attribute.required => {
                    return Err(misfit(Misfit::new("is NULL").within(name)));
                }
                None => {}
            }
        }
        found.push((uid(entity_type, id)?, record));
    }
    Ok(found)
}

fn uid(entity_type: &EntityType, id: &str) -> Result<EntityUid, StoreError> {
    let id = cedar_policy::EntityId::new(id);
    Ok(EntityUid::from_type_name_and_id(
        entity_type.name.clone(),
        id,
    ))
}

pub(super) fn type_of<'a>(
    schema: &'a Schema,
    name: &EntityTypeName,
) -> Result<&'a EntityType, StoreError> {
    schema
        .entity_type(name)
        .ok_or_else(|| StoreError::Misfit(format!("no type `{name}`")))
}

/// A column as text: what can hold others as JSON.
pub(super) fn as_text(column: &str, ty: &Type) -> String {
    match ty {
        Type::Set(_) | Type::Record(_) => format!("to_json({column})::text"),
        _ => format!("{column}::text"),
    }
}

/// A column as a value.
pub(super) fn value(schema: &Schema, ty: &Type, text: &str) -> Result<Value, Misfit> {
    let wanted = || Misfit::new(format!("{ty} is wanted"));
    Ok(match ty {
        Type::Bool => match text {
            "true" | "1" => Value::Bool(true),
            "false" | "0" => Value::Bool(false),
            _ => return Err(wanted()),
        },
        Type::Long => Value::Long(text.parse().map_err(|_| wanted())?),
        Type::String => Value::String(text.into()),
        Type::Entity(name) => {
            let entity_type = schema.entity_type(name).ok_or_else(wanted)?;
            Value::Entity(entity_type.entity(text, JsonOrigin::Column)?)
        }
        Type::Set(_) | Type::Record(_) => {
            let read = |text: &str| {
                parse_json(text.as_bytes(), JSON_DEPTH)
                    .map_err(|error| Misfit::new(error.to_string()))
            };
            let json = match read(text)? {
                // A column of text that holds JSON.
                serde_json::Value::String(text) => read(&text)?,
                json => json,
            };
            schema.value(&json, ty, JsonOrigin::Column)?
        }
        Type::Extension(_) => schema.value(&text.into(), ty, JsonOrigin::Column)?,
    })
}

/// How many ancestors may be above each other. For each level there is a round trip.
const MOST_LEVELS: usize = 1000;

/// The parents of entities, and of those, to the top: one query for each type on each
/// level.
async fn parents(
    client: &Object,
    schema: &Schema,
    description: &Description,
    uids: &[EntityUid],
) -> Result<HashMap<EntityUid, Vec<EntityUid>>, StoreError> {
    let mut all: HashMap<EntityUid, Vec<EntityUid>> = HashMap::new();
    let mut next: Vec<EntityUid> = uids.to_vec();
    let most = MOST_ANCESTORS.saturating_mul(uids.len());
    for _ in 0..MOST_LEVELS {
        next.retain(|uid| {
            let found = schema.entity_type(uid.type_name());
            !all.contains_key(uid) && found.is_some_and(|found| !found.member_of.is_empty())
        });
        next.sort_unstable();
        next.dedup();
        let types = by_type(description, next.iter());
        if types.is_empty() {
            return Ok(all);
        }
        let read = types
            .iter()
            .map(|(name, ids)| parents_of(client, schema, name, ids));
        let read = try_join_all(read);
        let found = unless_rewritten(client, &description.rewritten, read).await?;
        let found: Vec<_> = found.into_iter().flatten().collect();
        for uid in next.drain(..) {
            all.entry(uid).or_default();
        }
        for (child, parent) in found {
            next.push(parent.clone());
            all.entry(child).or_default().push(parent);
        }
        if all.len() > most {
            break;
        }
    }
    Err(StoreError::Misfit(format!(
        "the views of parents: an entity has more than {MOST_ANCESTORS} ancestors, near and far, or more than \
         {MOST_LEVELS} above each other"
    )))
}

async fn parents_of(
    client: &Object,
    schema: &Schema,
    name: &EntityTypeName,
    ids: &[&str],
) -> Result<Vec<(EntityUid, EntityUid)>, StoreError> {
    let entity_type = type_of(schema, name)?;
    let view = quoted(&format!("{name}.parents"));
    // One more than there may be is enough to refuse them.
    let most = MOST_ANCESTORS.saturating_mul(ids.len()).saturating_add(1);
    let sql = format!(
        "SELECT id::text, type::text, parent::text FROM {view} WHERE id = ANY($1) LIMIT {most}"
    );
    let rows = client
        .query_typed(&sql, &[(&ids, SqlType::TEXT_ARRAY)])
        .await
        .map_err(store_error)?;
    let ids: HashSet<&str> = ids.iter().copied().collect();
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let (id, kind, parent): (&str, &str, &str) = (
            row.try_get(0).map_err(store_error)?,
            row.try_get(1).map_err(store_error)?,
            row.try_get(2).map_err(store_error)?,
        );
        if !ids.contains(id) {
            continue;
        }
        let parent = schema
            .entity_type_named(kind)
            .filter(|parent| entity_type.ancestors.contains(&parent.name))
            .and_then(|found| found.entity(parent, JsonOrigin::Column).ok())
            .ok_or_else(|| StoreError::Misfit(format!("view {view}: a parent of type `{kind}`")))?;
        found.push((uid(entity_type, id)?, parent));
    }
    Ok(found)
}

/// Tags of entities, in order: for each type one query for those by key, and one for
/// those of whom all are wanted.
pub(super) async fn tags(
    client: &Object,
    schema: &Schema,
    description: &Description,
    wanted: &[(EntityUid, TagKeys)],
) -> Result<Vec<Tags>, StoreError> {
    let mut types: BTreeMap<&EntityTypeName, WantedTags<'_>> = BTreeMap::new();
    for (uid, keys) in wanted {
        let id: &str = uid.id().as_ref();
        let name = uid.type_name();
        if !description.serves(name) || !can_be_held(id) || type_of(schema, name)?.tags.is_none() {
            continue;
        }
        let asked = types.entry(name).or_default();
        match keys {
            TagKeys::All => asked.all.push(id),
            TagKeys::Only(keys) => {
                for key in keys.iter().filter(|key| can_be_held(key)) {
                    asked.ids.push(id);
                    asked.keys.push(key);
                }
            }
        }
    }
    let read = types
        .iter()
        .map(|(name, asked)| tags_of(client, schema, name, asked));
    let found: HashMap<EntityUid, Tags> = try_join_all(read).await?.into_iter().flatten().collect();
    Ok(wanted
        .iter()
        .map(|(uid, keys)| {
            let all = found.get(uid);
            match (all, keys) {
                (None, _) => Tags::new(),
                (Some(all), TagKeys::All) => all.clone(),
                (Some(all), TagKeys::Only(keys)) => keys
                    .iter()
                    .filter_map(|key| all.get_key_value(key))
                    .map(|(key, value)| (Arc::clone(key), value.clone()))
                    .collect(),
            }
        })
        .collect())
}

#[derive(Default)]
struct WantedTags<'a> {
    /// Of whom all tags are wanted.
    all: Vec<&'a str>,
    /// Of whom one is wanted, and which.
    ids: Vec<&'a str>,
    keys: Vec<&'a str>,
}

async fn tags_of(
    client: &Object,
    schema: &Schema,
    name: &EntityTypeName,
    asked: &WantedTags<'_>,
) -> Result<HashMap<EntityUid, Tags>, StoreError> {
    let entity_type = type_of(schema, name)?;
    let Some(ty) = &entity_type.tags else {
        return Ok(HashMap::new());
    };
    let view = quoted(&format!("{name}.tags"));
    let select = format!(
        "SELECT id::text, key::text, {} FROM {view}",
        as_text("value", ty)
    );
    let by_key = async {
        if asked.ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql =
            format!("{select} WHERE (id, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))");
        let (ids, keys) = (&asked.ids, &asked.keys);
        let types = [SqlType::TEXT_ARRAY, SqlType::TEXT_ARRAY];
        let [first, second] = types;
        client
            .query_typed(&sql, &[(ids, first), (keys, second)])
            .await
    };
    let whole = async {
        if asked.all.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("{select} WHERE id = ANY($1)");
        client
            .query_typed(&sql, &[(&asked.all, SqlType::TEXT_ARRAY)])
            .await
    };
    let (by_key, whole) = tokio::try_join!(by_key, whole).map_err(store_error)?;
    let misfit = |misfit: Misfit| StoreError::Misfit(format!("view {view}: {misfit}"));
    let mut tags: HashMap<EntityUid, Tags> = HashMap::new();
    for row in by_key.iter().chain(&whole) {
        let (id, key): (&str, &str) = (
            row.try_get(0).map_err(store_error)?,
            row.try_get(1).map_err(store_error)?,
        );
        let text: Option<&str> = row.try_get(2).map_err(store_error)?;
        if let Some(text) = text {
            let value = value(schema, ty, text).map_err(misfit)?;
            tags.entry(uid(entity_type, id)?)
                .or_default()
                .insert(key.into(), value);
        }
    }
    Ok(tags)
}

/// All links of templates, at most so many.
pub(super) async fn links(client: &Object, most: usize) -> Result<Vec<LinkRow>, StoreError> {
    let sql = select_links(|column| format!("{column}::text"), most);
    let rows = client.query_typed(&sql, &[]).await.map_err(store_error)?;
    let link = |row: &tokio_postgres::Row| {
        let mut columns: [Option<String>; LINKS_COLUMNS.len()] = Default::default();
        for (place, column) in columns.iter_mut().enumerate() {
            *column = row.try_get(place).map_err(store_error)?;
        }
        Ok(columns.into())
    };
    rows.iter().map(link).collect()
}
