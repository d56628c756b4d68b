//! The views and tables that a connection can name without a schema.

use std::collections::{BTreeSet, HashMap, HashSet};

use tokio_postgres::Row;
use tokio_postgres::types::Type as SqlType;

/// The schemas of views ($1), in the order of the path.
pub(super) const SCHEMAS: &str = "\
SELECT DISTINCT n.nspname::text, array_position(current_schemas(false), n.nspname)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relname = ANY ($1::text[]) AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_temp%'
  AND pg_catalog.pg_table_is_visible(c.oid)
ORDER BY 2";

/// The views and tables, by column.
pub(super) const RELATIONS: &str = "\
SELECT c.relname::text, a.attname::text, has_column_privilege(c.oid, a.attnum, 'SELECT'), current_user::text,
  a.atttypid, a.attcollation, coalesce(k.collisdeterministic, true),
  n.nspname::text, c.relowner::regrole::text, c.oid, c.relkind IN ('r', 'v', 'p') AND has_table_privilege(c.oid, 'SELECT')
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_collation AS k ON k.oid = a.attcollation
WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_temp%'
  AND pg_catalog.pg_table_is_visible(c.oid)";

/// The views and tables that a connection can name without a schema.
#[derive(Debug, Default)]
pub(super) struct Relations {
    pub(super) columns: HashMap<String, HashSet<String>>,
    /// The columns by the name of the view.
    details: HashMap<String, HashMap<String, Column>>,
    /// Those of which some column may not be read.
    pub(super) denied: HashSet<String>,
    by_name: HashMap<String, Relation>,
    /// The role that reads.
    pub(super) role: String,
}

/// A view or table, apart from its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Relation {
    pub(super) oid: u32,
    pub(super) schema: String,
    pub(super) owner: String,
}

/// The properties of a column that conditions on it depend on.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) kind: ColumnKind,
    /// By its object id; 0 for a type that has none.
    pub(super) collation: u32,
    /// True if texts with different bytes are never equal.
    pub(super) exact: bool,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Text,
    Bool,
    Integer,
    Json,
    Other,
}

impl Relation {
    /// Returns true if it is in the schema of another, and belongs to its owner.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        (&self.schema, &self.owner) == (&other.schema, &other.owner)
    }
}

impl Relations {
    /// Out of the rows of [`RELATIONS`].
    pub(super) fn of(rows: &[Row]) -> Result<Self, tokio_postgres::Error> {
        let mut found = Self::default();
        for row in rows {
            let (relation, column): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            if !row.try_get::<_, bool>(2)? {
                found.denied.insert(relation.clone());
            }
            found.role = row.try_get(3)?;
            let kind = match SqlType::from_oid(row.try_get(4)?) {
                Some(SqlType::TEXT | SqlType::VARCHAR) => ColumnKind::Text,
                Some(SqlType::BOOL) => ColumnKind::Bool,
                Some(SqlType::INT2 | SqlType::INT4 | SqlType::INT8) => ColumnKind::Integer,
                Some(SqlType::JSON) => ColumnKind::Json,
                _ => ColumnKind::Other,
            };
            let detail = Column {
                kind,
                collation: row.try_get(5)?,
                exact: row.try_get(6)?,
            };
            if !found.by_name.contains_key(&relation) {
                let of = Relation {
                    schema: row.try_get(7)?,
                    owner: row.try_get(8)?,
                    oid: row.try_get(9)?,
                };
                found.by_name.insert(relation.clone(), of);
            }
            let of = found.details.entry(relation.clone()).or_default();
            of.insert(column.clone(), detail);
            found.columns.entry(relation).or_default().insert(column);
        }
        Ok(found)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Relation> {
        self.by_name.get(name)
    }

    pub(super) fn column(&self, view: &str, column: &str) -> Option<&Column> {
        self.details.get(view)?.get(column)
    }

    /// Those of these names that are there.
    pub(super) fn named<'a>(
        &'a self,
        names: &'a BTreeSet<String>,
    ) -> impl Iterator<Item = (&'a str, &'a Relation)> {
        let known = |name: &'a String| Some((name.as_str(), self.by_name.get(name)?));
        names.iter().filter_map(known)
    }
}

/// Object ids as an array that PostgreSQL reads.
pub(super) fn oids(of: impl IntoIterator<Item = u32>) -> String {
    let oids: Vec<String> = of.into_iter().map(|oid| oid.to_string()).collect();
    format!("{{{}}}", oids.join(","))
}
