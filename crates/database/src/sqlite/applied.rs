//! The additions that a database notes.

use rusqlite::Connection;

use crate::additions::{Applied, TABLE};
use crate::views::quoted;

/// The lines of the table of additions, if there is one.
///
/// # Errors
/// A database that cannot be read.
pub(super) fn applied(connection: &Connection) -> rusqlite::Result<Vec<Applied>> {
    let is_there: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1)",
        [TABLE],
        |row| row.get(0),
    )?;
    if !is_there {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT kind = 'view', name, digest FROM {TABLE} ORDER BY kind, name");
    connection
        .prepare(&sql)?
        .query_map([], |row| {
            Ok(Applied {
                is_view: row.get(0)?,
                name: row.get(1)?,
                digest: row.get(2)?,
            })
        })?
        .collect()
}

/// Drops views that additions have made, but for those of names that are kept: a migration of the program's
/// own may change what is under them. They are made again afterwards.
///
/// # Errors
/// A database that cannot be written.
pub(super) fn drop_views(
    connection: &Connection,
    is_kept: impl Fn(&str) -> bool,
) -> rusqlite::Result<()> {
    let views = applied(connection)?.into_iter().filter(|was| was.is_view);
    for view in views.filter(|view| !is_kept(&view.name)) {
        let name = quoted(&view.name);
        connection.execute_batch(&format!("DROP VIEW IF EXISTS {name}"))?;
    }
    Ok(())
}
