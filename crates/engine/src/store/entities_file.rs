//! Cedar entities JSON, held in memory: any schema, no database.
//!
//! A file never changes: a reload puts another one in its place.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, RwLock};

use cedar_policy::{EntityTypeName, EntityUid};
use sha2::{Digest, Sha256};

use super::{
    Candidates, Changes, Mark, Revision, Snapshot, Store, StoreError, StoreFuture, TagKeys, Tags,
};
use crate::file::read_file;
use crate::schema::{Row, Schema, parse_json, transitive_ancestors};
use crate::text::{hex, without_mark};

/// Levels of JSON that a file may have.
const JSON_DEPTH: usize = 100;

/// A file of entities. It serves the types of its entities, and speaks of all types that occur in
/// it, also only as a parent or in an attribute.
#[derive(Debug)]
pub struct EntitiesFile {
    json: serde_json::Value,
    revision: Revision,
    digest: String,
    /// The file, for messages.
    name: Option<String>,
    /// The entities as the last schema read them.
    read: RwLock<Option<Arc<ReadEntities>>>,
    /// The types that files before it spoke of.
    inherited: RwLock<HashSet<EntityTypeName>>,
}

#[derive(Debug)]
struct ReadEntities {
    schema: Arc<Schema>,
    rows: HashMap<EntityUid, Row>,
    /// The ids of each type, sorted.
    ids: HashMap<EntityTypeName, Vec<String>>,
    /// The types that occur anywhere.
    mentioned: HashSet<EntityTypeName>,
}

impl EntitiesFile {
    /// Reads a file. [`Store::check`] tells if it fits a schema.
    ///
    /// # Errors
    /// A file that cannot be read or is not JSON.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let text = read_file(path, u64::MAX)
            .map_err(|error| StoreError::Unavailable(format!("`{}`: {error}", path.display())))?;
        Self::read(path, &text)
    }

    /// Reads a text that was found in a file.
    ///
    /// # Errors
    /// A text that is not JSON.
    pub fn read(path: &Path, text: &[u8]) -> Result<Self, StoreError> {
        let name = format!("`{}`", path.display());
        let mut file = Self::parse(text).map_err(|error| match error {
            StoreError::Misfit(text) => StoreError::Misfit(format!("{name}: {text}")),
            other => other,
        })?;
        file.name = Some(name);
        Ok(file)
    }

    /// The digest of a text.
    #[must_use]
    pub fn digest_of(text: &[u8]) -> String {
        hex(&Sha256::digest(text), 16)
    }

    /// The digest of the text that was read.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Reads a text.
    ///
    /// # Errors
    /// As [`EntitiesFile::open`].
    pub fn parse(text: &[u8]) -> Result<Self, StoreError> {
        let json = parse_json(without_mark(text), JSON_DEPTH)
            .map_err(|e| StoreError::Misfit(e.to_string()))?;
        let digest = Self::digest_of(text);
        Ok(Self {
            json,
            revision: Revision::fixed(&digest),
            digest,
            name: None,
            read: RwLock::new(None),
            inherited: RwLock::default(),
        })
    }

    /// The rows as a schema reads them; read once for each schema.
    fn rows(&self, schema: &Arc<Schema>) -> Result<Arc<ReadEntities>, StoreError> {
        let current = self
            .read
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        if let Some(read) = current.filter(|read| Arc::ptr_eq(&read.schema, schema)) {
            return Ok(read);
        }
        let read = Arc::new(self.read_as(schema)?);
        *self
            .read
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Arc::clone(&read));
        Ok(read)
    }

    fn read_as(&self, schema: &Arc<Schema>) -> Result<ReadEntities, StoreError> {
        let misfit = |error: crate::schema::Misfit| {
            StoreError::Misfit(match &self.name {
                Some(name) => format!("{name}: {error}"),
                None => error.to_string(),
            })
        };
        let rows = schema.entities(&self.json).map_err(misfit)?;
        let parents: HashMap<EntityUid, Vec<EntityUid>> = rows
            .iter()
            .map(|row| (row.uid.clone(), row.ancestors.clone()))
            .collect();
        let parents_of = |uid: &EntityUid| parents.get(uid).cloned().unwrap_or_default();
        let mut found = HashMap::with_capacity(rows.len());
        let mut ids: HashMap<EntityTypeName, Vec<String>> = HashMap::new();
        let mut mentioned = HashSet::new();
        for mut row in rows {
            row.each_mentioned(&mut |uid| {
                if !mentioned.contains(uid.type_name()) {
                    mentioned.insert(uid.type_name().clone());
                }
            });
            row.ancestors = transitive_ancestors(&row.ancestors, &row.uid, parents_of)
                .map_err(|error| misfit(error.within(&row.uid.to_string())))?;
            let id: &str = row.uid.id().as_ref();
            ids.entry(row.uid.type_name().clone())
                .or_default()
                .push(id.to_owned());
            found.insert(row.uid.clone(), row);
        }
        ids.values_mut().for_each(|ids| ids.sort_unstable());
        Ok(ReadEntities {
            schema: Arc::clone(schema),
            rows: found,
            ids,
            mentioned,
        })
    }
}

impl Store for EntitiesFile {
    /// The file is all there is.
    fn tells_absence(&self, _: &EntityTypeName) -> bool {
        true
    }

    fn serves(&self, entity_type: &EntityTypeName) -> bool {
        let read = self
            .read
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        read.as_ref()
            .is_some_and(|read| read.ids.contains_key(entity_type))
    }

    /// The words of this file and of those before it decide, and not all that the schema has room for.
    fn speaks_of(&self, entity_type: &EntityTypeName, _: &Schema) -> bool {
        let read = self
            .read
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let inherited = self
            .inherited
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let mentioned = |read: &Arc<ReadEntities>| read.mentioned.contains(entity_type);
        inherited.contains(entity_type) || read.as_ref().is_some_and(mentioned)
    }

    fn inherit(&self, types: HashSet<EntityTypeName>) {
        *self
            .inherited
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = types;
    }

    fn names(&self, revision: &Revision) -> bool {
        *revision == self.revision
    }

    /// It never changes: another file is another store.
    fn mark(&self) -> Option<Mark> {
        Some(Mark {
            bytes: [0; 96],
            settles: true,
        })
    }

    fn check(&self, schema: &Arc<Schema>) -> Result<(), StoreError> {
        // Read for good: `serves` must be right from the first question on.
        self.rows(schema).map(|_| ())
    }

    fn snapshot(
        &self,
        schema: &Arc<Schema>,
        since: Option<&Revision>,
    ) -> StoreFuture<'_, Box<dyn Snapshot>> {
        let changes = match since {
            Some(_) => Changes::Nothing,
            None => Changes::Everything,
        };
        let snapshot = self.rows(schema).map(|read| {
            Box::new(EntitiesSnapshot {
                read,
                revision: self.revision.clone(),
                changes,
            }) as Box<dyn Snapshot>
        });
        Box::pin(std::future::ready(snapshot))
    }
}

struct EntitiesSnapshot {
    read: Arc<ReadEntities>,
    revision: Revision,
    changes: Changes,
}

impl Snapshot for EntitiesSnapshot {
    fn revision(&self) -> &Revision {
        &self.revision
    }

    fn changes(&self) -> &Changes {
        &self.changes
    }

    fn entities<'a>(&'a mut self, uids: &'a [EntityUid]) -> StoreFuture<'a, Vec<Option<Row>>> {
        let rows = uids.iter().map(|uid| {
            let row = self.read.rows.get(uid)?;
            Some(Row {
                tags: Tags::new(),
                ..row.clone()
            })
        });
        Box::pin(std::future::ready(Ok(rows.collect())))
    }

    fn tags<'a>(&'a mut self, wanted: &'a [(EntityUid, TagKeys)]) -> StoreFuture<'a, Vec<Tags>> {
        let tags = wanted.iter().map(|(uid, keys)| {
            let all = self.read.rows.get(uid).map(|row| &row.tags);
            match (all, keys) {
                (None, _) => Tags::new(),
                (Some(all), TagKeys::All) => all.clone(),
                (Some(all), TagKeys::Only(keys)) => keys
                    .iter()
                    .filter_map(|key| all.get_key_value(key))
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect(),
            }
        });
        Box::pin(std::future::ready(Ok(tags.collect())))
    }

    fn candidates<'a>(&'a mut self, wanted: &'a Candidates) -> StoreFuture<'a, Vec<String>> {
        let ids = self.read.ids.get(&wanted.of).map_or(&[][..], Vec::as_slice);
        let from = match &wanted.after {
            Some(after) => ids.partition_point(|id| **id <= **after),
            None => 0,
        };
        let ids = ids.iter().skip(from).take(wanted.limit).cloned().collect();
        Box::pin(std::future::ready(Ok(ids)))
    }

    fn statement(&self, _: &Candidates) -> Option<String> {
        None
    }
}
