//! The parents of entities, and those above.

use std::collections::{BTreeMap, HashMap, HashSet};

use cedar_policy::{EntityTypeName, EntityUid};
use futures_util::future::try_join_all;
use tokio_postgres::types::Type as SqlType;

use super::failure::store_error;
use super::read::{OfType, ReadNeeds, by_type, type_of, uid};
use super::rewritten::unless_rewritten;
use crate::views::{MOST_ANCESTORS, quoted};
use peppol_authz_engine::schema::JsonOrigin;
use peppol_authz_engine::store::StoreError;

/// How many ancestors may be above each other. For each level there is a round trip.
const MOST_LEVELS: usize = 1000;

fn may_have_parents(read: ReadNeeds<'_>, uid: &EntityUid) -> bool {
    let found = read.schema.entity_type(uid.type_name());
    found.is_some_and(|found| !found.member_of.is_empty())
}

fn prepared<'u>(
    read: ReadNeeds<'u>,
    types: BTreeMap<&'u EntityTypeName, Vec<&'u str>>,
) -> Vec<OfType<'u>> {
    let prepared = types.into_iter().map(|(name, ids)| {
        let view = quoted(&format!("{name}.parents"));
        let sql = |is: &str| {
            format!("SELECT id::text, type::text, parent::text FROM {view} WHERE id {is} LIMIT $2")
        };
        OfType::prepared(read, (name, ids), &[SqlType::INT8], sql)
    });
    prepared.collect()
}

/// The parents of entities, and of those, to the top: one query for each type on each
/// level.
pub(super) async fn parents(
    read: ReadNeeds<'_>,
    uids: &[EntityUid],
) -> Result<HashMap<EntityUid, Vec<EntityUid>>, StoreError> {
    let mut all: HashMap<EntityUid, Vec<EntityUid>> = HashMap::new();
    let mut next: Vec<EntityUid> = uids.to_vec();
    let most = MOST_ANCESTORS.saturating_mul(uids.len());
    for _ in 0..MOST_LEVELS {
        next.retain(|uid| !all.contains_key(uid) && may_have_parents(read, uid));
        next.sort_unstable();
        next.dedup();
        let types = by_type(read.description, next.iter());
        if types.is_empty() {
            return Ok(all);
        }
        let prepared = prepared(read, types);
        let found = try_join_all(prepared.iter().map(|of| parents_of(read, of)));
        let condition = &read.description.rewritten;
        let found = unless_rewritten(read.session, condition, found).await?;
        drop(prepared);
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
    read: ReadNeeds<'_>,
    of: &OfType<'_>,
) -> Result<Vec<(EntityUid, EntityUid)>, StoreError> {
    let entity_type = type_of(read.schema, of.name)?;
    // One more than there may be is enough to refuse them.
    let most = MOST_ANCESTORS
        .saturating_mul(of.ids.len())
        .saturating_add(1);
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = of.rows(read, &[&most]).await.map_err(store_error)?;
    let ids: HashSet<&str> = of.ids.iter().copied().collect();
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
        let parent = read
            .schema
            .entity_type_named(kind)
            .filter(|parent| entity_type.ancestors.contains(&parent.name))
            .and_then(|found| found.entity(parent, JsonOrigin::Column).ok())
            .ok_or_else(|| {
                let view = quoted(&format!("{}.parents", of.name));
                StoreError::Misfit(format!("view {view}: a parent of type `{kind}`"))
            })?;
        found.push((uid(entity_type, id)?, parent));
    }
    Ok(found)
}
