//! The candidates of a search, out of SQLite.
//!
//! A view may give an attribute a value of another type than the schema: then the test
//! passes, so that the entity is read and its fault is seen.

use std::sync::Arc;

use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use crate::select::{Dialect, Parameter, SelectStatement, ValuePlace, comparison_sql};
use peppol_authz_engine::store::Comparison;
use peppol_authz_engine::store::StoreError;

/// SQLite's way to write conditions.
pub(crate) struct SqliteDialect;

impl SqliteDialect {
    /// The JSON that a place holds.
    fn json(&self, place: &ValuePlace) -> String {
        match place {
            ValuePlace::Member { column, path } => {
                format!("{}, '{}'", column.sql(), json_path(path))
            }
            other => other.sql(),
        }
    }

    /// A condition on JSON, which is true where there is none, or a text in it that
    /// SQLite would cut.
    fn of_json(&self, place: &ValuePlace, condition: &str) -> String {
        let column = place.sql();
        format!(
            "CASE WHEN NOT json_valid({column}) OR instr({column}, '\\u0000') > 0 \
             THEN TRUE ELSE {condition} END"
        )
    }

    /// A value as it is.
    fn value(&self, place: &ValuePlace) -> String {
        match place {
            ValuePlace::Member { column, path } => {
                format!("({} ->> '{}')", column.sql(), json_path(path))
            }
            other => other.sql(),
        }
    }
}

fn json_path(path: &[String]) -> String {
    let mut text = "$".to_owned();
    for name in path {
        text.push_str(&format!(".\"{name}\""));
    }
    text
}

impl Dialect for SqliteDialect {
    fn parameter(&self, number: usize, _: &Parameter) -> String {
        format!("?{number}")
    }

    fn text(&self, place: &ValuePlace) -> String {
        format!("{} COLLATE BINARY", self.value(place))
    }

    fn texts(&self, one: &ValuePlace, other: &ValuePlace) -> (String, String) {
        (self.text(one), self.text(other))
    }

    fn collated(&self, text: &str) -> String {
        text.to_owned()
    }

    fn one_of(&self, text: &str, texts: &str) -> String {
        format!("{text} IN (SELECT value FROM json_each({texts}))")
    }

    fn bool(&self, place: &ValuePlace, value: bool) -> String {
        // A literal: only so can an index be for the few that are true.
        format!("{} = {}", self.value(place), i32::from(value))
    }

    fn long(&self, place: &ValuePlace, comparison: Comparison, than: &str) -> String {
        let value = self.value(place);
        format!(
            "CASE typeof({value}) WHEN 'integer' THEN {value} {} {than} WHEN 'null' THEN FALSE ELSE TRUE END",
            comparison_sql(comparison)
        )
    }

    fn like(&self, place: &ValuePlace, pattern: &str, matches: bool) -> String {
        let value = self.value(place);
        let not = if matches { "" } else { "NOT " };
        // Unlike LIKE, it heeds case. It reads a text only up to U+0000.
        format!("({not}{value} GLOB {pattern} OR instr({value}, char(0)) > 0)")
    }

    fn pattern(&self, texts: &[Arc<str>]) -> String {
        let escaped = texts.iter().map(|text| {
            text.chars().fold(String::new(), |mut escaped, c| {
                match c {
                    '*' | '?' | '[' => escaped.extend(['[', c, ']']),
                    _ => escaped.push(c),
                }
                escaped
            })
        });
        escaped.collect::<Vec<_>>().join("*")
    }

    fn present(&self, place: &ValuePlace) -> String {
        format!("{} IS NOT NULL", self.value(place))
    }

    fn absent(&self, place: &ValuePlace) -> String {
        format!("{} IS NULL", self.value(place))
    }

    fn element(&self, place: &ValuePlace, condition: &str, some: bool) -> Option<String> {
        let json = self.json(place);
        let condition = condition.replace("element", "elements.value");
        let not = if some { "" } else { "NOT " };
        let any =
            format!("{not}EXISTS (SELECT 1 FROM json_each({json}) AS elements WHERE {condition})");
        Some(self.of_json(place, &any))
    }

    fn empty(&self, place: &ValuePlace, empty: bool) -> Option<String> {
        let json = self.json(place);
        let comparison = if empty { "=" } else { ">" };
        Some(self.of_json(place, &format!("json_array_length({json}) {comparison} 0")))
    }

    fn members(&self, column: &ValuePlace, condition: &str) -> Option<String> {
        Some(self.of_json(column, condition))
    }
}

impl ToSql for Parameter {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Long(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Texts(texts) => {
                let texts: serde_json::Value = texts.iter().map(|text| text.to_string()).collect();
                ToSqlOutput::Owned(Value::Text(texts.to_string()))
            }
        })
    }
}

/// Runs a statement that gives ids.
pub(super) fn ids(
    connection: &Connection,
    view: &str,
    statement: &SelectStatement,
) -> Result<Vec<String>, StoreError> {
    let unavailable = |error: rusqlite::Error| StoreError::Unavailable(error.to_string());
    let mut prepared = connection
        .prepare_cached(&statement.sql)
        .map_err(unavailable)?;
    let mut rows = prepared
        .query(params_from_iter(&statement.parameters))
        .map_err(unavailable)?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next().map_err(unavailable)? {
        match row.get_ref(0).map_err(unavailable)? {
            ValueRef::Null => {}
            ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(id) => ids.push(id.to_owned()),
                Err(_) => return Err(misfit(view)),
            },
            _ => return Err(misfit(view)),
        }
    }
    Ok(ids)
}

fn misfit(view: &str) -> StoreError {
    StoreError::Misfit(format!("view `{view}`: `id` is no text"))
}
