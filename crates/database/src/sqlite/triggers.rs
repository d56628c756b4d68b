//! The effects of a table's triggers, as far as SQLite announces them.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::announced::{Access, announced};
use super::shape::Object;
use crate::views::quoted;

/// The table that triggers write the records into.
pub(super) const RECORDS: &str = "tenancy_change";

/// Returns true if a trigger may keep a row, or what other triggers do for it, from being written.
pub(super) fn may_ignore(trigger: &Object) -> bool {
    trigger.words.iter().any(|word| word == "ignore")
}

/// The accesses of all statements that write to a table.
pub(super) struct Triggers {
    table: String,
    insert: Vec<Access>,
    delete: Vec<Access>,
    /// One for each column.
    updates: Vec<Vec<Access>>,
    /// Why one of the statements cannot be prepared, as where a trigger is broken.
    fault: Option<String>,
}

impl Triggers {
    /// # Errors
    /// A database that cannot be read.
    pub(super) fn of(connection: &Connection, table: &str) -> rusqlite::Result<Self> {
        let columns: Vec<String> = connection
            .prepare("SELECT name FROM pragma_table_info(?1)")?
            .query_map([table], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let name = quoted(table);
        let mut fault = None;
        let mut accesses = |sql: String| match announced(connection, &sql) {
            Ok(accesses) => Ok(accesses),
            Err(
                error
                @ (rusqlite::Error::SqliteFailure(..) | rusqlite::Error::SqlInputError { .. }),
            ) => {
                fault = Some(format!("the table `{table}`: {error}"));
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        };
        let insert = accesses(format!("INSERT INTO {name} DEFAULT VALUES"))?;
        let delete = accesses(format!("DELETE FROM {name}"))?;
        let updates = columns
            .iter()
            .map(|column| {
                let column = quoted(column);
                accesses(format!("UPDATE {name} SET {column} = {column}"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            table: table.to_owned(),
            insert,
            delete,
            updates,
            fault,
        })
    }

    /// Triggers that are not ours, however far away, that write to a table that is noted: a trigger
    /// that is at work does not run once more for what comes of it. Records they may write.
    pub(super) fn meddling(
        &self,
        is_ours: &dyn Fn(&str) -> bool,
        is_noted: &dyn Fn(&str) -> bool,
    ) -> BTreeSet<String> {
        let statements = [&self.insert, &self.delete]
            .into_iter()
            .chain(&self.updates);
        let writes = statements.flatten().filter_map(|access| match access {
            Access::Write {
                table,
                is_insert,
                trigger,
            } if is_noted(&table.to_ascii_lowercase())
                && !is_ours(trigger)
                && !(*is_insert && table == RECORDS) =>
            {
                Some(format!("the trigger `{trigger}` writes to `{table}`"))
            }
            _ => None,
        });
        writes.chain(self.fault.clone()).collect()
    }

    /// Returns true if one of these triggers writes records for each row that is inserted, one for
    /// each that is deleted, and one whatever column is updated.
    pub(super) fn record_all(&self, triggers: &BTreeSet<&str>) -> bool {
        let statements = [&self.insert, &self.delete]
            .into_iter()
            .chain(&self.updates);
        self.fault.is_none()
            && !self.updates.is_empty()
            && statements.into_iter().all(|accesses| {
                accesses.iter().any(|access| {
                    matches!(access, Access::Write { table, is_insert: true, trigger }
                        if table == RECORDS && triggers.contains(&**trigger))
                })
            })
    }

    /// The columns that these triggers look at where a row is deleted.
    pub(super) fn columns_of_the_deleted(&self, triggers: &BTreeSet<&str>) -> BTreeSet<String> {
        let read = self.delete.iter().filter_map(|access| match access {
            Access::Read {
                table,
                column,
                by: Some(by),
            } if *table == self.table && triggers.contains(&**by) => Some(column.clone()),
            _ => None,
        });
        read.collect()
    }
}
