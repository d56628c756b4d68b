//! Reading from the snapshot what is not in memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{Entities, EntityUid};

use super::StateReading;
use super::few_tags::{FEW, WantedTags};
use crate::schema::Row;
use crate::slice::error::{ReadingError, SliceError};
use crate::slice::links::LinkTable;
use crate::slice::loaded::{EntityKey, EntityKeyRef, Held, Loaded, Missing};
use crate::store::{StoreError, TagKeys, Tags, Together};

impl StateReading<'_> {
    /// Reads from the snapshot, and keeps what is of an epoch's state.
    pub(super) async fn fetch(
        &mut self,
        missing: Vec<Missing>,
        epoch: Option<u64>,
    ) -> Result<(), ReadingError> {
        let mut entities: Vec<EntityUid> = Vec::new();
        let mut tags: Vec<WantedTags> = Vec::new();
        let mut bases: HashMap<EntityUid, Arc<Loaded>> = HashMap::new();
        let mut of_links = false;
        for missing in missing {
            let Missing {
                key, base, or_all, ..
            } = missing;
            if missing.of_links {
                of_links = true;
                continue;
            }
            match key.tags {
                None => entities.push(key.uid),
                Some(keys) => {
                    let base = match base {
                        Some(base) => Some(base),
                        None => {
                            let held = self.get(EntityKeyRef::untagged(&key.uid));
                            held.ok().flatten().and_then(Held::entity)
                        }
                    };
                    match base {
                        Some(base) => {
                            bases.insert(key.uid.clone(), base);
                            let uid = key.uid;
                            tags.push(WantedTags { uid, keys, or_all });
                        }
                        // Not in memory any more: once more from the beginning.
                        None => entities.push(key.uid),
                    }
                }
            }
        }
        if of_links {
            self.read_links(epoch).await?;
        }
        if !entities.is_empty() && !tags.is_empty() && !self.is_apart {
            return self.read_together(&entities, tags, &bases, epoch).await;
        }
        self.read_entities(&entities, epoch).await?;
        let left = self.read_few(tags, &bases, epoch).await?;
        self.read_tags(&left, &bases, epoch).await
    }

    /// Reads entities and the tags of others at once.
    async fn read_together(
        &mut self,
        entities: &[EntityUid],
        tags: Vec<WantedTags>,
        bases: &HashMap<EntityUid, Arc<Loaded>>,
        epoch: Option<u64>,
    ) -> Result<(), ReadingError> {
        let few = self.few_of(&tags, epoch);
        let all: HashSet<&EntityUid> = few.iter().collect();
        let (tags, by_key): (Vec<_>, Vec<_>) = tags
            .into_iter()
            .partition(|wanted| wanted.or_all && all.contains(&wanted.uid));
        let by_key: Vec<_> = by_key.into_iter().map(WantedTags::by_key).collect();
        let wanted = Together {
            entities,
            few_tags: &few,
            most: FEW,
            tags: &by_key,
        };
        let found = match self.snapshot()?.together(wanted).await {
            Ok(found) => found,
            // A database may have ended the snapshot with it: another one tells what is unusable.
            Err(StoreError::Misfit(text)) => {
                self.is_apart = true;
                return Err(StoreError::Moved(text).into());
            }
            Err(error) => return Err(error.into()),
        };
        let rows = found.entities.into_iter().map(Ok).collect();
        self.hold_entities(entities, rows, epoch);
        let tags_of = found.tags.into_iter().map(Ok).collect();
        self.hold_tags(&by_key, tags_of, bases, epoch);
        let whole = self.hold_few(few, found.few_tags, bases, epoch);
        let left = tags
            .into_iter()
            .filter(|wanted| !whole.contains(&wanted.uid));
        let left: Vec<_> = left.map(WantedTags::by_key).collect();
        self.read_tags(&left, bases, epoch).await
    }

    async fn read_links(&mut self, epoch: Option<u64>) -> Result<(), ReadingError> {
        let schema = Arc::clone(&self.bundle.schema);
        let links = match LinkTable::read(&mut **self.snapshot()?, &schema).await {
            Ok(table) => Ok(Arc::new(table)),
            Err(StoreError::Misfit(text)) => Err(StoreError::Misfit(text).into()),
            Err(error) => return Err(error.into()),
        };
        if let (Some(epoch), Ok(table)) = (epoch, &links) {
            self.sources.cache.keep_links(epoch, Arc::clone(table));
        }
        self.links = Some(links);
        Ok(())
    }

    async fn read_entities(
        &mut self,
        uids: &[EntityUid],
        epoch: Option<u64>,
    ) -> Result<(), ReadingError> {
        if uids.is_empty() {
            return Ok(());
        }
        let rows = match self.snapshot()?.entities(uids).await {
            // One that is unusable spoils the questions about it, and no others.
            Err(StoreError::Misfit(_)) if uids.len() > 1 => {
                for uid in uids {
                    Box::pin(self.read_entities(std::slice::from_ref(uid), epoch)).await?;
                }
                return Ok(());
            }
            Err(StoreError::Misfit(text)) => vec![Err(StoreError::Misfit(text).into())],
            Err(error) => return Err(error.into()),
            Ok(rows) => rows.into_iter().map(Ok).collect(),
        };
        self.hold_entities(uids, rows, epoch);
        Ok(())
    }

    fn hold_entities(
        &mut self,
        uids: &[EntityUid],
        rows: Vec<Result<Option<Row>, SliceError>>,
        epoch: Option<u64>,
    ) {
        for (uid, row) in uids.iter().zip(rows) {
            let held = row.and_then(|row| match row.or_else(|| self.when_absent(uid)) {
                Some(row) => self.checked(row).map(Held::Entity),
                None => Ok(Held::Nothing),
            });
            self.hold(EntityKey::untagged(uid.clone()), held, epoch);
        }
    }

    async fn read_tags(
        &mut self,
        wanted: &[(EntityUid, TagKeys)],
        bases: &HashMap<EntityUid, Arc<Loaded>>,
        epoch: Option<u64>,
    ) -> Result<(), ReadingError> {
        if wanted.is_empty() {
            return Ok(());
        }
        let found = match self.snapshot()?.tags(wanted).await {
            Err(StoreError::Misfit(_)) if wanted.len() > 1 => {
                for wanted in wanted {
                    let one = std::slice::from_ref(wanted);
                    Box::pin(self.read_tags(one, bases, epoch)).await?;
                }
                return Ok(());
            }
            Err(StoreError::Misfit(text)) => vec![Err(StoreError::Misfit(text).into())],
            Err(error) => return Err(error.into()),
            Ok(found) => found.into_iter().map(Ok).collect(),
        };
        self.hold_tags(wanted, found, bases, epoch);
        Ok(())
    }

    fn hold_tags(
        &mut self,
        wanted: &[(EntityUid, TagKeys)],
        found: Vec<Result<Tags, SliceError>>,
        bases: &HashMap<EntityUid, Arc<Loaded>>,
        epoch: Option<u64>,
    ) {
        for ((uid, keys), tags) in wanted.iter().zip(found) {
            let Some(base) = bases.get(uid) else { continue };
            let held = tags.and_then(|tags| {
                let row = Row {
                    tags,
                    ..base.row.clone()
                };
                self.checked(row).map(Held::Entity)
            });
            let key = EntityKey {
                uid: uid.clone(),
                tags: Some(keys.clone()),
            };
            self.hold(key, held, epoch);
        }
    }

    pub(super) fn hold(
        &mut self,
        key: EntityKey,
        held: Result<Held, SliceError>,
        epoch: Option<u64>,
    ) {
        if let (Some(epoch), Ok(held)) = (epoch, &held) {
            let above = match held {
                Held::Entity(loaded) => {
                    let above: Arc<[_]> = self.marks_above(&loaded.row).collect();
                    (!above.is_empty()).then_some(above)
                }
                Held::Nothing | Held::TagByTag => None,
            };
            let cache = self.sources.cache;
            cache.put(key.clone(), epoch, above, held.clone());
        }
        self.held.insert(key, held);
    }

    /// The row of an id that the store does not hold, for a type whose ids are
    /// never unknown. A database without a view of the type does not tell that one is
    /// absent.
    fn when_absent(&self, uid: &EntityUid) -> Option<Row> {
        if !self.sources.store.tells_absence(uid.type_name()) {
            return None;
        }
        let entity_type = self.bundle.schema.entity_type(uid.type_name())?;
        Some(Row {
            uid: uid.clone(),
            attributes: entity_type.when_absent.clone()?,
            ancestors: Vec::new(),
            tags: Tags::new(),
        })
    }

    /// A row as an entity, checked against the schema: once, here, and not again for
    /// each question that uses it.
    pub(in crate::slice) fn checked(&self, row: Row) -> Result<Arc<Loaded>, SliceError> {
        let unfit = |error: &dyn std::fmt::Display| SliceError::Unfit(error.to_string());
        let entity = row.to_entity().map_err(|error| unfit(&error))?;
        // Not `from_entities`, which adds all actions of the schema: that took longer than the check.
        Entities::empty()
            .add_entities([entity.clone()], Some(self.bundle.schema.cedar()))
            .map_err(|error| unfit(&error))?;
        Ok(Arc::new(Loaded {
            row,
            entity: entity.into(),
        }))
    }
}
