//! Brings a database to the version that this program knows, as a writer opens it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::applied::drop_views;
use super::failure::unavailable;
use super::migrate::{APPLICATION_ID, MIGRATIONS, is_ours, is_shipped_view};
use crate::migration::{self, Migrated, Migration};
use peppol_authz_engine::store::StoreError;

/// Several processes may start on a new file at once, and one may import into it: how many times the
/// busy timeout the others wait for its lock.
const MIGRATION_TRIES: usize = 20;

/// Checks that the tables of a database are those that this program makes, or another program's.
///
/// # Errors
/// A database that is older, or empty.
pub(super) fn check_newest(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let shown = path.display();
    let lacks = lacks(path, connection).map_err(|failed| match failed {
        Failed::Refused(error) => error,
        Failed::Database(error) => unavailable(path, &error),
    })?;
    match lacks {
        None => Ok(()),
        Some(_) => Err(StoreError::Version(format!(
            "`{shown}` is of an older version: restart the program or run `peppol-authz migrate` to upgrade it"
        ))),
    }
}

/// Creates or upgrades the tables of a database that is empty or this program's.
pub(super) fn prepare_schema(
    path: &Path,
    connection: &mut Connection,
) -> Result<Migrated, StoreError> {
    let (mut tries, mut before) = (0, None);
    loop {
        match step(path, connection) {
            Ok(Step::From(version)) => {
                before.get_or_insert(version);
            }
            Ok(Step::Newest(version)) => {
                return Ok(Migrated::between(before.unwrap_or(version), version));
            }
            Ok(Step::Foreign) => return Ok(Migrated::Foreign),
            Err(Failed::Refused(error)) => return Err(error),
            Err(Failed::Database(error)) => {
                tries += 1;
                if error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy)
                    || tries == MIGRATION_TRIES
                {
                    let text = format!("`{}`: {error}", path.display());
                    return Err(StoreError::Unavailable(text));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

/// Why a database is not brought a version further.
enum Failed {
    Refused(StoreError),
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// A step of a database towards the newest version.
enum Step {
    /// It is no step: the database is of the newest version.
    Newest(i32),
    /// It is no step: the database is another program's.
    Foreign,
    /// One version further, or as far as another process has brought it.
    From(i32),
}

/// Brings a database a version further.
fn step(path: &Path, connection: &mut Connection) -> Result<Step, Failed> {
    // At first without the lock, which another process may hold for as long as an import takes.
    let Some(version) = version(path, &*connection.transaction()?)? else {
        return Ok(Step::Foreign);
    };
    if migration::next(MIGRATIONS, version).is_none() {
        return Ok(Step::Newest(version));
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it meanwhile.
    if let Some(migration) = lacks(path, &transaction)? {
        drop_views(&transaction, is_shipped_view)?;
        transaction.execute_batch(migration.sql)?;
        transaction.pragma_update(None, "user_version", migration.version)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.commit()?;
    }
    Ok(Step::From(version))
}

/// The migration that a database lacks first, as a transaction sees it; none where it is another
/// program's.
fn lacks(path: &Path, transaction: &Connection) -> Result<Option<&'static Migration>, Failed> {
    let version = version(path, transaction)?;
    Ok(version.and_then(|version| migration::next(MIGRATIONS, version)))
}

/// The version of a database, as a transaction sees it; none where it is another program's.
fn version(path: &Path, transaction: &Connection) -> Result<Option<i32>, Failed> {
    let number = |sql: &str| transaction.query_row(sql, [], |row| row.get::<_, i32>(0));
    if !is_ours(transaction)? && number("SELECT EXISTS (SELECT * FROM sqlite_master)")? != 0 {
        let is_unmarked = number(
            "SELECT count(*) = 2 FROM sqlite_master \
             WHERE type = 'table' AND name IN ('registered_user', 'derived_participant')",
        )? != 0;
        return match is_unmarked {
            true => Err(Failed::Refused(unmarked(path))),
            false => Ok(None),
        };
    }
    let version = number("PRAGMA user_version")?;
    let newest = migration::newest(MIGRATIONS);
    if version > newest {
        return Err(Failed::Refused(StoreError::Version(format!(
            "`{}` was made by a newer version of this program, with schema {version}; this one knows {newest}",
            path.display(),
        ))));
    }
    Ok(Some(version))
}

/// The tables are this program's, and the file does not say so.
fn unmarked(path: &Path) -> StoreError {
    let (shown, newest) = (path.display(), migration::newest(MIGRATIONS));
    StoreError::Version(format!(
        "`{shown}` has the tables of this program without its marks, as after `.dump` and `.read`: \
         it may hold anything. If it is to be used, give it back the `user_version` that it had \
         ({newest} is the newest), and begin a history of its own: sqlite3 {shown} \
         \"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {newest}; \
         UPDATE tenancy_history SET id = lower(hex(randomblob(8)))\""
    ))
}
