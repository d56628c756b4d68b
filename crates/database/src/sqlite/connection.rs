//! Opening a database, and bringing it to the version that this program knows.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use include_dir::{Dir, include_dir};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rusqlite_migration::{Error as MigrationError, MigrationDefinitionError, Migrations};

use super::options::SqliteOptions;
use peppol_authz_engine::store::StoreError;

static MIGRATION_FILES: Dir<'_> =
    include_dir!("$CARGO_MANIFEST_DIR/../../schema/sqlite/migrations");

static MIGRATIONS: LazyLock<Result<Migrations<'static>, String>> =
    LazyLock::new(|| Migrations::from_directory(&MIGRATION_FILES).map_err(|e| e.to_string()));

/// Marks a file as this program's: "peAZ".
const APPLICATION_ID: i32 = 0x7065_415A;

/// Several processes may start on a new file at once; the one that is beaten to
/// a migration looks again.
const MIGRATION_TRIES: usize = 20;

pub(super) fn open_writer(path: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let failed =
        |error: rusqlite::Error| StoreError::Unavailable(format!("`{}`: {error}", path.display()));
    let connection = Connection::open(path).map_err(failed)?;
    connection
        .busy_timeout(options.busy_timeout)
        .map_err(failed)?;
    switch_to_wal(&connection, options).map_err(failed)?;
    connection
        .pragma_update(None, "synchronous", "NORMAL")
        .map_err(failed)?;
    connection
        .pragma_update(None, "foreign_keys", true)
        .map_err(failed)?;
    Ok(connection)
}

/// The switch does not wait for a lock as other statements do, so that of several
/// processes that start on a new file one would fail.
fn switch_to_wal(connection: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    let started = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && started.elapsed() < options.busy_timeout =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            other => return other,
        }
    }
}

/// Returns true if the file was made by this program.
pub(super) fn is_ours(connection: &Connection) -> rusqlite::Result<bool> {
    let id: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    Ok(id == i64::from(APPLICATION_ID))
}

pub(super) fn open_reader(path: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let failed =
        |error: rusqlite::Error| StoreError::Unavailable(format!("`{}`: {error}", path.display()));
    // Not read-only: a reader of a WAL database takes part in its index.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection
        .busy_timeout(options.busy_timeout)
        .map_err(failed)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Creates or upgrades the tables of a database that is empty or this program's.
pub(super) fn prepare_schema(path: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    let failed = |error: &dyn std::fmt::Display| {
        StoreError::Unavailable(format!("`{}`: {error}", path.display()))
    };
    let number = |connection: &Connection, sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .map_err(|error| failed(&error))
    };
    let mut tries = 0;
    loop {
        let ours = is_ours(connection).map_err(|error| failed(&error))?;
        let empty = number(connection, "SELECT count(*) FROM sqlite_master")? == 0;
        if !ours && !empty {
            return Ok(());
        }
        let migrations = MIGRATIONS.as_ref().map_err(|error| failed(error))?;
        match migrations.to_latest(connection) {
            Ok(()) => {
                return connection
                    .pragma_update(None, "application_id", APPLICATION_ID)
                    .map_err(|error| failed(&error));
            }
            Err(MigrationError::MigrationDefinition(
                MigrationDefinitionError::DatabaseTooFarAhead,
            )) => {
                return Err(StoreError::Version(format!(
                    "`{}` was made by a newer version of this program, with schema {}; this one knows {}",
                    path.display(),
                    number(connection, "PRAGMA user_version")?,
                    MIGRATION_FILES.dirs().count(),
                )));
            }
            Err(error) => {
                tries += 1;
                if tries == MIGRATION_TRIES {
                    return Err(failed(&error));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

/// The views and tables that are there, each with its columns.
pub(super) fn views(
    connection: &Connection,
) -> Result<HashMap<String, HashSet<String>>, StoreError> {
    let read = || -> rusqlite::Result<_> {
        let mut views: HashMap<String, HashSet<String>> = HashMap::new();
        let mut statement = connection.prepare(
            "SELECT m.name, c.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c \
             WHERE m.type IN ('view', 'table')",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            views.entry(row.get(0)?).or_default().insert(row.get(1)?);
        }
        Ok(views)
    };
    read().map_err(|error| StoreError::Unavailable(error.to_string()))
}

/// The number of the state that is read.
pub(super) fn revision(connection: &Connection) -> rusqlite::Result<u64> {
    let number: i64 = connection
        .prepare_cached("SELECT revision FROM tenancy_revision")?
        .query_row([], |row| row.get(0))?;
    Ok(u64::try_from(number).unwrap_or(0))
}
