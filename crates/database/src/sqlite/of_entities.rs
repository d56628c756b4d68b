//! A database that is made of Cedar's entities.

use std::path::Path;

use rusqlite::TransactionBehavior;

use super::options::SqliteOptions;
use super::{connection, failure, migrate};
use crate::entities::{TableStatement, not_empty};
use crate::import::ImportError;

/// Runs the statements in one transaction, in a file that is empty or not there.
///
/// # Errors
/// A file that holds something, and what the database refuses. Nothing is changed then.
pub(crate) fn make_of_entities(
    path: &Path,
    options: &SqliteOptions,
    statements: &[TableStatement],
) -> Result<(), ImportError> {
    let failed = |error: rusqlite::Error| failure::unavailable(path, &error);
    let mut connection = connection::open_writer(path, options)?;
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let sql = "SELECT EXISTS (SELECT * FROM sqlite_master)";
    let is_used: bool = transaction
        .query_row(sql, [], |row| row.get(0))
        .map_err(failed)?;
    if is_used || migrate::is_ours(&transaction).map_err(failed)? {
        return Err(not_empty());
    }
    for statement in statements {
        let done = transaction.execute_batch(&statement.sql);
        done.map_err(|error| statement.failed(&failure::said(&error)))?;
    }
    transaction.commit().map_err(failed)?;
    Ok(())
}
