//! The condition of a plan in SQL, for the query of a service.
//!
//! Each test is true exactly where it holds, and false or NULL where not; none is negated as a
//! whole, so that NULL is "no" wherever it comes from. Texts are compared byte by byte, whatever
//! the collation of a column: once more beside a comparison that an index can be used for.

mod columns;

use std::sync::Arc;

use cedar_policy::EntityTypeName;

use crate::postgres::like_pattern;
use crate::select::{Dialect, comparison_sql, joined};
use crate::sqlite::SqliteDialect;
use peppol_authz_engine::store::Comparison;
use peppol_authz_engine::{ROW_ID, RelatedRow, RowAttribute, RowCondition, RowTest};

pub use columns::RowColumns;

/// The databases that a plan is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowDialect {
    /// PostgreSQL, with parameters `$1`.
    Postgres,
    /// SQLite, with parameters `?1`.
    Sqlite,
}

/// A condition as a part of a `WHERE`, with its parameters in order.
#[derive(Clone, Debug, PartialEq)]
pub struct RowSql {
    /// The condition.
    pub condition: String,
    /// The parameters.
    pub parameters: Vec<RowParameter>,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowParameter {
    /// A text.
    Text(Arc<str>),
    /// A whole number.
    Long(i64),
}

impl RowDialect {
    /// The dialect of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "postgresql" | "postgres" => Some(Self::Postgres),
            "sqlite" => Some(Self::Sqlite),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql",
            Self::Sqlite => "sqlite",
        }
    }

    /// The quotes of names. What stands between double quotes and is no column is a text to SQLite, so
    /// that a test of it would hold of every row.
    fn quote(self) -> char {
        match self {
            Self::Postgres => '"',
            Self::Sqlite => '`',
        }
    }

    /// Parameters that a statement can have.
    #[must_use]
    pub fn most_parameters(self) -> usize {
        match self {
            Self::Postgres => 65_535,
            Self::Sqlite => 32_766,
        }
    }
}

impl RowSql {
    /// The SQL of a condition on rows of a type.
    #[must_use]
    pub fn of(
        condition: &RowCondition,
        of: &EntityTypeName,
        columns: &RowColumns,
        dialect: RowDialect,
    ) -> Self {
        let mut writer = RowSqlWriter {
            dialect,
            columns,
            parameters: Vec::new(),
            numbers: std::collections::HashMap::new(),
            tables: 0,
        };
        let rows = Rows {
            of: of.to_string(),
            alias: None,
        };
        let condition = writer.condition(condition, &rows);
        Self {
            condition,
            parameters: writer.parameters,
        }
    }
}

/// The rows that a condition is on.
struct Rows {
    of: String,
    /// Their name within the statement; `None` for those of the service's own query.
    alias: Option<String>,
}

struct RowSqlWriter<'a> {
    dialect: RowDialect,
    columns: &'a RowColumns,
    parameters: Vec<RowParameter>,
    /// The numbers of texts that are parameters already.
    numbers: std::collections::HashMap<Arc<str>, usize>,
    tables: usize,
}

impl RowSqlWriter<'_> {
    fn condition(&mut self, condition: &RowCondition, rows: &Rows) -> String {
        match condition {
            RowCondition::Always => "TRUE".to_owned(),
            RowCondition::Never => "FALSE".to_owned(),
            RowCondition::All(parts) => joined(
                parts.iter().map(|p| self.condition(p, rows)).collect(),
                "AND",
            ),
            RowCondition::Any(parts) => joined(
                parts.iter().map(|p| self.condition(p, rows)).collect(),
                "OR",
            ),
            RowCondition::Holds(attribute, test) => {
                let column = self.column(attribute, rows);
                self.test(&column, test)
            }
            RowCondition::Related(attribute, related) => self.related(attribute, related, rows),
        }
    }

    fn column(&self, attribute: &RowAttribute, rows: &Rows) -> String {
        let column = self.columns.column(&rows.of, &attribute.name);
        let quote = self.dialect.quote();
        match &rows.alias {
            Some(alias) => format!("{alias}.{}", column.unqualified(quote)),
            None => column.quoted(quote),
        }
    }

    /// The row that a value is the id of, in a table of its own.
    fn related(&mut self, attribute: &RowAttribute, related: &RelatedRow, rows: &Rows) -> String {
        let column = self.column(attribute, rows);
        let quote = self.dialect.quote();
        let Some(table) = self.columns.table(&related.of) else {
            return "FALSE".to_owned();
        };
        let table = table.quoted(quote);
        self.tables += 1;
        let alias = format!("related{}", self.tables);
        let inner = Rows {
            of: related.of.to_string(),
            alias: Some(alias.clone()),
        };
        let id = self.columns.column(&inner.of, ROW_ID);
        let id = format!("{alias}.{}", id.unqualified(quote));
        let (column, id) = (self.exact(&column), self.exact(&id));
        let condition = self.condition(&related.condition, &inner);
        format!("{column} IN (SELECT {id} FROM {table} AS {alias} WHERE {condition})")
    }

    fn test(&mut self, column: &str, test: &RowTest) -> String {
        match test {
            RowTest::Present => format!("{column} IS NOT NULL"),
            RowTest::Absent => format!("{column} IS NULL"),
            RowTest::Bool(value) => match (self.dialect, value) {
                (RowDialect::Postgres, true) => column.to_owned(),
                (RowDialect::Postgres, false) => format!("NOT {column}"),
                (RowDialect::Sqlite, value) => format!("{column} = {}", i32::from(*value)),
            },
            RowTest::Long(comparison, than) => self.long(column, *comparison, *than),
            RowTest::IsOneOf(texts) => self.is_one_of(column, texts),
            RowTest::IsNoneOf(texts) => {
                let exact = self.exact(column);
                match (self.list(texts), self.dialect) {
                    (None, _) => format!("{column} IS NOT NULL"),
                    (Some(list), RowDialect::Postgres) => format!("{exact} NOT IN ({list})"),
                    (Some(list), RowDialect::Sqlite) => {
                        format!(
                            "(typeof({column}) IN ('text', 'integer') AND {exact} NOT IN ({list}))"
                        )
                    }
                }
            }
            RowTest::Like(texts) => self.like(column, texts, ""),
            RowTest::NotLike(texts) => self.like(column, texts, "NOT "),
            RowTest::Contains(texts) => match self.list(texts) {
                Some(list) => self.elements(column, &list, ""),
                None => "FALSE".to_owned(),
            },
            RowTest::Lacks(texts) => match self.list(texts) {
                Some(list) => self.elements(column, &list, "NOT "),
                None => format!("{column} IS NOT NULL"),
            },
            RowTest::Empty(empty) => {
                let comparison = if *empty { "=" } else { ">" };
                match self.dialect {
                    RowDialect::Postgres => {
                        let json = format!("to_jsonb({column})");
                        format!(
                            "(CASE jsonb_typeof({json}) WHEN 'array' THEN \
                             jsonb_array_length({json}) {comparison} 0 ELSE FALSE END)"
                        )
                    }
                    RowDialect::Sqlite => format!(
                        "(CASE WHEN json_valid({column}) THEN json_type({column}) = 'array' AND \
                         json_array_length({column}) {comparison} 0 ELSE FALSE END)"
                    ),
                }
            }
        }
    }

    /// A text that is compared byte by byte.
    fn exact(&self, column: &str) -> String {
        match self.dialect {
            RowDialect::Postgres => format!("{column}::text COLLATE \"C\""),
            RowDialect::Sqlite => format!("CAST({column} AS TEXT) COLLATE BINARY"),
        }
    }

    fn is_one_of(&mut self, column: &str, texts: &[Arc<str>]) -> String {
        let Some(list) = self.list(texts) else {
            return "FALSE".to_owned();
        };
        let exact = self.exact(column);
        match texts.len() {
            1 => format!("({column} = {list} AND {exact} = {list})"),
            _ => format!("({column} IN ({list}) AND {exact} IN ({list}))"),
        }
    }

    fn long(&mut self, column: &str, comparison: Comparison, than: i64) -> String {
        self.parameters.push(RowParameter::Long(than));
        let number = self.parameters.len();
        let comparison = comparison_sql(comparison);
        match self.dialect {
            RowDialect::Postgres => format!("{column} {comparison} ${number}::bigint"),
            RowDialect::Sqlite => {
                format!("(typeof({column}) = 'integer' AND {column} {comparison} ?{number})")
            }
        }
    }

    fn like(&mut self, column: &str, texts: &[Arc<str>], not: &str) -> String {
        match self.dialect {
            RowDialect::Postgres => {
                if texts.iter().any(|text| text.contains('\0')) {
                    return match not.is_empty() {
                        true => "FALSE".to_owned(),
                        false => format!("{column} IS NOT NULL"),
                    };
                }
                let pattern = self.text(&Arc::from(like_pattern(texts)));
                format!("{} {not}LIKE {pattern}", self.exact(column))
            }
            RowDialect::Sqlite => {
                let pattern = self.text(&Arc::from(SqliteDialect.pattern(texts)));
                // Unlike LIKE, it heeds case. It reads a text only up to U+0000.
                format!(
                    "(typeof({column}) = 'text' AND instr({column}, char(0)) = 0 AND \
                     {column} {not}GLOB {pattern})"
                )
            }
        }
    }

    /// That some element of a set is in a list, or that none is. A set with anything but texts in it is
    /// none of an entity.
    fn elements(&self, column: &str, list: &str, not: &str) -> String {
        match self.dialect {
            RowDialect::Postgres => {
                let json = format!("to_jsonb({column})");
                let all = format!("FROM jsonb_array_elements({json}) AS elements(element) WHERE");
                format!(
                    "(CASE jsonb_typeof({json}) WHEN 'array' THEN NOT EXISTS (SELECT 1 {all} \
                     jsonb_typeof(elements.element) <> 'string') AND {not}EXISTS (SELECT 1 {all} \
                     (elements.element #>> '{{}}') COLLATE \"C\" IN ({list})) ELSE FALSE END)"
                )
            }
            // It would cut a text in it that has U+0000. The column is named outside: within the function's
            // arguments the names of its own result come first.
            RowDialect::Sqlite => {
                let all = format!(
                    "FROM (SELECT {column} AS its) AS held, json_each(held.its) AS elements WHERE"
                );
                format!(
                    "(CASE WHEN json_valid({column}) AND instr({column}, '\\u0000') = 0 THEN \
                     json_type({column}) = 'array' AND NOT EXISTS (SELECT 1 {all} elements.type <> \
                     'text') AND {not}EXISTS (SELECT 1 {all} elements.value COLLATE BINARY IN \
                     ({list})) ELSE FALSE END)"
                )
            }
        }
    }

    /// Texts as parameters; `None` if no column can hold any of them.
    fn list(&mut self, texts: &[Arc<str>]) -> Option<String> {
        // PostgreSQL has no U+0000 in texts.
        let held = |text: &&Arc<str>| self.dialect == RowDialect::Sqlite || !text.contains('\0');
        let held: Vec<&Arc<str>> = texts.iter().filter(held).collect();
        let list: Vec<String> = held.into_iter().map(|text| self.text(text)).collect();
        (!list.is_empty()).then(|| list.join(", "))
    }

    fn text(&mut self, text: &Arc<str>) -> String {
        let parameters = &mut self.parameters;
        let number = *self.numbers.entry(Arc::clone(text)).or_insert_with(|| {
            parameters.push(RowParameter::Text(Arc::clone(text)));
            parameters.len()
        });
        match self.dialect {
            RowDialect::Postgres => format!("${number}::text"),
            RowDialect::Sqlite => format!("?{number}"),
        }
    }
}
