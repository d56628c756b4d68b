//! The tables and functions that views read, as SQLite itself tells when it prepares a
//! statement.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use crate::views::quoted;

/// Functions whose result depends on their arguments alone, of those that SQLite brings along.
/// Whoever reads a clock, a counter or chance is not among them.
const PURE: &[&str] = &[
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "avg",
    "ceil",
    "ceiling",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "cos",
    "cosh",
    "count",
    "cume_dist",
    "degrees",
    "dense_rank",
    "exp",
    "first_value",
    "floor",
    "format",
    "glob",
    "group_concat",
    "hex",
    "if",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_each",
    "json_error_position",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_patch",
    "json_pretty",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_tree",
    "json_type",
    "json_valid",
    "jsonb",
    "jsonb_array",
    "jsonb_extract",
    "jsonb_group_array",
    "jsonb_group_object",
    "jsonb_insert",
    "jsonb_object",
    "jsonb_patch",
    "jsonb_remove",
    "jsonb_replace",
    "jsonb_set",
    "lag",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "max",
    "min",
    "mod",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "pi",
    "pow",
    "power",
    "printf",
    "quote",
    "radians",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "sin",
    "sinh",
    "soundex",
    "sqrt",
    "string_agg",
    "substr",
    "substring",
    "sum",
    "tan",
    "tanh",
    "total",
    "trim",
    "trunc",
    "typeof",
    "unhex",
    "unicode",
    "unistr",
    "unistr_quote",
    "unlikely",
    "upper",
    "zeroblob",
    "->",
    "->>",
];

/// Table-valued functions that read their arguments alone.
const PURE_TABLES: &[&str] = &["json_each", "json_tree", "jsonb_each", "jsonb_tree"];

/// The columns and functions that SQLite tells of while it prepares statements.
#[derive(Debug, Default)]
struct Reads {
    columns: BTreeSet<(String, String)>,
    functions: BTreeSet<String>,
}

/// The tables and functions that some views depend on.
#[derive(Debug, Default)]
pub(super) struct Dependence {
    /// Tables of rows, and their columns that are read, as `table.column`.
    columns: BTreeSet<(String, String)>,
    /// Functions and virtual tables that may give something else each time.
    impure: BTreeSet<String>,
}

impl Dependence {
    /// The tables and functions under the views of those names.
    ///
    /// # Errors
    /// A view that SQLite cannot prepare.
    pub(super) fn of(connection: &Connection, views: &[String]) -> rusqlite::Result<Self> {
        let reads: Arc<Mutex<Reads>> = Arc::default();
        let seen = Arc::clone(&reads);
        connection.authorizer(Some(move |context: AuthContext<'_>| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            match context.action {
                AuthAction::Read {
                    table_name,
                    column_name,
                } => {
                    seen.columns
                        .insert((table_name.to_owned(), column_name.to_owned()));
                }
                AuthAction::Function { function_name } => {
                    seen.functions.insert(function_name.to_lowercase());
                }
                _ => {}
            }
            Authorization::Allow
        }))?;
        let prepared = views.iter().try_for_each(|view| {
            let sql = format!("SELECT * FROM {}", quoted(view));
            connection.prepare(&sql).map(|_| ())
        });
        connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
        prepared?;
        let Reads { columns, functions } =
            std::mem::take(&mut *reads.lock().unwrap_or_else(PoisonError::into_inner));
        let [tables, views] = ["table", "view"].map(|kind| named(connection, kind));
        let (tables, views) = (tables?, views?);
        let mut found = Self {
            impure: functions
                .into_iter()
                .filter(|name| !PURE.contains(&name.as_str()))
                .collect(),
            ..Self::default()
        };
        for (table, column) in columns {
            if tables.contains(&table) {
                found.columns.insert((table, column));
            } else if !views.contains(&table) && !PURE_TABLES.contains(&table.as_str()) {
                found.impure.insert(table);
            }
        }
        Ok(found)
    }

    /// The columns of tables that are not among those that note their changes.
    pub(super) fn unnoted(&self, noted: &HashSet<String>) -> Vec<String> {
        self.columns
            .iter()
            .filter(|(table, _)| !noted.contains(table))
            // Without a column where rows are only counted, or looked for.
            .map(|(table, column)| match column.as_str() {
                "" => table.clone(),
                column => format!("{table}.{column}"),
            })
            .collect()
    }

    /// Functions and virtual tables that may give something else each time.
    pub(super) fn impure(&self) -> Vec<String> {
        self.impure.iter().cloned().collect()
    }
}

/// The tables with rows in the file, or the views.
fn named(connection: &Connection, kind: &str) -> rusqlite::Result<HashSet<String>> {
    connection
        .prepare(
            "SELECT name FROM sqlite_master WHERE type = ?1 AND sql NOT LIKE 'CREATE VIRTUAL%' \
             UNION ALL SELECT 'sqlite_sequence' WHERE ?1 = 'table'",
        )?
        .query_map([kind], |row| row.get(0))?
        .collect()
}

/// The tables that note each change, as the database says.
pub(super) fn noted(connection: &Connection) -> rusqlite::Result<HashSet<String>> {
    connection
        .prepare("SELECT name FROM tenancy_noted")?
        .query_map([], |row| row.get(0))?
        .collect()
}
