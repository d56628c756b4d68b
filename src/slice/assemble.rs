//! Putting a slice together.

use std::sync::Arc;

use cedar_policy::{Entities, EntityUid};

use super::cache::{Cache, Key, Known, Loaded};
use crate::policy::{Bundle, Path, Plan, Root, Shard, TagKey};
use crate::schema::{Record, Row, Value, together};
use crate::store::{Snapshot, StoreError, TagKeys, Tags};

/// The entities of one question, and what it says of them.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Who asks.
    pub principal: &'a EntityUid,
    /// On what.
    pub resource: &'a EntityUid,
    /// The context.
    pub context: &'a Record,
    /// Entities that the caller describes, of types that the store does not
    /// serve.
    pub described: &'a [Row],
}

/// Everything that the policies can look at.
#[derive(Debug)]
pub struct Slice {
    /// For the authorizer, with the action and its groups.
    pub entities: Entities,
    /// The rows, for a reader.
    pub rows: Vec<Arc<Loaded>>,
}

/// An entity of the question that is nowhere to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// Who asks.
    Principal,
    /// On what.
    Resource,
    /// An entity in the context.
    Context,
}

/// Why there is no slice.
#[derive(Debug, thiserror::Error)]
pub enum SliceError {
    /// The question names entities that are not there.
    #[error("{} of the question's entities are not there", .0.len())]
    Absent(Vec<Absent>),
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entity refers to one that is not there, so that the slice would end
    /// before the level that the policies need.
    #[error("{reference}")]
    Incomplete {
        /// Which refers to which.
        reference: String,
        /// Whether it is the caller who says so.
        described: bool,
    },
    /// Cedar refuses the entities.
    #[error("the entities do not fit together: {0}")]
    Unfit(String),
}

/// Puts the slice of a question together.
///
/// # Errors
/// An entity that is absent, a store that fails, a slice that would be
/// incomplete.
pub async fn assemble(
    asked: Asked<'_>,
    shard: &Shard,
    bundle: &Bundle,
    snapshot: &mut dyn Snapshot,
    cache: &Cache,
) -> Result<Slice, SliceError> {
    let stamp = snapshot.revision().stamp;
    let mut gathering = Gathering {
        asked,
        bundle,
        cache,
        snapshot,
        stamp,
        found: Vec::with_capacity(8),
    };
    gathering.roots().await?;
    gathering.follow(&shard.plan).await?;
    gathering.finish(shard)
}

struct Gathering<'a> {
    asked: Asked<'a>,
    bundle: &'a Bundle,
    cache: &'a Cache,
    snapshot: &'a mut dyn Snapshot,
    stamp: Option<u64>,
    /// Few: what one decision touches is bounded by the policies.
    found: Vec<Found>,
}

struct Found {
    loaded: Arc<Loaded>,
    /// The tags that it has been given.
    tags: Option<TagKeys>,
    /// How many references away from the question it is, from 1.
    level: u32,
    /// Whether it is as the store alone says, and may be shared with other
    /// questions. What a caller has added to it must not be.
    shared: bool,
}

impl<'a> Gathering<'a> {
    /// Whether an entity needs no row: an `enum` entity or an action has
    /// nothing but its id.
    fn is_bare(&self, uid: &EntityUid) -> bool {
        self.bundle
            .schema
            .entity_type(uid.type_name())
            .is_none_or(|found| found.choices.is_some())
    }

    fn get(&self, uid: &EntityUid) -> Option<&Found> {
        self.found.iter().find(|found| found.loaded.row.uid == *uid)
    }

    /// Loads what the question names. All that is absent is reported together.
    async fn roots(&mut self) -> Result<(), SliceError> {
        let mut roots = vec![
            (Absent::Principal, self.asked.principal),
            (Absent::Resource, self.asked.resource),
        ];
        for value in self.asked.context.values() {
            value.each_entity(&mut |uid| roots.push((Absent::Context, uid)));
        }
        roots.retain(|(_, uid)| !self.is_bare(uid));
        let mut wanted: Vec<EntityUid> = Vec::with_capacity(roots.len());
        for (_, uid) in &roots {
            if !wanted.contains(uid) {
                wanted.push((*uid).clone());
            }
        }
        self.load(&wanted, 1).await?;
        let mut absent: Vec<_> = roots
            .into_iter()
            .filter(|(_, uid)| self.get(uid).is_none())
            .map(|(what, _)| what)
            .collect();
        absent.dedup();
        if absent.is_empty() {
            Ok(())
        } else {
            Err(SliceError::Absent(absent))
        }
    }

    /// Follows attributes and asks for tags until nothing new turns up. An
    /// entity at the level of the Bundle is not looked through.
    async fn follow(&mut self, plan: &Plan) -> Result<(), SliceError> {
        loop {
            self.ask_for_tags(plan).await?;
            let mut next: Vec<(EntityUid, EntityUid, u32)> = Vec::new();
            let mut nearer: Vec<(usize, u32)> = Vec::new();
            for found in self
                .found
                .iter()
                .filter(|found| found.level < self.bundle.level)
            {
                let row = &found.loaded.row;
                let attributes = row.attributes.iter();
                let attributes = attributes.filter(|(name, _)| plan.follow.contains(*name));
                let tags = row.tags.values().filter(|_| plan.follow_tags);
                for value in attributes.map(|(_, value)| value).chain(tags) {
                    value.each_entity(&mut |uid| {
                        let level = found.level + 1;
                        match self
                            .found
                            .iter()
                            .position(|other| other.loaded.row.uid == *uid)
                        {
                            Some(place) => nearer.push((place, level)),
                            None if next.iter().any(|(_, to, _)| to == uid) => {}
                            None => next.push((row.uid.clone(), uid.clone(), level)),
                        }
                    });
                }
            }
            let mut changed = false;
            for (place, level) in nearer {
                if let Some(found) = self
                    .found
                    .get_mut(place)
                    .filter(|found| level < found.level)
                {
                    found.level = level;
                    changed = true;
                }
            }
            next.retain(|(_, uid, _)| !self.is_bare(uid));
            if next.is_empty() && !changed {
                return Ok(());
            }
            for (from, to, level) in next {
                self.load(std::slice::from_ref(&to), level).await?;
                if self.get(&to).is_none() {
                    let described = self.is_described(&from);
                    let reference = format!("`{from}` refers to `{to}`, which is not there");
                    return Err(SliceError::Incomplete {
                        reference,
                        described,
                    });
                }
            }
        }
    }

    /// Gives entities the tags that the policies ask for.
    async fn ask_for_tags(&mut self, plan: &Plan) -> Result<(), SliceError> {
        let mut wanted: Vec<(usize, TagKeys)> = Vec::new();
        if plan.all_tags {
            wanted.extend((0..self.found.len()).map(|place| (place, TagKeys::All)));
        }
        for probe in &plan.probes {
            let Some(Value::Entity(uid)) = self.value_at(&probe.entity) else {
                continue;
            };
            let Some(place) = self
                .found
                .iter()
                .position(|found| found.loaded.row.uid == uid)
            else {
                continue;
            };
            let key = match &probe.key {
                TagKey::Any => None,
                TagKey::Literal(key) => Some(Arc::clone(key)),
                TagKey::At(path) => match self.value_at(path) {
                    Some(Value::String(key)) => Some(key),
                    _ => continue,
                },
            };
            let keys = match key {
                Some(key) => TagKeys::Only(vec![key]),
                None => TagKeys::All,
            };
            match wanted.iter_mut().find(|(other, _)| *other == place) {
                Some((_, wanted)) => wanted.join(keys),
                None => wanted.push((place, keys)),
            }
        }
        let mut missing = Vec::new();
        for (place, keys) in wanted {
            let Some(found) = self.found.get_mut(place) else {
                continue;
            };
            if found.tags.as_ref() == Some(&keys) || found.tags == Some(TagKeys::All) {
                continue;
            }
            let key = Key {
                stamp: self.stamp,
                uid: found.loaded.row.uid.clone(),
                tags: Some(keys),
            };
            match self.cache.get(&key).filter(|_| found.shared) {
                Some(Some(loaded)) => {
                    found.loaded = loaded;
                    found.tags = key.tags;
                }
                _ => missing.push((place, key)),
            }
        }
        if !missing.is_empty() {
            let asked: Vec<_> = missing
                .iter()
                .filter_map(|(_, key)| Some((key.uid.clone(), key.tags.clone()?)))
                .collect();
            let tags = self.snapshot.tags(&asked).await?;
            for ((place, key), tags) in missing.into_iter().zip(tags) {
                if let Some(found) = self.found.get_mut(place) {
                    let loaded = checked(
                        self.bundle,
                        Row {
                            tags,
                            ..found.loaded.row.clone()
                        },
                    )?;
                    found.loaded = Arc::clone(&loaded);
                    found.tags = key.tags.clone();
                    if found.shared {
                        self.cache.put(key, Some(loaded));
                    }
                }
            }
        }
        Ok(())
    }

    /// Loads entities by id; those that are not there are left out.
    async fn load(&mut self, wanted: &[EntityUid], level: u32) -> Result<(), SliceError> {
        let mut missing = Vec::new();
        for uid in wanted {
            if let Some(row) = self.asked.described.iter().find(|row| row.uid == *uid) {
                let row = self.with_ancestors(row.clone()).await?;
                let loaded = checked(self.bundle, row)?;
                self.found.push(Found {
                    loaded,
                    tags: Some(TagKeys::All),
                    level,
                    shared: false,
                });
                continue;
            }
            match self.cache.get(&self.key(uid)) {
                Some(known) => self.add(known, level).await?,
                None => missing.push(uid.clone()),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let rows = self.snapshot.entities(&missing).await?;
        for (uid, row) in missing.into_iter().zip(rows) {
            let row = row.or_else(|| self.when_absent(&uid));
            let known = row.map(|row| checked(self.bundle, row)).transpose()?;
            self.cache.put(self.key(&uid), known.clone());
            self.add(known, level).await?;
        }
        Ok(())
    }

    fn key(&self, uid: &EntityUid) -> Key {
        Key {
            stamp: self.stamp,
            uid: uid.clone(),
            tags: None,
        }
    }

    async fn add(&mut self, known: Known, level: u32) -> Result<(), SliceError> {
        let Some(mut loaded) = known else {
            return Ok(());
        };
        let mut shared = true;
        if loaded
            .row
            .ancestors
            .iter()
            .any(|uid| self.is_described(uid))
        {
            let row = self.with_ancestors(loaded.row.clone()).await?;
            loaded = checked(self.bundle, row)?;
            shared = false;
        }
        self.found.push(Found {
            loaded,
            tags: None,
            level,
            shared,
        });
        Ok(())
    }

    fn is_described(&self, uid: &EntityUid) -> bool {
        self.asked.described.iter().any(|row| row.uid == *uid)
    }

    /// The row with the ancestors of its ancestors, where the store knows one
    /// part of them and the caller another.
    async fn with_ancestors(&mut self, mut row: Row) -> Result<Row, SliceError> {
        let mut place = 0;
        while let Some(uid) = row.ancestors.get(place).cloned() {
            place += 1;
            if uid == row.uid {
                return Err(SliceError::Unfit(format!("`{uid}` is its own ancestor")));
            }
            let further = match self.asked.described.iter().find(|row| row.uid == uid) {
                Some(described) => described.ancestors.clone(),
                None if self.is_bare(&uid) => Vec::new(),
                None => {
                    let found = self.snapshot.entities(std::slice::from_ref(&uid)).await?;
                    found
                        .into_iter()
                        .flatten()
                        .next()
                        .map(|row| row.ancestors)
                        .unwrap_or_default()
                }
            };
            for ancestor in further {
                if !row.ancestors.contains(&ancestor) {
                    row.ancestors.push(ancestor);
                }
            }
        }
        Ok(row)
    }

    /// The row of an id that the store does not hold, for a type whose ids are
    /// never unknown.
    fn when_absent(&self, uid: &EntityUid) -> Option<Row> {
        let attributes = self
            .bundle
            .schema
            .entity_type(uid.type_name())?
            .when_absent
            .clone()?;
        Some(Row {
            uid: uid.clone(),
            attributes,
            ancestors: Vec::new(),
            tags: Tags::new(),
        })
    }

    /// What a path leads to; `None` where an attribute on the way is absent or
    /// its entity has not been loaded (yet).
    fn value_at(&self, path: &Path) -> Option<Value> {
        let mut attributes = path.attributes.iter();
        let mut value = match path.root {
            Root::Principal => Value::Entity(self.asked.principal.clone()),
            Root::Resource => Value::Entity(self.asked.resource.clone()),
            Root::Context => self.asked.context.get(attributes.next()?)?.clone(),
        };
        for name in attributes {
            value = match &value {
                Value::Entity(uid) => self.get(uid)?.loaded.row.attributes.get(name)?.clone(),
                Value::Record(record) => record.get(name)?.clone(),
                _ => return None,
            };
        }
        Some(value)
    }

    fn finish(self, shard: &Shard) -> Result<Slice, SliceError> {
        let entities = self.found.iter().map(|found| &found.loaded.entity);
        let entities = together(shard.actions.iter().chain(entities)).map_err(SliceError::Unfit)?;
        Ok(Slice {
            entities,
            rows: self.found.into_iter().map(|found| found.loaded).collect(),
        })
    }
}

/// A row as an entity, checked against the schema: once, here, and not again for
/// each question that uses it.
fn checked(bundle: &Bundle, row: Row) -> Result<Arc<Loaded>, SliceError> {
    let unfit = |error: &dyn std::fmt::Display| SliceError::Unfit(error.to_string());
    let entity = row.to_entity().map_err(|error| unfit(&error))?;
    Entities::from_entities([entity.clone()], Some(bundle.schema.cedar()))
        .map_err(|error| unfit(&error))?;
    Ok(Arc::new(Loaded {
        row,
        entity: entity.into(),
    }))
}
