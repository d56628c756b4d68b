//! The state that a transaction reads, and what has changed since another.

use std::sync::Arc;
use std::time::Duration;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::description::{Description, KnownState};
use super::failure::store_error;
use peppol_authz_engine::store::{Changes, Revision, StoreError};

/// More changes than this are taken for a change of everything.
const MOST: i64 = 10_000;

pub(super) const SINCE_TYPES: [Type; 2] = [Type::TEXT, Type::INT8];

/// How many records are asked for.
pub(super) const LIMIT: i64 = MOST + 1;

/// A state that was read.
pub(super) struct PostgresState {
    pub(super) revision: Revision,
    /// How far it is behind at most.
    pub(super) lag: Duration,
    /// True if it was read where the description was, and that holds.
    pub(super) is_as_described: bool,
}

/// The state out of the row of [`state_statement`](super::records::state_statement), which was asked with the
/// snapshot of the known state.
pub(super) fn state(
    row: &Row,
    description: &Description,
    known: Option<&KnownState>,
) -> Result<PostgresState, StoreError> {
    let snapshot: &str = row.try_get(0).map_err(store_error)?;
    let history: Option<&str> = row.try_get(1).map_err(store_error)?;
    let place: &str = row.try_get(2).map_err(store_error)?;
    let digest: Option<&str> = row.try_get(4).map_err(store_error)?;
    let settings: &str = row.try_get(5).map_err(store_error)?;
    let known = known.filter(|known| known.snapshot == snapshot);
    let records = description.records.as_ref();
    let is_shipped = records.is_some_and(|it| it.is_history_shipped);
    let history = match (digest, known) {
        (None, Some(known)) if is_shipped => known.history.as_deref(),
        (None, None) => {
            let text = format!("the state `{snapshot}` has no digest");
            return Err(StoreError::Unavailable(text));
        }
        _ => history,
    };
    let has_history = records.is_some_and(|it| it.has_history);
    if has_history && history.is_none() {
        return Err(StoreError::Misfit(
            "the table `tenancy_history` has no row: a restore is going on, or one has failed"
                .to_owned(),
        ));
    }
    // A replica that has replayed no transaction yet cannot tell.
    let lag: Option<f64> = row.try_get(3).map_err(store_error)?;
    let lag = match lag {
        None => Duration::MAX,
        Some(seconds) => Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX),
    };
    let revision = Revision::snapshot(history, snapshot)
        .ok_or_else(|| StoreError::Unavailable(format!("`{snapshot}` is no snapshot")))?;
    let is_as_described = description.is_of(place, digest, settings);
    if is_as_described && digest.is_some() {
        description.set_known(KnownState {
            snapshot: snapshot.to_owned(),
            history: history.map(str::to_owned),
        });
    }
    Ok(PostgresState {
        revision: revision.read_from(Arc::from(description.origin(place))),
        lag,
        is_as_described,
    })
}

/// Returns true if more has changed than single entities, as when much was imported. Tables may be of quite another
/// size by now.
pub(super) fn are_many(rows: &[Row]) -> bool {
    let is_of_any = |row: &Row| !matches!(row.try_get::<_, Option<&str>>(0), Ok(Some(_)));
    rows.len() > MOST as usize || rows.iter().any(is_of_any)
}

/// The changes out of the rows of [`since_statement`](super::records::since_statement).
pub(super) fn changes(rows: &[Row], description: &Description) -> Result<Changes, StoreError> {
    if rows.len() > MOST as usize {
        return Ok(Changes::Everything);
    }
    let mut changed = Vec::with_capacity(rows.len());
    for row in rows {
        let (name, id): (Option<&str>, Option<&str>) = (
            row.try_get(0).map_err(store_error)?,
            row.try_get(1).map_err(store_error)?,
        );
        if name.is_some_and(|name| description.with_others.contains(name)) {
            return Ok(Changes::Everything);
        }
        let uid = name
            .and_then(|name| name.parse::<EntityTypeName>().ok())
            .zip(id)
            .map(|(name, id)| EntityUid::from_type_name_and_id(name, EntityId::new(id)));
        match uid {
            Some(uid) => changed.push(uid),
            None => return Ok(Changes::Everything),
        }
    }
    Ok(if changed.is_empty() {
        Changes::Nothing
    } else {
        Changes::Of(changed)
    })
}
