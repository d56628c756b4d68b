//! Cedar entities JSON, held in memory: any schema, no database.
//!
//! The entities that are held never change: a reload puts another [`EntitiesFile`] in its place. Where a question
//! demands a young state, the file is looked at, and if it has changed, there is no answer from what
//! is held.

mod hierarchy;
mod limits;
mod origin;
mod read_entities;

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use cedar_policy::{EntityTypeName, EntityUid};
use sha2::{Digest, Sha256};

use super::{
    Candidates, Changes, LinkRow, LinksView, Revision, Snapshot, Store, StoreError, StoreFuture,
    TagKeys, Tags, asked_tags,
};
use crate::file::SeenFile;
use crate::schema::{Misfit, Row, Schema};
use crate::text::hex;
use origin::Origin;
use read_entities::{ReadEntities, check_json};

pub use limits::EntitiesLimits;

/// A file of entities. It serves the types of its entities, and speaks of all types that occur in
/// it, also only as a parent or in an attribute.
#[derive(Debug)]
pub struct EntitiesFile {
    text: Arc<[u8]>,
    revision: Revision,
    digest: String,
    limits: EntitiesLimits,
    /// The file, for messages.
    name: Option<String>,
    /// The file, if it is one.
    origin: Option<Arc<Origin>>,
    /// The entities as schemas in use read them.
    read: RwLock<Vec<(Arc<Schema>, Arc<ReadEntities>)>>,
    /// The types that files before it spoke of.
    inherited: RwLock<HashSet<EntityTypeName>>,
    links: LinksView,
    rows_of_links: Arc<[LinkRow]>,
}

/// A file of entities that was read, before anything is made of it.
#[derive(Debug)]
pub struct EntitiesText {
    /// The text.
    pub text: Vec<u8>,
    /// The file as it was then.
    pub seen: SeenFile,
}

impl EntitiesText {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, or is longer than it may be.
    pub fn read(path: &Path, limits: &EntitiesLimits) -> Result<Self, std::io::Error> {
        let (text, seen) = SeenFile::read(path, limits.length())?;
        Ok(Self { text, seen })
    }

    /// A digest of the text.
    #[must_use]
    pub fn digest(&self) -> String {
        digest_of(&self.text)
    }
}

impl EntitiesFile {
    /// Reads a file. [`Store::check`] tells if it fits a schema.
    ///
    /// # Errors
    /// A file that cannot be read, is too long, or is no JSON array.
    pub fn open(path: &Path, limits: EntitiesLimits) -> Result<Self, StoreError> {
        let read = EntitiesText::read(path, &limits)
            .map_err(|error| StoreError::Unavailable(format!("`{}`: {error}", path.display())))?;
        Self::read(path, read, limits)
    }

    /// Takes what was read from a file.
    ///
    /// # Errors
    /// A text that is no JSON array.
    pub fn read(
        path: &Path,
        read: EntitiesText,
        limits: EntitiesLimits,
    ) -> Result<Self, StoreError> {
        let EntitiesText { text, seen } = read;
        let text: Arc<[u8]> = text.into();
        let name = format!("`{}`", path.display());
        let of_file = Arc::clone(&text);
        let origin = Origin::new(path.to_owned(), limits.length(), of_file, seen);
        Self::of(text, limits, Some(name), Some(Arc::new(origin)))
    }

    /// Reads a text, without limits.
    ///
    /// # Errors
    /// A text that is no JSON array.
    pub fn parse(text: &[u8]) -> Result<Self, StoreError> {
        Self::of(text.into(), EntitiesLimits::NONE, None, None)
    }

    fn of(
        text: Arc<[u8]>,
        limits: EntitiesLimits,
        name: Option<String>,
        origin: Option<Arc<Origin>>,
    ) -> Result<Self, StoreError> {
        check_json(&text).map_err(|fault| misfit(name.as_deref(), &fault))?;
        let digest = digest_of(&text);
        Ok(Self {
            text,
            revision: Revision::fixed(&digest),
            digest,
            limits,
            name,
            origin,
            read: RwLock::default(),
            inherited: RwLock::default(),
            links: LinksView::Absent,
            rows_of_links: Arc::default(),
        })
    }

    /// The same, for policies that are not in force over it: where they want links from the store, there are
    /// none.
    #[must_use]
    pub fn leaving_out_links(self) -> Self {
        Self {
            links: LinksView::LeftOut,
            ..self
        }
    }

    /// The same, with these links beside the entities, as a suite gives them.
    #[must_use]
    pub fn with_links(self, links: Vec<LinkRow>) -> Self {
        Self {
            links: LinksView::There,
            rows_of_links: links.into(),
            ..self
        }
    }

    /// The digest of the text that was read.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The entities as a schema reads them; read once for each schema, however many policy sets and
    /// shadows it is part of.
    fn entities(&self, schema: &Arc<Schema>) -> Result<Arc<ReadEntities>, StoreError> {
        let known = |same: &dyn Fn(&Arc<Schema>) -> bool| {
            let all = self.all();
            let found = all.iter().find(|(known, _)| same(known));
            found.map(|(_, read)| Arc::clone(read))
        };
        if let Some(read) = known(&|known| Arc::ptr_eq(known, schema)) {
            return Ok(read);
        }
        let read = match known(&|known| known.is_same(schema)) {
            Some(read) => read,
            None => ReadEntities::of(&self.text, schema, &self.limits)
                .map(Arc::new)
                .map_err(|fault| misfit(self.name.as_deref(), &fault))?,
        };
        let mut all = self.read.write().unwrap_or_else(PoisonError::into_inner);
        // Others than this hold a schema that is in use.
        all.retain(|(known, _)| Arc::strong_count(known) > 1);
        all.push((Arc::clone(schema), Arc::clone(&read)));
        Ok(read)
    }

    /// All entities, by type and id; their `ancestors` are the parents that are written.
    ///
    /// # Errors
    /// The first entity that does not fit.
    pub fn rows(&self, schema: &Arc<Schema>) -> Result<Vec<Row>, StoreError> {
        let read = self.entities(schema)?;
        let mut rows: Vec<Row> = read.written().cloned().collect();
        rows.sort_by_cached_key(|row| {
            let id: &str = row.uid.id().as_ref();
            (row.uid.type_name().to_string(), id.to_owned())
        });
        Ok(rows)
    }

    fn all(&self) -> RwLockReadGuard<'_, Vec<(Arc<Schema>, Arc<ReadEntities>)>> {
        self.read.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest_of(text: &[u8]) -> String {
    hex(&Sha256::digest(text), 16)
}

fn misfit(name: Option<&str>, fault: &Misfit) -> StoreError {
    StoreError::Misfit(match name {
        Some(name) => format!("{name}: {fault}"),
        None => fault.to_string(),
    })
}

impl Store for EntitiesFile {
    /// The file is all there is.
    fn tells_absence(&self, _: &EntityTypeName) -> bool {
        true
    }

    fn serves(&self, entity_type: &EntityTypeName) -> bool {
        let all = self.all();
        let mut read = all.iter().map(|(_, read)| read);
        read.any(|read| read.ids.contains_key(entity_type))
    }

    /// The words of this file and of those before it decide, and not all that the schema has room for.
    fn speaks_of(&self, entity_type: &EntityTypeName, _: &Schema) -> bool {
        let inherited = self
            .inherited
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let all = self.all();
        let mut read = all.iter().map(|(_, read)| read);
        inherited.contains(entity_type) || read.any(|read| read.mentioned.contains(entity_type))
    }

    fn links_view(&self) -> LinksView {
        self.links
    }

    fn inherit(&self, types: HashSet<EntityTypeName>) {
        *self
            .inherited
            .write()
            .unwrap_or_else(PoisonError::into_inner) = types;
    }

    fn names(&self, revision: &Revision) -> bool {
        *revision == self.revision
    }

    fn check(&self, schema: &Arc<Schema>) -> Result<(), StoreError> {
        // Read for good: `serves` must be right from the first question on.
        self.entities(schema).map(|_| ())
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
        let snapshot = self.entities(schema).map(|read| {
            Box::new(EntitiesSnapshot {
                read,
                revision: self.revision.clone(),
                changes,
                name: self.name.clone(),
                origin: self.origin.clone(),
                links: self.links,
                rows_of_links: Arc::clone(&self.rows_of_links),
            }) as Box<dyn Snapshot>
        });
        Box::pin(std::future::ready(snapshot))
    }
}

struct EntitiesSnapshot {
    read: Arc<ReadEntities>,
    revision: Revision,
    changes: Changes,
    name: Option<String>,
    origin: Option<Arc<Origin>>,
    links: LinksView,
    rows_of_links: Arc<[LinkRow]>,
}

impl Snapshot for EntitiesSnapshot {
    fn revision(&self) -> &Revision {
        &self.revision
    }

    fn changes(&self) -> &Changes {
        &self.changes
    }

    fn lag(&self) -> Duration {
        let origin = self.origin.as_ref();
        origin.map_or(Duration::ZERO, |origin| origin.age())
    }

    fn newest<'a>(&'a mut self) -> StoreFuture<'a, Option<Duration>> {
        Box::pin(async {
            let is_newest = match &self.origin {
                Some(origin) => origin.has_its_text().await?,
                None => true,
            };
            Ok(is_newest.then_some(Duration::ZERO))
        })
    }

    fn entities<'a>(&'a mut self, uids: &'a [EntityUid]) -> StoreFuture<'a, Vec<Option<Row>>> {
        let rows = uids.iter().map(|uid| self.read.entity(uid));
        let rows: Result<_, Misfit> = rows.collect();
        let rows = rows.map_err(|fault| misfit(self.name.as_deref(), &fault));
        Box::pin(std::future::ready(rows))
    }

    fn tags<'a>(&'a mut self, wanted: &'a [(EntityUid, TagKeys)]) -> StoreFuture<'a, Vec<Tags>> {
        let tags = wanted.iter().map(|(uid, keys)| match self.read.tags(uid) {
            None => Tags::new(),
            Some(all) => asked_tags(all, Some(keys))
                .map(|(key, value)| (Arc::clone(key), value.clone()))
                .collect(),
        });
        Box::pin(std::future::ready(Ok(tags.collect())))
    }

    fn few_tags<'a>(
        &'a mut self,
        uids: &'a [EntityUid],
        most: usize,
    ) -> StoreFuture<'a, Vec<Option<Tags>>> {
        let tags = uids.iter().map(|uid| match self.read.tags(uid) {
            Some(tags) => (tags.len() <= most).then(|| tags.clone()),
            None => Some(Tags::new()),
        });
        Box::pin(std::future::ready(Ok(tags.collect())))
    }

    fn links(&mut self, most: usize) -> StoreFuture<'_, Vec<LinkRow>> {
        let rows = match self.links {
            LinksView::LeftOut | LinksView::There => {
                Ok(self.rows_of_links.iter().take(most).cloned().collect())
            }
            _ => Err(misfit(
                self.name.as_deref(),
                &Misfit::new("a file of entities holds no links"),
            )),
        };
        Box::pin(std::future::ready(rows))
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
