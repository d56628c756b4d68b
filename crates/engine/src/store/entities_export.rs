//! All entities of a store in Cedar's JSON form, as [`EntitiesFile`](super::EntitiesFile) reads them.

use std::io::Write;

use cedar_policy::{EntityId, EntityUid};
use serde_json::{Value as Json, json};

use super::{Candidates, Condition, Snapshot, Store, StoreError, TagKeys};
use crate::schema::{AsStored, CedarJson, EntityType, Row, Schema};

/// Entities that are read together.
const PAGE: usize = 500;

/// Why entities are not written.
#[derive(Debug, thiserror::Error)]
pub enum EntitiesExportError {
    /// The target takes no more.
    #[error("{0}")]
    Write(#[from] std::io::Error),
    /// The store refuses, or holds what no file of entities can.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes the entities of all types that a store serves, from one state of it, as an array with one
/// entity a line. Returns how many.
///
/// # Errors
/// An entity that would be another one where the file is read. What was written by then is not whole.
pub async fn export_entities(
    store: &dyn Store,
    snapshot: &mut dyn Snapshot,
    schema: &Schema,
    to: &mut (dyn Write + Send),
) -> Result<u64, EntitiesExportError> {
    let mut written = 0;
    write!(to, "[")?;
    let mut types = schema.entity_types();
    types.retain(|it| it.choices.is_none() && store.serves(&it.name));
    types.sort_by_key(|it| it.name.to_string());
    for entity_type in types {
        let mut after = None;
        loop {
            let ids = snapshot
                .candidates(&Candidates {
                    of: entity_type.name.clone(),
                    condition: Condition::Always,
                    after,
                    limit: PAGE,
                })
                .await?;
            for row in page(snapshot, entity_type, &ids).await? {
                let comma = if written == 0 { "\n" } else { ",\n" };
                write!(to, "{comma}{}", entity_json(&row))?;
                written += 1;
            }
            after = ids.last().map(|id| id.as_str().into());
            if ids.len() < PAGE {
                break;
            }
        }
    }
    writeln!(to, "\n]")?;
    Ok(written)
}

/// The entities of a page, whole.
async fn page(
    snapshot: &mut dyn Snapshot,
    entity_type: &EntityType,
    ids: &[String],
) -> Result<Vec<Row>, StoreError> {
    let name = &entity_type.name;
    let misfit = |uid: &EntityUid, problem: &str| StoreError::Misfit(format!("{uid}: {problem}"));
    let mut uids = Vec::with_capacity(ids.len());
    for id in ids {
        let uid = EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id));
        if !entity_type.is_asked_about(id) {
            let problem = "its id is written otherwise than it is read, so that a file of entities would hold another one";
            return Err(misfit(&uid, problem));
        }
        uids.push(uid);
    }
    let rows = snapshot.entities(&uids).await?;
    let tags = match entity_type.tags {
        Some(_) => {
            let wanted: Vec<_> = uids.iter().map(|uid| (uid.clone(), TagKeys::All)).collect();
            snapshot.tags(&wanted).await?
        }
        None => vec![super::Tags::new(); uids.len()],
    };
    let whole = uids.iter().zip(rows).zip(tags).map(|((uid, row), tags)| {
        let row = row.ok_or_else(|| misfit(uid, "it is listed, and not there"))?;
        Ok(Row { tags, ..row })
    });
    whole.collect()
}

fn entity_json(row: &Row) -> Json {
    let parents: Vec<_> = row.ancestors.iter().map(|uid| AsStored.uid(uid)).collect();
    let mut json = json!({
        "uid": AsStored.uid(&row.uid),
        "attrs": AsStored.record(&row.attributes),
        "parents": parents,
    });
    if !row.tags.is_empty()
        && let Some(members) = json.as_object_mut()
    {
        members.insert("tags".to_owned(), AsStored.record(&row.tags));
    }
    json
}
