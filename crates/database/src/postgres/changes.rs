//! The state that a transaction reads, and what has changed since another.

use std::sync::Arc;
use std::time::Duration;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::failure::store_error;
use peppol_authz_engine::store::{Changes, Revision, StoreError};

/// The tables in which changes are recorded.
#[derive(Debug)]
pub(super) struct Records {
    /// Their schema, as SQL quotes it.
    pub(super) schema: String,
    /// True if there is a function that names their history.
    pub(super) has_history: bool,
}

/// More changes than this are taken for a change of everything.
const MOST: i64 = 10_000;

/// The statement for a state: the snapshot, its history where the records name one, the place
/// that it is read from, and how far it is behind. On a replica `pg_current_snapshot()` leaves
/// out which transactions are running, so there only what all of them come after counts as seen.
///
/// The place is the server, its timeline and its start, and the table of the records. A server
/// that was promoted, restored or started anew may have given out numbers of transactions before,
/// and so may the table.
pub(super) fn state_statement(records: Option<&Records>) -> String {
    let history = match records {
        Some(Records {
            schema,
            has_history: true,
        }) => format!("{schema}.tenancy_history()"),
        _ => "NULL::text".to_owned(),
    };
    let table = match records {
        Some(Records { schema, .. }) => format!(
            "(SELECT concat(oid, '.', relfilenode) FROM pg_catalog.pg_class \
             WHERE oid = '{}.tenancy_change'::regclass)",
            schema.replace('\'', "''")
        ),
        None => "''".to_owned(),
    };
    format!(
        "SELECT
          CASE WHEN replica THEN pg_snapshot_xmin(snapshot)::text || ':' || pg_snapshot_xmin(snapshot)::text || ':'
            ELSE snapshot::text END,
          {history},
          concat_ws('/',
            (SELECT system_identifier FROM pg_control_system()),
            CASE WHEN replica THEN 'replica' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END,
            extract(epoch FROM pg_postmaster_start_time()),
            {table}),
          CASE WHEN replica
            THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8
            ELSE 0 END
        FROM (SELECT pg_current_snapshot() AS snapshot, pg_is_in_recovery() AS replica) AS state"
    )
}

/// The statement for the change records that a snapshot did not see. The first row has no type if
/// some of them may have been pruned.
pub(super) fn since_statement(records: &Records) -> String {
    let schema = &records.schema;
    format!(
        "SELECT NULL::text, NULL::text FROM {schema}.tenancy_horizon
        WHERE pruned_to >= pg_snapshot_xmin($1::text::pg_snapshot)
        UNION ALL
        (SELECT entity_type::text, entity_id::text FROM {schema}.tenancy_change
        WHERE transaction >= pg_snapshot_xmin($1::text::pg_snapshot)
          AND NOT pg_visible_in_snapshot(transaction, $1::text::pg_snapshot)
        LIMIT $2)"
    )
}

pub(super) const SINCE_TYPES: [Type; 2] = [Type::TEXT, Type::INT8];

/// How many records are asked for.
pub(super) const LIMIT: i64 = MOST + 1;

/// The state out of the row of [`state_statement`], and how far it is behind at most.
pub(super) fn state(row: &Row, definitions: &str) -> Result<(Revision, Duration), StoreError> {
    let snapshot: &str = row.try_get(0).map_err(store_error)?;
    let history: Option<&str> = row.try_get(1).map_err(store_error)?;
    let place: &str = row.try_get(2).map_err(store_error)?;
    // A replica that has replayed no transaction yet cannot tell.
    let lag: Option<f64> = row.try_get(3).map_err(store_error)?;
    let lag = match lag {
        None => Duration::MAX,
        Some(seconds) => Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX),
    };
    let revision = Revision::snapshot(history, snapshot)
        .ok_or_else(|| StoreError::Unavailable(format!("`{snapshot}` is no snapshot")))?;
    let origin = format!("{place}/{definitions}");
    Ok((revision.read_from(Arc::from(origin)), lag))
}

/// The changes out of the rows of [`since_statement`].
pub(super) fn changes(rows: &[Row]) -> Result<Changes, StoreError> {
    if rows.len() > MOST as usize {
        return Ok(Changes::Everything);
    }
    let mut changed = Vec::with_capacity(rows.len());
    for row in rows {
        let (name, id): (Option<&str>, Option<&str>) = (
            row.try_get(0).map_err(store_error)?,
            row.try_get(1).map_err(store_error)?,
        );
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
