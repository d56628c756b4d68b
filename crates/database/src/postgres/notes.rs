//! The tables that note each row that changes, and the entity types that they note it for.
//!
//! A table notes by the triggers of `tenancy_changed`, whose arguments are the types, or, by the word
//! of its operator, with a line in `tenancy_noted`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use deadpool_postgres::Client;
use tokio_postgres::types::{ToSql, Type as SqlType};

use super::dependence::{Dependence, Table};
use super::records::Records;
use super::relations::oids;
use peppol_authz_engine::schema::LINKS_VIEW;

/// The triggers on tables ($1) that are no part of constraints. The fourth column is true for one of
/// `tenancy_changed` of the records' schema ($2) that runs for all rows, the fifth if it always does,
/// the eighth for one of that schema's functions that is switched off.
const TRIGGERS: &str = "\
SELECT t.oid, t.tgrelid, t.tgfoid,
  p.proname = 'tenancy_changed' AND n.nspname = $2::text AND t.tgenabled IN ('O', 'A')
    AND t.tgqual IS NULL AND t.tgattr::text = '' AND t.tgtype & 1 = 0,
  t.tgenabled = 'A', t.tgtype::integer, t.tgargs,
  p.proname LIKE 'tenancy\\_%' AND n.nspname = $2::text AND t.tgenabled NOT IN ('O', 'A'), t.tgname::text
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE t.tgrelid = ANY ($1::text::oid[]) AND NOT t.tgisinternal";

/// The columns of tables that views ($1) show as `id`, under the names that they have now.
const ORIGINS: &str = "\
SELECT r.ev_class, a.attrelid, a.attname::text
FROM pg_catalog.pg_rewrite AS r
CROSS JOIN LATERAL regexp_matches(
  r.ev_action::text, ':resname id :ressortgroupref [0-9]+ :resorigtbl ([0-9]+) :resorigcol ([0-9]+)', 'g'
) AS shown
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = shown[1]::oid AND a.attnum = shown[2]::smallint
WHERE r.ev_class = ANY ($1::text::oid[]) AND r.ev_type = '1'";

/// The columns of tables ($1) that may be NULL.
const NULLABLE: &str = "\
SELECT attrelid, attname::text FROM pg_catalog.pg_attribute
WHERE attrelid = ANY ($1::text::oid[]) AND attnum > 0 AND NOT attnotnull AND NOT attisdropped";

/// INSERT, DELETE and UPDATE, as `tgtype` has them.
const EVENTS: i32 = 4 | 8 | 16;

/// The triggers and lines by which changes are noted.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The triggers of the tables, and the functions that these call.
    pub(super) triggers: BTreeSet<u32>,
    pub(super) functions: BTreeSet<u32>,
    /// The tables that lack the triggers that this program made them with.
    pub(super) broken: Vec<String>,
    /// Why records do not tell all that the views show.
    pub(super) faults: Vec<String>,
    /// Tables whose triggers record each entity of a type that is changed, and not only that of the row.
    pub(super) tell_others: HashSet<(String, String)>,
}

/// The lines of `tenancy_noted`.
#[derive(Default)]
struct Lines {
    /// Schema, name and entity type.
    types: HashSet<(String, String, String)>,
    /// Of these the name and entity type of those that say so (`others`).
    tell_others: HashSet<(String, String)>,
    /// The schema and name of those that should have triggers.
    with_triggers: HashSet<(String, String)>,
    are_none: bool,
}

/// The events by entity type.
type Events = BTreeMap<String, i32>;

impl Notes {
    /// Of the tables under views.
    pub(super) async fn of(
        client: &Client,
        records: Option<&Records>,
        dependence: &Dependence,
    ) -> Result<Self, tokio_postgres::Error> {
        let mut found = Self::default();
        let of = oids(dependence.tables.keys().copied());
        let schema = records.map(|records| records.schema.as_str());
        let parameters: [(&(dyn ToSql + Sync), SqlType); 2] =
            [(&of, SqlType::TEXT), (&schema, SqlType::TEXT)];
        let rows = client.query_typed(TRIGGERS, &parameters).await?;
        let (mut there, mut always): (HashMap<u32, Events>, HashMap<u32, Events>) =
            (HashMap::new(), HashMap::new());
        let mut columns: HashMap<(u32, String), BTreeSet<String>> = HashMap::new();
        for row in &rows {
            found.triggers.insert(row.try_get(0)?);
            if row.try_get::<_, Option<bool>>(7)?.unwrap_or_default() {
                found.broken.push(format!(
                    "the trigger `{}` (it is off)",
                    row.try_get::<_, &str>(8)?
                ));
            }
            found.functions.insert(row.try_get(2)?);
            if !row.try_get::<_, Option<bool>>(3)?.unwrap_or_default() {
                continue;
            }
            let (table, bits): (u32, i32) = (row.try_get(1)?, row.try_get(5)?);
            // Threes of a type and columns, each ended by a zero.
            let arguments: &[u8] = row.try_get(6)?;
            let arguments: Vec<_> = arguments
                .split(|byte| *byte == 0)
                .map(|part| String::from_utf8_lossy(part).into_owned())
                .collect();
            for three in arguments.chunks(3) {
                let [name, column, ..] = three else {
                    continue;
                };
                let name = name.clone();
                columns
                    .entry((table, name.clone()))
                    .or_default()
                    .insert(column.clone());
                *there
                    .entry(table)
                    .or_default()
                    .entry(name.clone())
                    .or_default() |= bits;
                if row.try_get(4)? {
                    *always.entry(table).or_default().entry(name).or_default() |= bits;
                }
            }
        }
        let Some(records) = records else {
            return Ok(found);
        };
        found.look_at_columns(client, dependence, &columns).await?;
        found.look_at_links(client, dependence, &columns).await?;
        let lines = Lines::read(client, records).await?;
        if lines.are_none {
            found.broken.push("tenancy_noted".to_owned());
        }
        found.tell_others.clone_from(&lines.tell_others);
        let none = Events::new();
        for (oid, table) in &dependence.tables {
            let [there, always] = [&there, &always].map(|of| of.get(oid).unwrap_or(&none));
            let name = format!("{}.{}", table.schema, table.name);
            let is_whole = |bits: &i32| bits & EVENTS == EVENTS;
            if lines.should_have_triggers(table)
                && !(there.values().any(is_whole)
                    && there
                        .iter()
                        .all(|(of, bits)| of.is_empty() || is_whole(bits)))
            {
                found.broken.push(name.clone());
            }
            for of in &table.types {
                if !always.get(of).is_some_and(is_whole) && !lines.note(table, of) {
                    let hint = if there.get(of).is_some_and(is_whole) {
                        " (its triggers are not ENABLE ALWAYS)"
                    } else {
                        ""
                    };
                    found.faults.push(format!("{name} for `{of}`{hint}"));
                }
            }
        }
        Ok(found)
    }
}

impl Notes {
    /// Looks for triggers that take another column for the id than views show: it was renamed.
    async fn look_at_columns(
        &mut self,
        client: &Client,
        dependence: &Dependence,
        columns: &HashMap<(u32, String), BTreeSet<String>>,
    ) -> Result<(), tokio_postgres::Error> {
        let roots = oids(dependence.roots.keys().copied());
        let parameters: [(&(dyn ToSql + Sync), SqlType); 1] = [(&roots, SqlType::TEXT)];
        let mut shown: BTreeMap<(u32, u32), BTreeSet<String>> = BTreeMap::new();
        for row in client.query_typed(ORIGINS, &parameters).await? {
            let of = (row.try_get(0)?, row.try_get(1)?);
            shown.entry(of).or_default().insert(row.try_get(2)?);
        }
        for ((root, table), shown) in shown {
            let Some(of) = dependence.roots.get(&root) else {
                continue;
            };
            let (Some(noted), Some(table)) = (
                columns.get(&(table, of.clone())),
                dependence.tables.get(&table),
            ) else {
                continue;
            };
            if noted.is_disjoint(&shown) {
                let (schema, name) = (&table.schema, &table.name);
                let [noted, shown] = [noted, &shown].map(|of| {
                    let of: Vec<&str> = of.iter().map(String::as_str).collect();
                    of.join(", ")
                });
                self.faults.push(format!(
                    "{schema}.{name} for `{of}` (triggers take `{noted}` for the id, views `{shown}`)"
                ));
            }
        }
        Ok(())
    }
}

impl Notes {
    /// Looks for triggers that note links by a column that may be NULL: of such a row nothing is recorded. For an
    /// entity that would be nobody's row.
    async fn look_at_links(
        &mut self,
        client: &Client,
        dependence: &Dependence,
        columns: &HashMap<(u32, String), BTreeSet<String>>,
    ) -> Result<(), tokio_postgres::Error> {
        let noted = columns.iter().filter(|((_, of), _)| of == LINKS_VIEW);
        let noted: BTreeMap<u32, &BTreeSet<String>> = noted
            .map(|((table, _), columns)| (*table, columns))
            .collect();
        if noted.is_empty() {
            return Ok(());
        }
        let of = oids(noted.keys().copied());
        let parameters: [(&(dyn ToSql + Sync), SqlType); 1] = [(&of, SqlType::TEXT)];
        for row in client.query_typed(NULLABLE, &parameters).await? {
            let (table, column): (u32, String) = (row.try_get(0)?, row.try_get(1)?);
            let is_noted = noted
                .get(&table)
                .is_some_and(|noted| noted.contains(&column));
            if let Some(table) = dependence.tables.get(&table).filter(|_| is_noted) {
                let (schema, name) = (&table.schema, &table.name);
                self.faults.push(format!(
                    "{schema}.{name} for `{LINKS_VIEW}` (triggers take `{column}`, which may be NULL)"
                ));
            }
        }
        Ok(())
    }
}

impl Lines {
    async fn read(client: &Client, records: &Records) -> Result<Self, tokio_postgres::Error> {
        let mut found = Self::default();
        if !records.has_noted {
            return Ok(found);
        }
        let sql = format!(
            "SELECT name::text, coalesce(line ->> 'schema', $1::text), line ->> 'entity_type',
               coalesce(line ->> 'triggers', 'false') = 'true', coalesce(line ->> 'others', 'false') = 'true'
             FROM (SELECT name, to_jsonb(noted) AS line FROM {}.tenancy_noted AS noted) AS noted",
            records.quoted_schema()
        );
        let parameters: [(&(dyn ToSql + Sync), SqlType); 1] = [(&records.schema, SqlType::TEXT)];
        let rows = client.query_typed(&sql, &parameters).await?;
        found.are_none = rows.is_empty();
        for row in rows {
            let (name, schema): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            if row.try_get(3)? {
                found.with_triggers.insert((schema, name));
            } else if let Some(of) = row.try_get::<_, Option<String>>(2)? {
                if row.try_get(4)? {
                    found.tell_others.insert((name.clone(), of.clone()));
                }
                found.types.insert((schema, name, of));
            }
        }
        Ok(found)
    }

    fn should_have_triggers(&self, table: &Table) -> bool {
        let name = (table.schema.clone(), table.name.clone());
        self.with_triggers.contains(&name)
    }

    fn note(&self, table: &Table, of: &str) -> bool {
        let line = (table.schema.clone(), table.name.clone(), of.to_owned());
        self.types.contains(&line)
    }
}
