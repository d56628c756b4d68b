//! The tables that note their changes, each for some types.

use std::collections::{BTreeSet, HashSet};

use rusqlite::Connection;

use super::shape::{Kind, Object, Objects, Shape, objects};
use super::shipped::Shipped;
use super::triggers::{RECORDS, Triggers, may_ignore};

/// The tables that note their changes, and the types for which they do.
#[derive(Debug, Default)]
pub(super) struct NotedTables {
    noted: HashSet<(String, String)>,
    /// Why others do not count that the database names.
    pub(super) faults: Vec<String>,
}

impl NotedTables {
    /// Those that the database names: the shipped ones, which are as they were made, and those of an
    /// operator as far as their triggers are there.
    ///
    /// # Errors
    /// A database that does not name them, or cannot be read.
    pub(super) fn read(connection: &Connection, shipped: &Shipped) -> rusqlite::Result<Self> {
        let named: Vec<(String, String)> = connection
            .prepare("SELECT name, entity_type FROM tenancy_noted")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let tables = named.iter().map(|(table, _)| table.to_ascii_lowercase());
        let tables: BTreeSet<String> = tables.collect();
        let mut found = Self::default();
        let mut all = None;
        for named in named {
            if !shipped.noted.contains(&named) {
                let objects = match &mut all {
                    Some(objects) => objects,
                    none => none.insert(objects(connection)?),
                };
                if let Some(fault) = fault(connection, shipped, objects, &tables, &named)? {
                    let (table, entity_type) = &named;
                    found
                        .faults
                        .push(format!("`{table}` for `{entity_type}`: {fault}"));
                    continue;
                }
            }
            found.noted.insert(named);
        }
        Ok(found)
    }

    /// Returns true if the table notes its changes for entities of that type.
    pub(super) fn contains(&self, table: &str, entity_type: &str) -> bool {
        let wanted = (table.to_owned(), entity_type.to_owned());
        self.noted.contains(&wanted)
    }
}

/// Why a table of an operator's own, or a shipped one for another type, does not note all its changes.
fn fault(
    connection: &Connection,
    shipped: &Shipped,
    objects: &Objects,
    tables: &BTreeSet<String>,
    (table, entity_type): &(String, String),
) -> rusqlite::Result<Option<String>> {
    let key = (Kind::Table, table.to_ascii_lowercase());
    if !objects.contains_key(&key) {
        return Ok(Some("it is no table".to_owned()));
    }
    let on_it = |object: &&Object| object.kind == Kind::Trigger && object.table == key.1;
    let others: Vec<&Object> = objects
        .values()
        .filter(on_it)
        .filter(|trigger| !shipped.has_trigger(&trigger.name))
        .collect();
    if let Some(trigger) = others.iter().find(|trigger| may_ignore(trigger)) {
        let name = &trigger.name;
        return Ok(Some(format!(
            "the trigger `{name}` may ignore what happens"
        )));
    }
    let triggers = Triggers::of(connection, table)?;
    let is_ours = |trigger: &str| shipped.has_trigger(trigger);
    let is_noted = |table: &str| shipped.has_table(table) || tables.contains(table);
    let meddling = triggers.meddling(&is_ours, &is_noted);
    if let Some(meddling) = meddling.into_iter().next() {
        return Ok(Some(meddling));
    }
    // Of those that say the type, and always.
    let wanted = format!("'{entity_type}'");
    let records = [wanted, RECORDS.to_owned()];
    let named = others
        .into_iter()
        .filter(|trigger| records.iter().all(|word| trigger.words.contains(word)));
    let (after, before): (Vec<&Object>, Vec<&Object>) =
        named.partition(|trigger| head(trigger).any(|word| word == "after"));
    let always = after
        .iter()
        .filter(|trigger| !head(trigger).any(|word| word == "when"));
    let always: BTreeSet<&str> = always.map(|trigger| &*trigger.name).collect();
    if !triggers.record_all(&always) {
        return Ok(Some(
            "no trigger without a condition records each row that is inserted, updated or deleted"
                .to_owned(),
        ));
    }
    // A row that is replaced is deleted without a trigger. If all that decides whom it is of is in
    // the key, it is of the same as the new one. If not, a trigger has to tell of it before.
    let columns = triggers.columns_of_the_deleted(&always);
    let shape = Shape::of(connection, table)?;
    let tells = |event| {
        before
            .iter()
            .any(|trigger| head(trigger).any(|word| word == event))
    };
    let is_told = tells("insert") && tells("update");
    let key = shape.keys.iter().find(|key| !key.covers(&columns));
    Ok(key.filter(|_| !is_told).map(|key| {
        let key = key.label();
        format!(
            "a row that is replaced by one of the same `{key}` is recorded by no BEFORE trigger"
        )
    }))
}

/// The words of a trigger before its statements.
fn head(trigger: &Object) -> impl Iterator<Item = &String> {
    trigger.words.iter().take_while(|word| *word != "begin")
}
