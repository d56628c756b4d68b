//! The changes since a state, from the records that triggers write.

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::revision;
use peppol_authz_engine::store::{Changes, Revision};

/// More changes than this are taken for a change of everything.
const MOST: i64 = 10_000;

/// Records whose mark is kept, so that the state after each can be told from that of another
/// history.
const NAMED: i64 = 1_000_000;

/// The changes after a state, up to the one that the connection reads.
pub(super) fn since(connection: &Connection, since: &Revision) -> rusqlite::Result<Changes> {
    let Some((number, _)) = since.as_record() else {
        return Ok(Changes::AnotherHistory);
    };
    if holds(connection, since)? != Some(true) {
        return Ok(Changes::AnotherHistory);
    }
    // Records up to here have lost their entities.
    let horizon: i64 = connection
        .prepare_cached("SELECT pruned_to FROM tenancy_horizon")?
        .query_row([], |row| row.get(0))?;
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    if number < horizon {
        return Ok(Changes::Everything);
    }
    let mut statement = connection.prepare_cached(
        "SELECT entity_type, entity_id FROM tenancy_change WHERE number > ?1 LIMIT ?2",
    )?;
    let mut rows = statement.query((number, MOST + 1))?;
    let mut changed = Vec::new();
    let mut count = 0;
    while let Some(row) = rows.next()? {
        count += 1;
        let (name, id): (Option<String>, Option<String>) = (row.get(0)?, row.get(1)?);
        let uid = name
            .and_then(|name| name.parse::<EntityTypeName>().ok())
            .zip(id)
            .map(|(name, id)| EntityUid::from_type_name_and_id(name, EntityId::new(id)));
        match uid {
            Some(uid) if changed.len() < MOST as usize => changed.push(uid),
            _ => return Ok(Changes::Everything),
        }
    }
    // Somebody has deleted some.
    Ok(if count != newest(connection)?.saturating_sub(number) {
        Changes::Everything
    } else if changed.is_empty() {
        Changes::Nothing
    } else {
        Changes::Of(changed)
    })
}

/// True if the state that the connection reads is the one of that name or a later one; `None`
/// if it is of another history, or so old that its record is not there any more.
pub(super) fn holds(
    connection: &Connection,
    revision: &Revision,
) -> rusqlite::Result<Option<bool>> {
    let now = revision::revision(connection)?;
    let by_name = now.holds(revision);
    let same_history = now.history() == revision.history();
    let Some((number, mark)) = revision.as_record().filter(|_| same_history) else {
        return Ok(None);
    };
    if by_name.is_some() {
        return Ok(by_name);
    }
    let Ok(number) = i64::try_from(number) else {
        return Ok(Some(false));
    };
    let kept: Option<i64> = connection
        .prepare_cached("SELECT mark FROM tenancy_change WHERE number = ?1")?
        .query_row([number], |row| row.get(0))
        .optional()?;
    // The state before the first record has none.
    let is_first = number == 0 && mark == 0;
    Ok((is_first || kept == Some(mark as i64)).then_some(true))
}

/// Takes the entities from all records but the last ones, of which nobody would read more. The
/// names of the states are kept. `before` is the number of the state before this transaction:
/// nobody was given a name of a state between that and the newest. Returns the newest.
pub(super) fn prune(connection: &Connection, before: i64) -> rusqlite::Result<Revision> {
    let newest = newest(connection)?;
    let until = newest - MOST;
    let horizon: i64 =
        connection.query_row("SELECT pruned_to FROM tenancy_horizon", [], |row| {
            row.get(0)
        })?;
    connection.execute(
        "DELETE FROM tenancy_change WHERE number > ?1 AND number <= ?2",
        [before, until],
    )?;
    connection.execute(
        "UPDATE tenancy_change SET entity_type = NULL, entity_id = NULL \
         WHERE number > ?1 AND number <= ?2",
        [horizon, until],
    )?;
    connection.execute(
        "UPDATE tenancy_horizon SET pruned_to = ?1 WHERE pruned_to < ?1",
        [until],
    )?;
    connection.execute(
        "DELETE FROM tenancy_change WHERE number <= ?1",
        [newest - NAMED],
    )?;
    revision::revision(connection)
}

/// The number of the newest state.
pub(super) fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row(
        "SELECT seq FROM sqlite_sequence WHERE name = 'tenancy_change'",
        [],
        |row| row.get(0),
    )
}

/// Prunes where programs other than an import have left many records.
pub(super) fn prune_where_many(connection: &mut Connection) -> rusqlite::Result<()> {
    let horizon: i64 =
        connection.query_row("SELECT pruned_to FROM tenancy_horizon", [], |row| {
            row.get(0)
        })?;
    if newest(connection)? - horizon > 2 * MOST {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let newest = newest(&transaction)?;
        prune(&transaction, newest)?;
        transaction.commit()?;
    }
    Ok(())
}
