//! The tables, triggers, indexes and views of a database as its schema has them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rusqlite::Connection;

use crate::sql::{SqlDialect, Word, words};
use peppol_authz_engine::store::StoreError;

/// One of them. Names are in lower case: SQLite takes them in any.
#[derive(Debug)]
pub(super) struct Object {
    /// As it is written.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The table that it is of.
    pub(super) table: String,
    pub(super) words: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Table,
    View,
    Index,
    Trigger,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::Index => "index",
            Self::Trigger => "trigger",
        }
    }
}

/// Objects by kind and name. What SQLite makes by itself is not among them.
pub(super) type Objects = BTreeMap<(Kind, String), Object>;

/// All of a database.
///
/// # Errors
/// A database that cannot be read.
pub(super) fn objects(connection: &Connection) -> rusqlite::Result<Objects> {
    let mut objects = Objects::new();
    let mut statement = connection.prepare(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema \
         WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let kind = match row.get::<_, String>(0)?.as_str() {
            "table" => Kind::Table,
            "view" => Kind::View,
            "index" => Kind::Index,
            _ => Kind::Trigger,
        };
        let name: String = row.get(1)?;
        let sql: String = row.get(3)?;
        let words = words(&sql, SqlDialect::Sqlite);
        let object = Object {
            kind,
            table: row.get::<_, String>(2)?.to_ascii_lowercase(),
            words: words.iter().map(Word::folded).collect(),
            name: name.clone(),
        };
        objects.insert((kind, name.to_ascii_lowercase()), object);
    }
    Ok(objects)
}

/// A unique key of a table: a row gives way to another one with the same values.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct UniqueKey {
    /// Of the index that somebody has made for it.
    name: Option<String>,
    is_partial: bool,
    /// With their collations. An expression has no name.
    columns: Vec<(Option<String>, Option<String>)>,
}

impl UniqueKey {
    /// For people.
    pub(super) fn label(&self) -> String {
        let columns = self.columns.iter().map(|(name, _)| name.as_deref());
        let columns: Vec<_> = columns.map(|name| name.unwrap_or("…")).collect();
        match &self.name {
            Some(name) => name.clone(),
            None => format!("({})", columns.join(", ")),
        }
    }

    /// Returns true if it has all of these columns, compared by their bytes.
    pub(super) fn covers(&self, columns: &BTreeSet<String>) -> bool {
        columns.iter().all(|column| {
            self.columns.iter().any(|(name, collation)| {
                let is_exact = collation.as_deref().is_none_or(|name| name == "BINARY");
                is_exact && name.as_ref() == Some(column)
            })
        })
    }
}

/// The parts of a table that decide which rows can be in it, and which give way to others. The id that a row
/// has beside its key counts as none: nobody writes one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Name, type, place in the primary key, and true if it is computed.
    pub(super) columns: BTreeSet<(String, String, i64, i64)>,
    pub(super) keys: BTreeSet<UniqueKey>,
    is_without_rowid: bool,
    is_strict: bool,
}

impl Shape {
    /// Of a table.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub(super) fn of(connection: &Connection, table: &str) -> rusqlite::Result<Self> {
        let columns: BTreeSet<(String, String, i64, i64)> = connection
            .prepare_cached("SELECT name, type, pk, hidden FROM pragma_table_xinfo(?1)")?
            .query_map([table], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?
            .collect::<Result<_, _>>()?;
        let mut keys = BTreeMap::<String, UniqueKey>::new();
        let mut statement = connection.prepare_cached(
            "SELECT i.name, i.origin = 'c', i.partial, c.name, c.coll \
             FROM pragma_index_list(?1) AS i JOIN pragma_index_xinfo(i.name) AS c \
             WHERE i.\"unique\" AND c.key ORDER BY i.name, c.seqno",
        )?;
        let mut rows = statement.query([table])?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            let (is_made, is_partial) = (row.get::<_, bool>(1)?, row.get(2)?);
            let key = keys.entry(name.clone()).or_insert_with(|| UniqueKey {
                name: is_made.then_some(name),
                is_partial,
                columns: Vec::new(),
            });
            key.columns.push((row.get(3)?, row.get(4)?));
        }
        let mut keys: BTreeSet<UniqueKey> = keys.into_values().collect();
        let (is_without_rowid, is_strict): (bool, bool) = connection
            .prepare_cached("SELECT wr, strict FROM pragma_table_list(?1) WHERE schema = 'main'")?
            .query_row([table], |row| Ok((row.get(0)?, row.get(1)?)))?;
        // An INTEGER PRIMARY KEY is the row's own id, and has no index.
        let mut primary = columns.iter().filter(|(_, _, place, _)| *place > 0);
        if !is_without_rowid
            && let (Some((name, of, _, _)), None) = (primary.next(), primary.next())
            && of.eq_ignore_ascii_case("INTEGER")
        {
            keys.insert(UniqueKey {
                name: None,
                is_partial: false,
                columns: vec![(Some(name.clone()), None)],
            });
        }
        Ok(Self {
            columns,
            keys,
            is_without_rowid,
            is_strict,
        })
    }

    /// Returns true if it is the other one, but for columns that are there beside its own.
    pub(super) fn extends(&self, other: &Self) -> bool {
        self.columns.is_superset(&other.columns)
            && self.keys == other.keys
            && (self.is_without_rowid, self.is_strict) == (other.is_without_rowid, other.is_strict)
    }
}

/// The views and tables that are there, each with its columns.
pub(super) fn views(
    connection: &Connection,
) -> Result<HashMap<String, HashSet<String>>, StoreError> {
    let read = || -> rusqlite::Result<_> {
        let mut views: HashMap<String, HashSet<String>> = HashMap::new();
        let mut statement = connection.prepare(
            "SELECT m.name, c.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c \
             WHERE m.type IN ('view', 'table')",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            views.entry(row.get(0)?).or_default().insert(row.get(1)?);
        }
        Ok(views)
    };
    read().map_err(|error| StoreError::Unavailable(error.to_string()))
}
