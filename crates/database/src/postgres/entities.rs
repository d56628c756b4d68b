//! Entities without their tags.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};
use futures_util::future::try_join_all;

use super::failure::store_error;
use super::parents::parents;
use super::read::{OfType, ReadNeeds, as_text, by_type, type_of, uid, value};
use crate::views::{MOST_ANCESTORS, quoted};
use peppol_authz_engine::schema::{EntityType, Misfit, Record, Row, transitive_ancestors};
use peppol_authz_engine::store::{StoreError, Tags};

/// Prepares the statements for entities.
///
/// # Errors
/// A type that the schema does not have.
pub(super) fn prepare<'u>(
    read: ReadNeeds<'u>,
    uids: &'u [EntityUid],
) -> Result<Vec<OfType<'u>>, StoreError> {
    let types = by_type(read.description, uids.iter()).into_iter();
    let prepared = types.map(|(name, ids)| {
        let entity_type = type_of(read.schema, name)?;
        let sql = |is: &str| select(name, entity_type, is);
        Ok(OfType::prepared(read, (name, ids), &[], sql))
    });
    prepared.collect()
}

fn select(name: &EntityTypeName, entity_type: &EntityType, is: &str) -> String {
    let mut columns = vec!["id::text".to_owned()];
    let attributes = entity_type.shape.attributes.iter();
    columns.extend(attributes.map(|(name, attribute)| as_text(&quoted(name), &attribute.ty)));
    let (view, columns) = (quoted(&name.to_string()), columns.join(", "));
    format!("SELECT {columns} FROM {view} WHERE id {is}")
}

/// Entities without their tags, in order.
pub(super) async fn entities(
    read: ReadNeeds<'_>,
    prepared: &[OfType<'_>],
    uids: &[EntityUid],
) -> Result<Vec<Option<Row>>, StoreError> {
    let found = prepared.iter().map(|of| attributes(read, of));
    let (found, parents) = tokio::try_join!(try_join_all(found), parents(read, uids))?;
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
    read: ReadNeeds<'_>,
    of: &OfType<'_>,
) -> Result<Vec<(EntityUid, Record)>, StoreError> {
    let name = of.name;
    let entity_type = type_of(read.schema, name)?;
    let attributes = &entity_type.shape.attributes;
    let rows = of.rows(read, &[]).await.map_err(store_error)?;
    let mut found: Vec<(EntityUid, Record)> = Vec::with_capacity(rows.len());
    let mut seen = HashSet::with_capacity(rows.len());
    let ids: HashSet<&str> = of.ids.iter().copied().collect();
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
                    let value = value(read.schema, &attribute.ty, text)
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
