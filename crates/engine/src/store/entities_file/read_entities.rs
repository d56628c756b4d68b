//! The entities of a file, as a schema reads them.

use std::collections::{HashMap, HashSet};

use cedar_policy::{EntityTypeName, EntityUid};

use super::hierarchy;
use super::limits::EntitiesLimits;
use crate::schema::{EntityRows, Misfit, Row, Schema, each_element, transitive_ancestors};
use crate::store::Tags;
use crate::text::without_mark;

/// Levels of JSON that a file may have.
const JSON_DEPTH: usize = 100;

#[derive(Debug)]
pub(super) struct ReadEntities {
    /// By id. Their `ancestors` are the parents alone: all ancestors of all entities could be far
    /// more than the file is long.
    rows: HashMap<EntityUid, Row>,
    /// The ids of each type, sorted.
    pub(super) ids: HashMap<EntityTypeName, Vec<String>>,
    /// The types that occur anywhere.
    pub(super) mentioned: HashSet<EntityTypeName>,
    most_ancestors: usize,
}

/// Checks that a text is a JSON array.
///
/// # Errors
/// One that is not.
pub(super) fn check_json(text: &[u8]) -> Result<(), Misfit> {
    match each_element(without_mark(text), JSON_DEPTH, |_| Ok::<_, Misfit>(())) {
        Ok(unit) => unit,
        Err(error) => Err(Misfit::new(error.to_string())),
    }
}

impl ReadEntities {
    /// # Errors
    /// The first part that does not fit.
    pub(super) fn of(
        text: &[u8],
        schema: &Schema,
        limits: &EntitiesLimits,
    ) -> Result<Self, Misfit> {
        let mut read = EntityRows::new(schema);
        each_element(without_mark(text), JSON_DEPTH, |json| read.add_named(&json))
            .map_err(|error| Misfit::new(error.to_string()))??;
        let rows = read.rows;
        hierarchy::check(&rows, limits.ancestors)?;
        let mut ids: HashMap<EntityTypeName, Vec<String>> = HashMap::new();
        let mut mentioned = HashSet::new();
        for row in &rows {
            row.each_mentioned(&mut |uid| {
                if !mentioned.contains(uid.type_name()) {
                    mentioned.insert(uid.type_name().clone());
                }
            });
            let id: &str = row.uid.id().as_ref();
            ids.entry(row.uid.type_name().clone())
                .or_default()
                .push(id.to_owned());
        }
        ids.values_mut().for_each(|ids| ids.sort_unstable());
        Ok(Self {
            rows: rows.into_iter().map(|row| (row.uid.clone(), row)).collect(),
            ids,
            mentioned,
            most_ancestors: limits.ancestors,
        })
    }

    /// An entity with all its ancestors, and without its tags.
    ///
    /// # Errors
    /// One that has too many of them.
    pub(super) fn entity(&self, uid: &EntityUid) -> Result<Option<Row>, Misfit> {
        let Some(row) = self.rows.get(uid) else {
            return Ok(None);
        };
        let parents = |uid: &EntityUid| {
            let row = self.rows.get(uid);
            row.map(|row| row.ancestors.clone()).unwrap_or_default()
        };
        let ancestors = transitive_ancestors(&row.ancestors, uid, self.most_ancestors, parents)
            .map_err(|misfit| misfit.within(&uid.to_string()))?;
        Ok(Some(Row {
            uid: uid.clone(),
            attributes: row.attributes.clone(),
            ancestors,
            tags: Tags::new(),
        }))
    }

    /// The entities as they are written.
    pub(super) fn written(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    pub(super) fn tags(&self, uid: &EntityUid) -> Option<&Tags> {
        self.rows.get(uid).map(|row| &row.tags)
    }
}
