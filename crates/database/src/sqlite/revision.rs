//! The names of the state that is read: its revision, and the version of its tables.

use rusqlite::Connection;

use peppol_authz_engine::store::Revision;

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
