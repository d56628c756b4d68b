//! The changes since a state, from the records that triggers write.

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use rusqlite::{Connection, TransactionBehavior};

use super::connection;
use peppol_authz_engine::store::{Changes, Revision};

/// More changes than this are taken for a change of everything.
const MOST: usize = 10_000;

/// The changes after a state, up to the one that the connection reads.
pub(super) fn since(connection: &Connection, since: &Revision) -> rusqlite::Result<Changes> {
    let Ok(number) = since.name().parse::<i64>() else {
        return Ok(Changes::Everything);
    };
    // Records up to here were removed.
    let horizon: i64 = connection
        .prepare_cached("SELECT pruned_to FROM tenancy_horizon")?
        .query_row([], |row| row.get(0))?;
    if number < horizon {
        return Ok(Changes::Everything);
    }
    let mut statement = connection.prepare_cached(
        "SELECT entity_type, entity_id FROM tenancy_change WHERE number > ?1 LIMIT ?2",
    )?;
    let mut rows = statement.query((number, MOST as i64 + 1))?;
    let mut changed = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, id): (Option<String>, Option<String>) = (row.get(0)?, row.get(1)?);
        let uid = name
            .and_then(|name| name.parse::<EntityTypeName>().ok())
            .zip(id)
            .map(|(name, id)| EntityUid::from_type_name_and_id(name, EntityId::new(id)));
        match uid {
            Some(uid) if changed.len() < MOST => changed.push(uid),
            _ => return Ok(Changes::Everything),
        }
    }
    Ok(if changed.is_empty() {
        Changes::Nothing
    } else {
        Changes::Of(changed)
    })
}

/// Removes all records but the last ones, of which nobody would read more, and
/// returns the number of the newest.
pub(super) fn prune(connection: &Connection) -> rusqlite::Result<u64> {
    let number = connection::revision(connection)?;
    let until = i64::try_from(number).unwrap_or(i64::MAX) - MOST as i64;
    connection.execute(
        "UPDATE tenancy_horizon SET pruned_to = ?1 WHERE pruned_to < ?1",
        [until],
    )?;
    connection.execute("DELETE FROM tenancy_change WHERE number <= ?1", [until])?;
    Ok(number)
}

/// Prunes where programs other than an import have left many records.
pub(super) fn prune_where_many(connection: &mut Connection) -> rusqlite::Result<()> {
    let records: i64 = connection.query_row(
        "SELECT revision - pruned_to FROM tenancy_revision, tenancy_horizon",
        [],
        |row| row.get(0),
    )?;
    if records > 2 * MOST as i64 {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        prune(&transaction)?;
        transaction.commit()?;
    }
    Ok(())
}
