//! Opening a database: to write, to read, or in the place of another one.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::failure::unavailable;
use super::options::SqliteOptions;
use super::upgrade::check_newest;
use peppol_authz_engine::store::StoreError;

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
    let connection = open(path, options).map_err(failed)?;
    prepare_writer(&connection, options).map_err(failed)?;
    Ok(connection)
}

/// Opens a file that is there. A reader is let write too: it takes part in the index of a WAL database.
fn open(path: &Path, options: &SqliteOptions) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(options.busy_timeout)?;
    Ok(connection)
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
    let connection = open(path, options).map_err(failed)?;
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

pub(super) fn open_reader(path: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let failed =
        |error: rusqlite::Error| StoreError::Unavailable(format!("`{}`: {error}", path.display()));
    let connection = open(path, options).map_err(failed)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
