//! Tags of entities, by their keys, or all of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};
use futures_util::future::try_join_all;
use tokio_postgres::types::{ToSql, Type as SqlType};

use super::failure::store_error;
use super::read::{OfType, ReadNeeds, as_text, can_be_held, is_prepared_for, type_of, uid, value};
use super::session::Ready;
use crate::views::quoted;
use peppol_authz_engine::schema::{Misfit, Type};
use peppol_authz_engine::store::{StoreError, TagKeys, Tags};

/// The tags of entities of one type that are wanted.
pub(super) struct TagsOfType<'a> {
    name: &'a EntityTypeName,
    ty: &'a Type,
    wanted: WantedTags<'a>,
    by_key: Option<Ready<'a>>,
    whole: Option<OfType<'a>>,
}

#[derive(Default)]
struct WantedTags<'a> {
    /// Of whom one is wanted, and which.
    ids: Vec<&'a str>,
    keys: Vec<&'a str>,
}

/// Prepares the statements: for each type one for tags by key, and one for entities of whom all are wanted.
///
/// # Errors
/// A type that the schema does not have.
pub(super) fn prepare<'a>(
    read: ReadNeeds<'a>,
    wanted: &'a [(EntityUid, TagKeys)],
) -> Result<Vec<TagsOfType<'a>>, StoreError> {
    let mut types: BTreeMap<&EntityTypeName, (WantedTags<'_>, Vec<&str>)> = BTreeMap::new();
    for (uid, keys) in wanted {
        let id: &str = uid.id().as_ref();
        let name = uid.type_name();
        if !read.description.serves(name) || !can_be_held(id) {
            continue;
        }
        let (asked, whole) = types.entry(name).or_default();
        match keys {
            TagKeys::All => whole.push(id),
            TagKeys::Only(keys) => {
                for key in keys.iter().filter(|key| can_be_held(key)) {
                    asked.ids.push(id);
                    asked.keys.push(key);
                }
            }
        }
    }
    let mut prepared = Vec::new();
    for (name, (wanted, whole)) in types {
        let Some(ty) = &type_of(read.schema, name)?.tags else {
            continue;
        };
        let (view, value) = (quoted(&format!("{name}.tags")), as_text("value", ty));
        let select = format!("SELECT id::text, key::text, {value} FROM {view}");
        let count = wanted.ids.len();
        let sql = |is: &str| format!("{select} WHERE id {is}");
        prepared.push(TagsOfType {
            name,
            ty,
            by_key: (count > 0).then(|| by_key(read, &select, count)),
            whole: (!whole.is_empty()).then(|| OfType::prepared(read, (name, whole), &[], sql)),
            wanted,
        });
    }
    Ok(prepared)
}

/// The statement for so many tags by their keys, in the same three ways as for ids.
fn by_key<'a>(read: ReadNeeds<'a>, select: &str, count: usize) -> Ready<'a> {
    let pairs = match count {
        1 => {
            let sql = format!("{select} WHERE id = $1::text AND key = $2::text");
            let types = [SqlType::TEXT, SqlType::TEXT];
            return read.session.statement(sql, &types);
        }
        count if is_prepared_for(count) => "unnest((SELECT $1::text[]), (SELECT $2::text[]))",
        _ => "unnest($1::text[], $2::text[])",
    };
    let sql = format!("{select} WHERE (id, key) IN (SELECT * FROM {pairs})");
    let types = vec![SqlType::TEXT_ARRAY, SqlType::TEXT_ARRAY];
    match is_prepared_for(count) {
        true => read.session.statement(sql, &types),
        false => Ready::plain(sql, types),
    }
}

/// Tags of entities, in order.
pub(super) async fn tags(
    read: ReadNeeds<'_>,
    prepared: &[TagsOfType<'_>],
    wanted: &[(EntityUid, TagKeys)],
) -> Result<Vec<Tags>, StoreError> {
    let found = prepared.iter().map(|of| of_type(read, of));
    let found: HashMap<EntityUid, Tags> =
        try_join_all(found).await?.into_iter().flatten().collect();
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

async fn of_type(
    read: ReadNeeds<'_>,
    of: &TagsOfType<'_>,
) -> Result<HashMap<EntityUid, Tags>, StoreError> {
    let entity_type = type_of(read.schema, of.name)?;
    let asked = &of.wanted;
    let by_key = async {
        match &of.by_key {
            Some(statement) => {
                let parameters: [&(dyn ToSql + Sync); 2] =
                    match (asked.ids.as_slice(), asked.keys.as_slice()) {
                        ([id], [key]) => [id, key],
                        _ => [&asked.ids, &asked.keys],
                    };
                read.session.rows(statement, &parameters).await
            }
            None => Ok(Vec::new()),
        }
    };
    let whole = async {
        match &of.whole {
            Some(of) => of.rows(read, &[]).await,
            None => Ok(Vec::new()),
        }
    };
    let (by_key, whole) = tokio::try_join!(by_key, whole).map_err(store_error)?;
    let misfit = |misfit: Misfit| {
        let view = quoted(&format!("{}.tags", of.name));
        StoreError::Misfit(format!("view {view}: {misfit}"))
    };
    let mut tags: HashMap<EntityUid, Tags> = HashMap::new();
    for row in by_key.iter().chain(&whole) {
        let (id, key): (&str, &str) = (
            row.try_get(0).map_err(store_error)?,
            row.try_get(1).map_err(store_error)?,
        );
        let text: Option<&str> = row.try_get(2).map_err(store_error)?;
        if let Some(text) = text {
            let value = value(read.schema, of.ty, text).map_err(misfit)?;
            tags.entry(uid(entity_type, id)?)
                .or_default()
                .insert(key.into(), value);
        }
    }
    Ok(tags)
}
