//! The accesses of a statement, as SQLite itself announces them when it prepares the statement.

use std::sync::mpsc;

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// One access, with names of its own.
pub(super) enum Access {
    /// A column of a table or view; empty where rows are only counted, or looked for.
    Read {
        table: String,
        column: String,
        /// The trigger or view that reads it, if not the statement itself.
        by: Option<String>,
    },
    /// Rows that a trigger writes.
    Write {
        table: String,
        is_insert: bool,
        trigger: String,
    },
    /// A function, in lower case.
    Function(String),
}

/// The accesses of a statement, which is not run.
///
/// # Errors
/// A statement that SQLite cannot prepare.
pub(super) fn announced(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<Access>> {
    let (announce, announced) = mpsc::channel();
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        let by = context.accessor.map(str::to_owned);
        let write = |table: &str, is_insert| {
            Some(Access::Write {
                table: table.to_owned(),
                is_insert,
                trigger: by.clone()?,
            })
        };
        let access = match context.action {
            AuthAction::Read {
                table_name,
                column_name,
            } => Some(Access::Read {
                table: table_name.to_owned(),
                column: column_name.to_owned(),
                by,
            }),
            AuthAction::Insert { table_name } => write(table_name, true),
            AuthAction::Update { table_name, .. } | AuthAction::Delete { table_name } => {
                write(table_name, false)
            }
            AuthAction::Function { function_name } => {
                Some(Access::Function(function_name.to_lowercase()))
            }
            _ => None,
        };
        // The receiver lives until the authorizer is gone.
        let _ = access.map(|access| announce.send(access));
        Authorization::Allow
    }))?;
    let prepared = connection.prepare(sql).map(|_| ());
    connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
    prepared?;
    Ok(announced.try_iter().collect())
}
