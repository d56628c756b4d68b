//! Opening a database, and bringing it to the version that this program knows.

use std::collections::{HashMap, HashSet};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::applied::drop_views;
use super::options::SqliteOptions;
use crate::migration::{self, Migrated, Migration};
use crate::views::quoted;
use peppol_authz_engine::store::{Revision, StoreError};

/// A file notes the version of the last one in `PRAGMA user_version`.
const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "tenancy",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/1-tenancy/up.sql"
        )),
    },
    Migration {
        version: 2,
        name: "changes",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/2-changes/up.sql"
        )),
    },
    Migration {
        version: 3,
        name: "search",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/3-search/up.sql"
        )),
    },
    Migration {
        version: 4,
        name: "history",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/4-history/up.sql"
        )),
    },
    Migration {
        version: 5,
        name: "participant-identifiers",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/5-participant-identifiers/up.sql"
        )),
    },
    Migration {
        version: 6,
        name: "one-name",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/6-one-name/up.sql"
        )),
    },
    Migration {
        version: 7,
        name: "noted-types",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/7-noted-types/up.sql"
        )),
    },
    Migration {
        version: 8,
        name: "noted-lines",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/8-noted-lines/up.sql"
        )),
    },
    Migration {
        version: 9,
        name: "members-and-invitations",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/9-members-and-invitations/up.sql"
        )),
    },
];

/// Marks a file as this program's: "peAZ".
const APPLICATION_ID: i32 = 0x7065_415A;

/// Several processes may start on a new file at once, and one may import into it: how many times the
/// busy timeout the others wait for its lock.
const MIGRATION_TRIES: usize = 20;

pub(super) fn open_writer(path: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let failed = |error| unavailable(path, &error);
    if options.makes {
        make_file(path);
    } else if !path.exists() {
        let shown = path.display();
        return Err(StoreError::Unavailable(format!(
            "`{shown}` does not exist; `import`, `migrate` and `serve` make a database"
        )));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection
        .busy_timeout(options.busy_timeout)
        .map_err(failed)?;
    prepare_writer(&connection, options).map_err(failed)?;
    Ok(connection)
}

/// The error of the database at a path, with what to do about it.
pub(super) fn unavailable(path: &Path, error: &rusqlite::Error) -> StoreError {
    StoreError::Unavailable(format!("`{}`: {}", path.display(), said(error)))
}

/// An error, with what to do about it.
pub(super) fn said(error: &rusqlite::Error) -> String {
    let advice = match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "; the file and its directory have to be writable"
        }
        Some(ErrorCode::SystemIoFailure) => "; its disk may be full, or failing",
        _ => "",
    };
    format!("{error}{advice}")
}

/// Makes an empty file that its owner alone may read, where there is none: it holds addresses.
/// Where it cannot be made, opening it says why.
fn make_file(path: &Path) {
    let mut options = OpenOptions::new();
    let _ = options.write(true).create_new(true).mode(0o600).open(path);
}

/// Opens a database that was put in the place of another one. Nothing is made, and an older one is
/// not upgraded: somebody may be about to copy it, and would copy over what is written here.
pub(super) fn open_whole(path: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let shown = path.display();
    let failed = |error: rusqlite::Error| StoreError::Unavailable(format!("`{shown}`: {error}"));
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection
        .busy_timeout(options.busy_timeout)
        .map_err(failed)?;
    let number = |sql: &str| {
        let number = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        number.map(i64::unsigned_abs)
    };
    let pages = number("PRAGMA page_count").map_err(failed)?;
    let bytes = pages.saturating_mul(number("PRAGMA page_size").map_err(failed)?);
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let length = |path: &Path| path.metadata().map_or(0, |file| file.len());
    // Pages that are not in the file yet may be in its log.
    if pages == 0 || (length(Path::new(&log)) == 0 && length(path) < bytes) {
        let text = format!("`{shown}` is not whole: it is empty, or is being copied");
        return Err(StoreError::Unavailable(text));
    }
    check_newest(path, &connection)?;
    prepare_writer(&connection, options).map_err(failed)?;
    Ok(connection)
}

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

fn prepare_writer(connection: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    switch_to_wal(connection, options)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)
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

/// Returns true if a migration makes a view of that name. It drops first what is there.
fn is_shipped_view(name: &str) -> bool {
    let made = format!("CREATE VIEW {} ", quoted(name));
    MIGRATIONS.iter().any(|it| it.sql.contains(&made))
}

/// The newest version of the tables.
pub(super) fn newest() -> i32 {
    migration::newest(MIGRATIONS)
}

/// Makes all tables in a database that is empty.
pub(super) fn make_all(connection: &Connection) -> rusqlite::Result<()> {
    let mut migrations = MIGRATIONS.iter();
    migrations.try_for_each(|migration| connection.execute_batch(migration.sql))
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

/// The name of the state that is read, in a database of this program.
pub(super) fn revision(connection: &Connection) -> rusqlite::Result<Revision> {
    let name: String = connection
        .prepare_cached("SELECT revision FROM tenancy_revision")?
        .query_row([], |row| row.get(0))?;
    Revision::parse(&name)
        .filter(|revision| revision.as_record().is_some())
        .ok_or(rusqlite::Error::InvalidQuery)
}

/// The number of the state that is read, in a database of another program.
pub(super) fn number(connection: &Connection) -> rusqlite::Result<Revision> {
    let number: i64 = connection
        .prepare_cached("SELECT revision FROM tenancy_revision")?
        .query_row([], |row| row.get(0))?;
    Ok(Revision::number(u64::try_from(number).unwrap_or(0)))
}

/// The page that each record is written to, beside its own: that of the numbers. `None` if they do
/// not fit into one.
pub(super) fn page_of_numbers(connection: &Connection) -> rusqlite::Result<Option<u32>> {
    let of = "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_sequence'";
    let fits = "SELECT coalesce(sum(length(name) * 4 + 32), 0) <
      (SELECT page_size / 2 FROM pragma_page_size) FROM sqlite_sequence";
    let fits: bool = connection.query_row(fits, [], |row| row.get(0))?;
    let page = connection.query_row(of, [], |row| row.get(0))?;
    Ok(fits.then_some(page))
}

/// The version of the tables and views: it changes whenever these do.
pub(super) fn schema_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("PRAGMA schema_version")?
        .query_row([], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_migration() {
        migration::assert_complete(
            MIGRATIONS,
            "../../schema/sqlite/migrations",
            |version, name| format!("{version}-{name}/up.sql"),
        );
    }
}
