//! Reading from the snapshot what is not in memory.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{Entities, Entity, EntityUid};

use super::StateReading;
use super::few_tags::WantedTags;
use crate::schema::Row;
use crate::slice::error::{ReadingError, SliceError};
use crate::slice::links::LinkTable;
use crate::slice::loaded::{Held, Key, KeyRef, Loaded, Missing};
use crate::store::{StoreError, TagKeys, Tags};

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
                            let held = self.get(KeyRef::untagged(&key.uid));
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
        self.read_entities(&entities, epoch).await?;
        let left = self.read_few(tags, &bases, epoch).await?;
        self.read_tags(&left, &bases, epoch).await
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
        let rows = uids.iter().zip(rows).map(|(uid, row)| {
            let row = row.map(|row| row.or_else(|| self.when_absent(uid)));
            row.transpose()
        });
        let checked = self.all_checked(rows.collect());
        for (uid, checked) in uids.iter().zip(checked) {
            let held = checked.map_or(Ok(Held::Nothing), |checked| checked.map(Held::Entity));
            self.hold(Key::untagged(uid.clone()), held, epoch);
        }
        Ok(())
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
        let rows = wanted.iter().zip(found).map(|((uid, _), tags)| {
            let base = bases.get(uid)?;
            Some(tags.map(|tags| Row {
                tags,
                ..base.row.clone()
            }))
        });
        let checked = self.all_checked(rows.collect());
        for ((uid, keys), checked) in wanted.iter().zip(checked) {
            let Some(checked) = checked else { continue };
            let key = Key {
                uid: uid.clone(),
                tags: Some(keys.clone()),
            };
            self.hold(key, checked.map(Held::Entity), epoch);
        }
        Ok(())
    }

    pub(super) fn hold(&mut self, key: Key, held: Result<Held, SliceError>, epoch: Option<u64>) {
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

    /// Rows that were read together as entities, each checked against the schema. To check one of them takes most
    /// of the time that all take together.
    pub(super) fn all_checked(
        &self,
        rows: Vec<Option<Result<Row, SliceError>>>,
    ) -> Vec<Option<Result<Arc<Loaded>, SliceError>>> {
        let sound = rows.iter().flatten().flatten();
        let entities: Result<Vec<_>, _> = sound.map(Row::to_entity).collect();
        // Where one is unfit, or two are of one id, each is checked by itself.
        let together = entities
            .ok()
            .filter(|all| all.len() > 1 && self.fit(all.clone()).is_ok());
        let mut together = together.into_iter().flatten();
        let rows = rows.into_iter().map(|row| {
            Some(row?.and_then(|row| match together.next() {
                Some(entity) => Ok(Arc::new(Loaded {
                    row,
                    entity: entity.into(),
                })),
                None => self.checked(row),
            }))
        });
        rows.collect()
    }

    /// Checks entities against the schema.
    fn fit(&self, entities: Vec<Entity>) -> Result<(), SliceError> {
        let checked = Entities::from_entities(entities, Some(self.bundle.schema.cedar()));
        match checked {
            Ok(_) => Ok(()),
            Err(error) => Err(SliceError::Unfit(error.to_string())),
        }
    }

    /// A row as an entity, checked against the schema: once, here, and not again for
    /// each question that uses it.
    pub(in crate::slice) fn checked(&self, row: Row) -> Result<Arc<Loaded>, SliceError> {
        let entity = row.to_entity();
        let entity = entity.map_err(|error| SliceError::Unfit(error.to_string()))?;
        self.fit(vec![entity.clone()])?;
        Ok(Arc::new(Loaded {
            row,
            entity: entity.into(),
        }))
    }
}
