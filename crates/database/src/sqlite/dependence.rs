//! The tables and functions that views read.

use std::collections::{BTreeSet, HashSet};

use rusqlite::Connection;

use super::announced::{Access, announced};
use super::noted::NotedTables;
use crate::views::quoted;

/// Functions whose result depends on their arguments alone, of those that SQLite brings along.
/// Functions that read a clock, a counter or chance are not among them.
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

/// A column of a table that a view reads.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ReadColumn {
    /// The type of the view's entities.
    entity_type: String,
    table: String,
    /// Empty where rows are only counted, or looked for.
    column: String,
}

/// The tables and functions that some views depend on.
#[derive(Debug, Default)]
pub(super) struct Dependence {
    columns: BTreeSet<ReadColumn>,
    /// Functions and virtual tables that may give something else each time.
    impure: BTreeSet<String>,
}

impl Dependence {
    /// The tables and functions under the views of those names.
    ///
    /// # Errors
    /// A view that SQLite cannot prepare.
    pub(super) fn of(connection: &Connection, views: &[String]) -> rusqlite::Result<Self> {
        let [tables, others] = ["table", "view"].map(|kind| named(connection, kind));
        let (tables, others) = (tables?, others?);
        let mut found = Self::default();
        for view in views {
            // As `Type`, `Type.tags` or `Type.parents`.
            let entity_type = view.split('.').next().unwrap_or(view);
            let sql = format!("SELECT * FROM {}", quoted(view));
            for access in announced(connection, &sql)? {
                match access {
                    Access::Read { table, column, .. } if tables.contains(&table) => {
                        let entity_type = entity_type.to_owned();
                        found.columns.insert(ReadColumn {
                            entity_type,
                            table,
                            column,
                        });
                    }
                    Access::Read { table, .. }
                        if !others.contains(&table) && !PURE_TABLES.contains(&table.as_str()) =>
                    {
                        found.impure.insert(table);
                    }
                    Access::Function(name) if !PURE.contains(&name.as_str()) => {
                        found.impure.insert(name);
                    }
                    _ => {}
                }
            }
        }
        Ok(found)
    }

    /// The columns of tables that do not note their changes for the type that they are read for.
    pub(super) fn unnoted(&self, noted: &NotedTables) -> Vec<String> {
        let unnoted = self
            .columns
            .iter()
            .filter(|read| !noted.contains(&read.table, &read.entity_type));
        let unnoted = unnoted.map(|read| match read.column.as_str() {
            "" => format!("{} for {}", read.table, read.entity_type),
            column => format!("{}.{column} for {}", read.table, read.entity_type),
        });
        unnoted.collect()
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
