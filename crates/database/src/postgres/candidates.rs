//! The candidates of a search, out of PostgreSQL.
//!
//! Columns of a view may have any type and any collation; the description says which.
//! Text is compared as it is where an index can be used for it, and by bytes where a
//! collation could take what differs for the same.

use std::sync::Arc;

use deadpool_postgres::Object;
use tokio_postgres::types::{ToSql, Type as SqlType};

use super::description::Description;
use super::failure::store_error;
use super::relations::{Column, ColumnKind};
use crate::select::{Dialect, Parameter, SelectStatement, ValuePlace, comparison_sql};
use peppol_authz_engine::store::Comparison;
use peppol_authz_engine::store::StoreError;

/// PostgreSQL's way to write conditions on the views of a description.
pub(super) struct PostgresDialect<'a>(pub(super) &'a Description);

/// A `Long` as a column of another type may hold it.
const NUMBER: &str = "'^[+-]?[0-9]{1,99}$'";

/// U+0000, or a number that may be too large.
const NOT_IN_JSONB: &str = "'[\\\\]u0000|[0-9][eE]'";

impl PostgresDialect<'_> {
    fn column(&self, place: &ValuePlace) -> Option<&Column> {
        match place {
            ValuePlace::Column { view, column, .. } => self.0.column(view, column),
            ValuePlace::Member { .. } | ValuePlace::Parameter(_) => None,
        }
    }

    /// The value as JSON; `None` where it is text that may be none.
    fn json(&self, place: &ValuePlace) -> Option<String> {
        let (column, path) = match place {
            ValuePlace::Member { column, path } => (&**column, path.as_slice()),
            other => (other, &[][..]),
        };
        if self.column(column)?.kind == ColumnKind::Text {
            return None;
        }
        let steps: String = path.iter().map(|name| format!(" -> '{name}'")).collect();
        Some(format!("(to_jsonb({}){steps})", column.sql()))
    }

    /// A condition on JSON, which is true where a column of `json` holds what `jsonb`
    /// cannot.
    fn of_json(&self, place: &ValuePlace, condition: String) -> String {
        if self
            .column(place)
            .is_some_and(|c| c.kind == ColumnKind::Json)
        {
            let text = self.value(place);
            return format!("(CASE WHEN {text} ~ {NOT_IN_JSONB} THEN TRUE ELSE {condition} END)");
        }
        condition
    }

    /// The value as text, in its own collation.
    fn value(&self, place: &ValuePlace) -> String {
        match place {
            ValuePlace::Member { .. } => {
                let json = self.json(place).unwrap_or_else(|| "NULL::jsonb".to_owned());
                format!("({json} #>> '{{}}')")
            }
            ValuePlace::Parameter(text) => text.clone(),
            column
                if self
                    .column(column)
                    .is_some_and(|c| c.kind == ColumnKind::Text) =>
            {
                column.sql()
            }
            column => format!("{}::text", column.sql()),
        }
    }
}

impl Dialect for PostgresDialect<'_> {
    fn parameter(&self, number: usize, parameter: &Parameter) -> String {
        let kind = match parameter {
            Parameter::Text(_) => "text",
            Parameter::Texts(_) => "text[]",
            Parameter::Long(_) => "bigint",
        };
        format!("${number}::{kind}")
    }

    fn text(&self, place: &ValuePlace) -> String {
        let value = self.value(place);
        match self.column(place) {
            Some(column) if !column.exact => self.collated(&value),
            _ => value,
        }
    }

    fn texts(&self, one: &ValuePlace, other: &ValuePlace) -> (String, String) {
        let texts = (self.text(one), self.text(other));
        match (self.column(one), self.column(other)) {
            // Two that differ cannot be compared.
            (Some(one), Some(other))
                if one.exact != other.exact || one.collation != other.collation =>
            {
                (self.collated(&texts.0), self.collated(&texts.1))
            }
            _ => texts,
        }
    }

    fn collated(&self, text: &str) -> String {
        format!("{text} COLLATE \"C\"")
    }

    fn one_of(&self, text: &str, texts: &str) -> String {
        format!("{text} = ANY ({texts})")
    }

    fn bool(&self, place: &ValuePlace, value: bool) -> String {
        match (self.column(place).map(|column| column.kind), value) {
            (Some(ColumnKind::Bool), true) => place.sql(),
            (Some(ColumnKind::Bool), false) => format!("NOT {}", place.sql()),
            (_, true) => format!("{} IN ('true', '1')", self.value(place)),
            (_, false) => format!("{} IN ('false', '0')", self.value(place)),
        }
    }

    fn long(&self, place: &ValuePlace, comparison: Comparison, than: &str) -> String {
        let comparison = comparison_sql(comparison);
        if self
            .column(place)
            .is_some_and(|c| c.kind == ColumnKind::Integer)
        {
            return format!("{} {comparison} {than}", place.sql());
        }
        let value = self.value(place);
        let digits = self.collated(&value);
        format!(
            "({value} IS NOT NULL AND CASE WHEN {digits} ~ {NUMBER} THEN {value}::numeric {comparison} {than} ELSE TRUE END)"
        )
    }

    fn like(&self, place: &ValuePlace, pattern: &str, matches: bool) -> String {
        let not = if matches { "" } else { "NOT " };
        format!("{} {not}LIKE {pattern}", self.collated(&self.value(place)))
    }

    fn pattern(&self, texts: &[Arc<str>]) -> String {
        like_pattern(texts)
    }

    fn present(&self, place: &ValuePlace) -> String {
        format!("{} IS NOT NULL", self.value(place))
    }

    fn absent(&self, place: &ValuePlace) -> String {
        format!("{} IS NULL", self.value(place))
    }

    fn element(&self, place: &ValuePlace, condition: &str, some: bool) -> Option<String> {
        let json = self.json(place)?;
        let not = if some { "" } else { "NOT " };
        let found = format!(
            "(CASE jsonb_typeof({json}) WHEN 'array' THEN {not}EXISTS (\
             SELECT 1 FROM jsonb_array_elements_text({json}) AS elements(element) WHERE {condition}) \
             ELSE TRUE END)"
        );
        Some(self.of_json(place, found))
    }

    fn empty(&self, place: &ValuePlace, empty: bool) -> Option<String> {
        let json = self.json(place)?;
        let comparison = if empty { "=" } else { ">" };
        let found = format!(
            "(CASE jsonb_typeof({json}) WHEN 'array' THEN jsonb_array_length({json}) {comparison} 0 \
             ELSE TRUE END)"
        );
        Some(self.of_json(place, found))
    }

    fn members(&self, column: &ValuePlace, condition: &str) -> Option<String> {
        let json = self.json(column)?;
        // A string may hold JSON as text.
        let condition =
            format!("(CASE jsonb_typeof({json}) WHEN 'string' THEN TRUE ELSE {condition} END)");
        Some(self.of_json(column, condition))
    }
}

/// Texts with anything between them, as a pattern of `LIKE`.
pub(crate) fn like_pattern(texts: &[Arc<str>]) -> String {
    let escaped = texts.iter().map(|text| {
        text.chars().fold(String::new(), |mut escaped, c| {
            if matches!(c, '%' | '_' | '\\') {
                escaped.push('\\');
            }
            escaped.push(c);
            escaped
        })
    });
    escaped.collect::<Vec<_>>().join("%")
}

/// Runs a statement that gives ids.
pub(super) async fn ids(
    client: &Object,
    statement: &SelectStatement,
) -> Result<Vec<String>, StoreError> {
    enum Sent<'a> {
        Text(&'a str),
        Texts(Vec<&'a str>),
        Long(i64),
    }
    let sent: Vec<Sent<'_>> = statement
        .parameters
        .iter()
        .map(|parameter| match parameter {
            Parameter::Text(text) => Sent::Text(text),
            Parameter::Texts(texts) => Sent::Texts(texts.iter().map(|text| &**text).collect()),
            Parameter::Long(number) => Sent::Long(*number),
        })
        .collect();
    let parameters: Vec<(&(dyn ToSql + Sync), SqlType)> = sent
        .iter()
        .map(|sent| match sent {
            Sent::Text(text) => (text as &(dyn ToSql + Sync), SqlType::TEXT),
            Sent::Texts(texts) => (texts as &(dyn ToSql + Sync), SqlType::TEXT_ARRAY),
            Sent::Long(number) => (number as &(dyn ToSql + Sync), SqlType::INT8),
        })
        .collect();
    let rows = client
        .query_typed(&statement.sql, &parameters)
        .await
        .map_err(store_error)?;
    let mut ids = Vec::with_capacity(rows.len());
    for row in &rows {
        ids.extend(row.try_get::<_, Option<String>>(0).map_err(store_error)?);
    }
    Ok(ids)
}
