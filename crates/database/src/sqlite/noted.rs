//! The tables that note their changes, each for some types.

use std::collections::HashSet;

use rusqlite::Connection;

use super::announced::{Access, announced};
use crate::views::quoted;

/// The table that triggers write the records into.
const RECORDS: &str = "tenancy_change";

/// The tables that note their changes, and the types for which they do.
#[derive(Debug)]
pub(super) struct NotedTables(HashSet<(String, String)>);

impl NotedTables {
    /// Those that the database names, as far as their triggers are there.
    ///
    /// # Errors
    /// A database that does not name them, or cannot be read.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let named: Vec<(String, String, bool)> = connection
            .prepare("SELECT name, entity_type, derived FROM tenancy_noted")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let mut found = HashSet::new();
        for (table, entity_type, derived) in named {
            if derived || has_triggers(connection, &table)? {
                found.insert((table, entity_type));
            }
        }
        Ok(Self(found))
    }

    /// Returns true if the table notes its changes for entities of that type.
    pub(super) fn contains(&self, table: &str, entity_type: &str) -> bool {
        let wanted = (table.to_owned(), entity_type.to_owned());
        self.0.contains(&wanted)
    }
}

/// True if triggers write a record for each row that is inserted or deleted, and whatever column is
/// updated. A table that is gone has none.
///
/// A condition of a trigger is not looked at: whoever writes one knows which changes matter.
fn has_triggers(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let columns: Vec<String> = connection
        .prepare("SELECT name FROM pragma_table_info(?1)")?
        .query_map([table], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let name = quoted(table);
    let updates = columns.iter().map(|column| {
        let column = quoted(column);
        format!("UPDATE {name} SET {column} = {column}")
    });
    let others = ["INSERT INTO {} DEFAULT VALUES", "DELETE FROM {}"];
    let others = others.iter().map(|sql| sql.replace("{}", &name));
    for sql in others.chain(updates) {
        let accesses = match announced(connection, &sql) {
            Ok(accesses) => accesses,
            // It is gone, or its triggers are broken: whoever writes to it fails.
            Err(rusqlite::Error::SqliteFailure(..) | rusqlite::Error::SqlInputError { .. }) => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let is_record = |access: &Access| matches!(access, Access::InsertByTrigger { table } if table == RECORDS);
        if !accesses.iter().any(is_record) {
            return Ok(false);
        }
    }
    Ok(!columns.is_empty())
}
