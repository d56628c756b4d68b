//! The tables, triggers, indexes and views that the migrations make, and how those of a file differ
//! from them: only as they are made do they record each change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use rusqlite::Connection;

use super::migrate;
use super::reads::Reads;
use super::shape::{Kind, Objects, Shape, objects};
use super::triggers::{Triggers, may_ignore};

/// All that the migrations make, out of a database in memory.
#[derive(Debug)]
pub(super) struct Shipped {
    objects: Objects,
    shapes: BTreeMap<String, Shape>,
    /// The tables that note their changes, and the types for which they do.
    pub(super) noted: BTreeSet<(String, String)>,
    /// Those of them that others write. All other tables are the triggers' own.
    facts: BTreeSet<String>,
}

impl Shipped {
    /// It is made once.
    ///
    /// # Errors
    /// SQLite cannot make it.
    pub(super) fn get() -> rusqlite::Result<&'static Self> {
        static SHIPPED: OnceLock<Shipped> = OnceLock::new();
        match SHIPPED.get() {
            Some(shipped) => Ok(shipped),
            None => {
                let made = Self::make()?;
                Ok(SHIPPED.get_or_init(|| made))
            }
        }
    }

    fn make() -> rusqlite::Result<Self> {
        let connection = Connection::open_in_memory()?;
        migrate::make_all(&connection)?;
        let objects = objects(&connection)?;
        let tables = objects.values().filter(|object| object.kind == Kind::Table);
        let shapes = tables
            .map(|table| {
                let shape = Shape::of(&connection, &table.name)?;
                Ok((table.table.clone(), shape))
            })
            .collect::<rusqlite::Result<_>>()?;
        let noted: Vec<(String, String, bool)> = connection
            .prepare("SELECT name, entity_type, derived FROM tenancy_noted")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let facts = noted.iter().filter(|(_, _, derived)| !derived);
        Ok(Self {
            facts: facts.map(|(table, _, _)| table.clone()).collect(),
            noted: noted
                .into_iter()
                .map(|(table, of, _)| (table, of))
                .collect(),
            objects,
            shapes,
        })
    }

    /// Returns true if it is one of the tables, in lower case.
    pub(super) fn has_table(&self, table: &str) -> bool {
        self.shapes.contains_key(table)
    }

    /// Returns true if it is one of them; the name is in lower case.
    pub(super) fn has(&self, kind: Kind, name: &str) -> bool {
        self.objects.contains_key(&(kind, name.to_owned()))
    }

    /// Returns true if it is one of the triggers.
    pub(super) fn has_trigger(&self, trigger: &str) -> bool {
        let key = (Kind::Trigger, trigger.to_ascii_lowercase());
        self.objects.contains_key(&key)
    }

    /// The objects of a database that are not as the migrations make them, and those of others that
    /// come between. Views of entities may be others: what they read is looked at by itself. Tables
    /// of facts may have more columns.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub(super) fn altered(
        &self,
        connection: &Connection,
        entity_views: &[String],
    ) -> rusqlite::Result<Vec<String>> {
        let found = objects(connection)?;
        let mut altered = self.changed(connection, entity_views)?;
        altered.extend(self.shown_by_others(&found, entity_views));
        Ok(altered)
    }

    /// The same, but for what views show.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub(super) fn changed(
        &self,
        connection: &Connection,
        entity_views: &[String],
    ) -> rusqlite::Result<Vec<String>> {
        let found = objects(connection)?;
        let mut altered = Vec::new();
        for (key, made) in &self.objects {
            if made.kind == Kind::View && entity_views.contains(&made.name) {
                continue;
            }
            let (kind, name) = (made.kind.name(), &made.name);
            let Some(object) = found.get(key) else {
                altered.push(format!("the {kind} `{name}` is not there"));
                continue;
            };
            let mut is_same = object.table == made.table && object.words == made.words;
            if let Some(made) = self.shapes.get(name).filter(|_| made.kind == Kind::Table) {
                let shape = Shape::of(connection, name)?;
                let keys: Vec<_> = shape.keys.difference(&made.keys).collect();
                for key in &keys {
                    let key = key.label();
                    altered.push(format!("the table `{name}` has the unique key `{key}`"));
                }
                is_same = !keys.is_empty()
                    || match self.facts.contains(name) {
                        true => shape.extends(made),
                        false => is_same && shape == *made,
                    };
            }
            if !is_same {
                altered.push(format!("the {kind} `{name}` is another one"));
            }
        }
        altered.extend(self.meddling(connection, &found)?);
        Ok(altered)
    }

    /// The views of entities that are not as they were made, and may show rows of other entities of
    /// their type: a record names the entity of its row, and no other.
    fn shown_by_others(&self, found: &Objects, entity_views: &[String]) -> Vec<String> {
        let mut shown = Vec::new();
        for name in entity_views {
            let key = (Kind::View, name.to_ascii_lowercase());
            let Some(view) = found.get(&key) else {
                continue;
            };
            let made = self.objects.get(&key);
            if made.is_some_and(|made| made.words == view.words) {
                continue;
            }
            // A column more in a shipped view reads a table as often as that does.
            let most = made.map(|made| Reads::of(&self.objects, made));
            let most = most.unwrap_or_default();
            let reads = Reads::of(found, view);
            let often = reads.times.iter().filter(|(table, times)| {
                let most = most.times.get(*table).copied().unwrap_or_default();
                **times > most.max(1)
            });
            shown.extend(
                often.map(|(table, _)| format!("the view `{name}` reads `{table}` more than once")),
            );
            let signs = reads.gathering.iter().filter(|(sign, times)| {
                let most = most.gathering.get(*sign).copied().unwrap_or_default();
                **times > most
            });
            shown.extend(
                signs.map(|(sign, _)| format!("the view `{name}` gathers rows, by `{sign}`")),
            );
        }
        shown
    }

    /// Triggers of others that may keep rows or records from being written.
    fn meddling(
        &self,
        connection: &Connection,
        found: &Objects,
    ) -> rusqlite::Result<BTreeSet<String>> {
        let others = found.iter().filter(|(key, object)| {
            object.kind == Kind::Trigger && !self.objects.contains_key(key)
        });
        let mut meddling = BTreeSet::new();
        let mut tables = BTreeSet::new();
        for (_, trigger) in others.filter(|(_, trigger)| self.has_table(&trigger.table)) {
            if !self.facts.contains(&trigger.table) || may_ignore(trigger) {
                let (name, table) = (&trigger.name, &trigger.table);
                meddling.insert(format!("the trigger `{name}` is on `{table}`"));
            } else {
                tables.insert(&trigger.table);
            }
        }
        for table in tables {
            let triggers = Triggers::of(connection, table)?;
            meddling.extend(
                triggers.meddling(&|trigger| self.has_trigger(trigger), &|table| {
                    self.has_table(table)
                }),
            );
        }
        Ok(meddling)
    }
}
