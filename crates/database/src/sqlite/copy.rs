//! A copy of a database that may be read and not written.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

/// Copies one state of a database into a directory that only its owner reads, and that is gone
/// when it is dropped.
///
/// # Errors
/// A file that may not be read, or no place for the copy.
pub(super) fn copied(path: &Path, busy_timeout: Duration) -> std::io::Result<(TempDir, PathBuf)> {
    let directory = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o700))
        .tempdir()?;
    let copy = directory.path().join("copy.db");
    let is_in_use = beside(path, "-shm").metadata().is_ok();
    if is_in_use && by_sqlite(path, &copy, busy_timeout).is_ok() {
        return Ok((directory, copy));
    }
    // Without an index nobody writes: the file and its log are one state.
    copy_file(path, &copy)?;
    match copy_file(&beside(path, "-wal"), &beside(&copy, "-wal")) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok((directory, copy)),
    }
}

/// By SQLite, which takes a state that others do not change meanwhile.
fn by_sqlite(path: &Path, copy: &Path, busy_timeout: Duration) -> Result<(), Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(Error::other)?;
    connection
        .busy_timeout(busy_timeout)
        .map_err(Error::other)?;
    let to = copy.to_str().ok_or(ErrorKind::InvalidFilename)?;
    let written = connection.execute("VACUUM INTO ?1", [to]);
    written.map(drop).map_err(Error::other)
}

fn copy_file(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::copy(from, to)?;
    // It may be written, also if the original may not.
    fs::set_permissions(to, Permissions::from_mode(0o600))
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}
