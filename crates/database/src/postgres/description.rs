//! The views of a database, and the check that they fit a schema.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use cedar_policy::EntityTypeName;
use deadpool_postgres::Client;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type as SqlType};

use super::records::{Records, since_statement, state_statement};
use super::relations;
use crate::views::{self, quoted};
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
    relations: HashMap<String, Relation>,
    role: String,
    /// The tables that lack what this program made them with.
    broken: Option<String>,
    /// The place of the first state that was read by it.
    place: OnceLock<Arc<str>>,
    /// The records of changes, if there are some that count.
    pub(super) records: Option<Records>,
    /// True if they tell all that the views show. If not, they name the history all the same.
    pub(super) told: bool,
    /// The statement for a state, and that for the changes since one.
    pub(super) ask_state: String,
    pub(super) ask_changes: Option<String>,
    /// The `search_path` of a read: first the schemas where the views were found.
    pub(super) search_path: String,
    /// The views that were described, and how they are defined: if that changes, so may all
    /// that they show.
    pub(super) definitions: String,
    /// The names of the views that were looked into.
    described: BTreeSet<String>,
    read: Instant,
    /// True if something that was read by it did not fit.
    doubted: AtomicBool,
    /// True if the database is another one by now.
    expired: AtomicBool,
}

/// A view or table, apart from its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Relation {
    oid: u32,
    schema: String,
    owner: String,
    /// Its rules, by their object ids and the transactions that wrote them.
    rules: String,
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

/// A function that matters here.
struct Function {
    name: String,
    schema: String,
    owner: String,
}

impl Function {
    fn of(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            name: row.try_get(0)?,
            schema: row.try_get(1)?,
            owner: row.try_get(2)?,
        })
    }
}

/// The tables that hold the records.
const RECORDS: [&str; 2] = ["tenancy_change", "tenancy_horizon"];

/// Names of views as an array that PostgreSQL reads.
fn oids(relations: impl Iterator<Item = u32>) -> String {
    let oids: Vec<String> = relations.map(|oid| oid.to_string()).collect();
    format!("{{{}}}", oids.join(","))
}

impl Description {
    /// Describes the views of these names, and says once if the changes of their rows are not
    /// all told.
    pub(super) async fn read(
        client: &Client,
        names: BTreeSet<String>,
        before: Option<&Self>,
    ) -> Result<Self, tokio_postgres::Error> {
        let mut found = Self::relations(client).await?;
        found.search_path = found.path(&names, &found.search_path);
        let known = |name: &String| found.relations.get(name);
        let views: Vec<_> = names.iter().filter_map(known).cloned().collect();
        let definitions = views
            .iter()
            .map(|view| format!("{} {}", view.oid, view.rules));
        found.definitions = definitions.collect::<Vec<_>>().join(";");
        found.described = names;
        let functions = client.query_typed(relations::FUNCTIONS, &[]).await?;
        let functions = functions.iter().map(Function::of);
        let functions: Vec<Function> = functions.collect::<Result<_, _>>()?;
        let records = found.records_beside(&functions, &views);
        let is_ours = functions.iter().any(|function| {
            let beside = views.iter().any(|view| view.schema == function.schema);
            function.name == "tenancy_changed" && beside
        });
        let is_whole = records.as_ref().is_ok_and(|records| records.has_history)
            && found.relations.contains_key("tenancy_noted");
        if is_ours && !is_whole {
            found.broken = Some("a table or function".to_owned());
        }
        let untold = match &records {
            Ok(records) => found.untold(client, records, &views).await?,
            Err(reason) => Some(reason.clone()),
        };
        found.told = untold.is_none();
        if let Some(reason) = untold
            && before.is_none_or(|before| before.told)
        {
            tracing::warn!(
                reason,
                "the tenancy store does not tell what changes: entities in memory count for \
                 `freshness.untold_max_age`"
            );
        }
        found.records = records.ok();
        found.ask_state = state_statement(found.records.as_ref());
        let told = found.records.as_ref().filter(|_| found.told);
        found.ask_changes = told.map(since_statement);
        Ok(found)
    }

    async fn relations(client: &Client) -> Result<Self, tokio_postgres::Error> {
        let mut found = Self {
            columns: HashMap::new(),
            details: HashMap::new(),
            denied: HashSet::new(),
            relations: HashMap::new(),
            role: String::new(),
            broken: None,
            place: OnceLock::new(),
            expired: AtomicBool::new(false),
            records: None,
            told: false,
            ask_state: String::new(),
            ask_changes: None,
            search_path: String::new(),
            definitions: String::new(),
            described: BTreeSet::new(),
            read: Instant::now(),
            doubted: AtomicBool::new(false),
        };
        for row in client.query_typed(relations::RELATIONS, &[]).await? {
            let (relation, column): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            if !row.try_get::<_, bool>(2)? {
                found.denied.insert(relation.clone());
            }
            found.role = row.try_get(3)?;
            found.search_path = row.try_get(11)?;
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
            if !found.relations.contains_key(&relation) {
                let of = Relation {
                    schema: row.try_get(7)?,
                    owner: row.try_get(8)?,
                    oid: row.try_get(9)?,
                    rules: row.try_get(10)?,
                };
                found.relations.insert(relation.clone(), of);
            }
            let of = found.details.entry(relation.clone()).or_default();
            of.insert(column.clone(), detail);
            found.columns.entry(relation).or_default().insert(column);
        }
        Ok(found)
    }

    /// The path on which these views are found before any of their names elsewhere.
    fn path(&self, names: &BTreeSet<String>, before: &str) -> String {
        let of = names.iter().filter_map(|name| self.relations.get(name));
        let mut schemas: Vec<String> = of.map(|view| quoted(&view.schema)).collect();
        schemas.sort();
        schemas.dedup();
        if !before.trim().is_empty() {
            schemas.push(before.to_owned());
        }
        schemas.join(", ")
    }

    /// The records that are kept with the views: in one schema, and by the owner of all of them.
    /// Anybody who may create a table could else make all that is in memory last for ever.
    fn records_beside(
        &self,
        functions: &[Function],
        views: &[Relation],
    ) -> Result<Records, String> {
        let [Some(first), Some(second)] = RECORDS.map(|name| self.relations.get(name)) else {
            return Err("there are no records of changes".to_owned());
        };
        let is_beside =
            |other: &Relation| (&other.schema, &other.owner) == (&first.schema, &first.owner);
        if !is_beside(second) || !views.iter().all(is_beside) {
            return Err(format!(
                "`tenancy_change` and `tenancy_horizon` of the schema `{}` belong to `{}`, and not \
                 to the owner of all views, or are in another schema: they do not count",
                first.schema, first.owner
            ));
        }
        let has_history = functions.iter().any(|function| {
            function.name == "tenancy_history"
                && (&function.schema, &function.owner) == (&first.schema, &first.owner)
        });
        Ok(Records {
            schema: quoted(&first.schema),
            has_history,
        })
    }

    /// Why the records do not tell all that the views show.
    async fn untold(
        &mut self,
        client: &Client,
        records: &Records,
        views: &[Relation],
    ) -> Result<Option<String>, tokio_postgres::Error> {
        let (mut tables, mut functions) = (Vec::new(), Vec::new());
        let of = oids(views.iter().map(|view| view.oid));
        let parameters: [(&(dyn ToSql + Sync), SqlType); 1] = [(&of, SqlType::TEXT)];
        for row in client
            .query_typed(relations::DEPENDENCE, &parameters)
            .await?
        {
            let kind: &str = row.try_get(0)?;
            if kind == "relation" {
                tables.push(row.try_get::<_, u32>(1)?);
            } else {
                let (schema, name): (&str, &str) = (row.try_get(2)?, row.try_get(3)?);
                functions.push(format!("{schema}.{name}"));
            }
        }
        if !functions.is_empty() {
            return Ok(Some(format!(
                "views call functions that may give something else for the same rows: {}",
                functions.join(", ")
            )));
        }
        let noted = self.relations.get("tenancy_noted");
        let has_noted = noted.is_some_and(|noted| {
            let change = self.relations.get(RECORDS[0]);
            change.is_some_and(|it| (&it.schema, &it.owner) == (&noted.schema, &noted.owner))
                && !self.denied.contains("tenancy_noted")
        });
        let schema = self.relations.get(RECORDS[0]).map(|it| it.schema.clone());
        let of = oids(tables.into_iter());
        let parameters: [(&(dyn ToSql + Sync), SqlType); 2] =
            [(&schema, SqlType::TEXT), (&of, SqlType::TEXT)];
        let sql = relations::unnoted(&records.schema, has_noted);
        let (mut unnoted, mut broken) = (Vec::new(), Vec::new());
        for row in client.query_typed(&sql, &parameters).await? {
            let name: Option<String> = row.try_get(0)?;
            let name = name.unwrap_or_else(|| "tenancy_noted".to_owned());
            if row.try_get(1)? {
                broken.push(name);
            } else {
                unnoted.push(name);
            }
        }
        if !broken.is_empty() {
            self.broken = Some(broken.join(", "));
        }
        Ok((!unnoted.is_empty()).then(|| {
            format!(
                "nothing notes the changes of tables that views read: {}; see `tenancy_noted`",
                unnoted.join(", ")
            )
        }))
    }

    /// A column of a view, if it is known.
    pub(super) fn column(&self, view: &str, column: &str) -> Option<&Column> {
        self.details.get(view)?.get(column)
    }

    /// Something did not fit: a view may have been changed, or a right taken away.
    pub(super) fn doubt(&self) {
        self.doubted.store(true, Ordering::Relaxed);
    }

    /// Returns true if a state was read from where the first one was. If not, the description is
    /// of another database, or of tables that were dropped since, and holds no longer.
    pub(super) fn is_of(&self, place: &Arc<str>) -> bool {
        let is_of = self.place.get_or_init(|| Arc::clone(place)) == place;
        if !is_of {
            self.expired.store(true, Ordering::Relaxed);
        }
        is_of
    }

    pub(super) fn holds(&self) -> bool {
        let age = self.read.elapsed();
        age < REFRESH
            && !self.expired.load(Ordering::Relaxed)
            && (age < DOUBT || !self.doubted.load(Ordering::Relaxed))
    }

    pub(super) fn serves(&self, entity_type: &EntityTypeName) -> bool {
        self.columns.contains_key(&entity_type.to_string())
    }

    /// Refuses a view that has gone since `before`, or that another role has put in its place.
    /// Callers may describe entities that the store does not serve: while the program runs, no
    /// type may become theirs.
    pub(super) fn check_after(&self, before: &Self, schema: &Schema) -> Result<(), StoreError> {
        let mut types = schema.entity_types().into_iter().map(|found| &found.name);
        if let Some(name) = types.find(|name| before.serves(name) && !self.serves(name)) {
            return Err(StoreError::Misfit(format!(
                "the view `{name}` is not there any more; if it is not to be, restart the program"
            )));
        }
        let other = before.described.iter().find_map(|name| {
            let (now, then) = (self.relations.get(name)?, before.relations.get(name)?);
            ((&now.schema, &now.owner) != (&then.schema, &then.owner)).then_some((name, now))
        });
        match other {
            None => Ok(()),
            Some((name, now)) => Err(StoreError::Misfit(format!(
                "the view `{name}` is another one now, in the schema `{}` and of the owner `{}`; \
                 if it is to be, restart the program",
                now.schema, now.owner
            ))),
        }
    }

    /// Returns true if the views of a schema were looked into.
    pub(super) fn describes(&self, schema: &Schema) -> bool {
        views::names(schema).all(|name| self.described.contains(&name))
    }

    /// The names of the views that were looked into.
    pub(super) fn described(&self) -> &BTreeSet<String> {
        &self.described
    }

    /// Checks that the views are those that a schema needs, and may be read.
    pub(super) fn check(&self, schema: &Arc<Schema>) -> Result<(), StoreError> {
        if let Some(broken) = &self.broken {
            return Err(StoreError::Misfit(format!(
                "the database is not whole, and changes are not noted: {broken} is not there, or \
                 lacks its triggers; a restore is going on, or one has failed, or the tables are of an older \
                 version: see `peppol-authz migrate`"
            )));
        }
        let mut names = views::check(schema, &self.columns)?;
        if names.is_empty() {
            return Err(StoreError::Misfit(
                "the database has none of the views that the schema asks for, or not in the \
                 search_path; `peppol-authz migrate` makes tables and views in an empty one"
                    .to_owned(),
            ));
        }
        names.extend(
            RECORDS
                .map(str::to_owned)
                .into_iter()
                .filter(|name| self.columns.contains_key(name)),
        );
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
