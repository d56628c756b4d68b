//! The views of a database, and the check that they fit a schema.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cedar_policy::EntityTypeName;
use deadpool_postgres::Client;
use tokio_postgres::types::Type as SqlType;

use crate::views;
use peppol_authz_engine::schema::Schema;
use peppol_authz_engine::store::StoreError;

/// The views and tables that a connection can name without a schema.
#[derive(Debug)]
pub(super) struct Description {
    columns: HashMap<String, HashSet<String>>,
    /// The columns by the name of the view.
    details: HashMap<String, HashMap<String, Column>>,
    /// Those of which some column may not be read.
    denied: HashSet<String>,
    role: String,
    /// True if there are change records.
    pub(super) told: bool,
    read: Instant,
    /// True if something that was read by it did not fit.
    doubted: AtomicBool,
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

/// How often a description that is doubted is read again: it may be what the views
/// hold that does not fit, and not the views.
const DOUBT: Duration = Duration::from_secs(1);

/// How often any description is read again. No record is written of a view that goes
/// or of a table of records that comes.
const REFRESH: Duration = Duration::from_secs(30);

const RELATIONS: &str = "\
SELECT c.relname::text, a.attname::text, has_column_privilege(c.oid, a.attnum, 'SELECT'), current_user::text, \
a.atttypid, a.attcollation, coalesce(k.collisdeterministic, true)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_collation AS k ON k.oid = a.attcollation
WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p')
  AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
  AND pg_catalog.pg_table_is_visible(c.oid)";

impl Description {
    pub(super) async fn read(client: &Client) -> Result<Self, tokio_postgres::Error> {
        let mut columns: HashMap<String, HashSet<String>> = HashMap::new();
        let mut details: HashMap<String, HashMap<String, Column>> = HashMap::new();
        let mut denied = HashSet::new();
        let mut role = String::new();
        for row in client.query_typed(RELATIONS, &[]).await? {
            let (relation, column): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            if !row.try_get::<_, bool>(2)? {
                denied.insert(relation.clone());
            }
            role = row.try_get(3)?;
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
            let of = details.entry(relation.clone()).or_default();
            of.insert(column.clone(), detail);
            columns.entry(relation).or_default().insert(column);
        }
        let told = ["tenancy_change", "tenancy_horizon"]
            .iter()
            .all(|name| columns.contains_key(*name));
        Ok(Self {
            columns,
            details,
            denied,
            role,
            told,
            read: Instant::now(),
            doubted: AtomicBool::new(false),
        })
    }

    /// A column of a view, if it is known.
    pub(super) fn column(&self, view: &str, column: &str) -> Option<&Column> {
        self.details.get(view)?.get(column)
    }

    /// Something did not fit: a view may have been changed, or a right taken away.
    pub(super) fn doubt(&self) {
        self.doubted.store(true, Ordering::Relaxed);
    }

    pub(super) fn holds(&self) -> bool {
        let age = self.read.elapsed();
        age < REFRESH && (age < DOUBT || !self.doubted.load(Ordering::Relaxed))
    }

    pub(super) fn serves(&self, entity_type: &EntityTypeName) -> bool {
        self.columns.contains_key(&entity_type.to_string())
    }

    /// Refuses a view that has gone since `before`. Callers may describe entities that the
    /// store does not serve: while the program runs, no type may become theirs.
    pub(super) fn check_after(&self, before: &Self, schema: &Schema) -> Result<(), StoreError> {
        let mut types = schema.entity_types().into_iter().map(|found| &found.name);
        match types.find(|name| before.serves(name) && !self.serves(name)) {
            None => Ok(()),
            Some(name) => Err(StoreError::Misfit(format!(
                "the view `{name}` is not there any more; if it is not to be, restart the program"
            ))),
        }
    }

    /// Checks that the views are those that a schema needs, and may be read.
    pub(super) fn check(&self, schema: &Arc<Schema>) -> Result<(), StoreError> {
        let mut names = views::check(schema, &self.columns)?;
        if names.is_empty() {
            return Err(StoreError::Misfit(
                "the database has none of the views that the schema asks for, or not in the \
                 search_path; `peppol-authz migrate` makes tables and views in an empty one"
                    .to_owned(),
            ));
        }
        if self.told {
            names.extend(["tenancy_change", "tenancy_horizon"].map(str::to_owned));
        }
        let mut denied: Vec<_> = names
            .iter()
            .filter(|name| self.denied.contains(*name))
            .map(|name| format!("\"{name}\""))
            .collect();
        if denied.is_empty() {
            return Ok(());
        }
        denied.sort();
        Err(StoreError::Misfit(format!(
            "the role `{role}` may not read what it needs: GRANT SELECT ON {} TO \"{role}\"",
            denied.join(", "),
            role = self.role,
        )))
    }
}
