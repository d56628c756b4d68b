//! Putting a slice together, out of what is at hand.
//!
//! Nothing is awaited here: either everything that the policies can look at is in
//! memory, or it is said what is missing, so that of all the questions of a batch
//! it can be loaded together.

use std::sync::Arc;

use cedar_policy::{Entities, EntityUid};

use super::cache::{Key, KeyRef, Known, Loaded};
use super::reading::Reading;
use crate::policy::{Path, Plan, Root, Shard, TagKey};
use crate::schema::{Record, Row, Value, together};
use crate::store::{StoreError, TagKeys};

/// The entities of one question, and what it says of them. Of a search, one of the
/// first two is what is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Who asks.
    pub principal: Option<&'a EntityUid>,
    /// On what.
    pub resource: Option<&'a EntityUid>,
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
    /// Of each of them, which tags were asked for; without any, `None`.
    pub tags: Vec<Option<TagKeys>>,
}

/// What was loaded for a question.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The entities.
    pub loaded: Vec<Arc<Loaded>>,
    /// Of each of them, which tags were asked for; without any, `None`.
    pub tags: Vec<Option<TagKeys>>,
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
#[derive(Clone, Debug, thiserror::Error)]
pub enum SliceError {
    /// The question names entities that are not there.
    #[error("{} of the question's entities are not there", .uids.len())]
    Absent {
        /// What they are to it.
        what: Vec<Absent>,
        /// Which they are.
        uids: Vec<EntityUid>,
        /// Those that are there.
        present: Vec<Arc<Loaded>>,
    },
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

/// How far a slice has come.
#[derive(Debug)]
pub enum Gathered<T> {
    /// It is complete.
    Whole(T),
    /// These have to be loaded first, and perhaps others after them.
    Missing(Vec<Missing>),
}

/// Something to load.
#[derive(Clone, Debug)]
pub struct Missing {
    pub(super) key: Key,
    /// For tags: the entity that they are of, where it is as the store says.
    pub(super) base: Option<Arc<Loaded>>,
}

impl Reading<'_> {
    /// Puts the slice of a question together.
    ///
    /// # Errors
    /// An entity that is absent or unusable, a slice that would be incomplete.
    pub fn gather(&self, asked: Asked<'_>, shard: &Shard) -> Result<Gathered<Slice>, SliceError> {
        Ok(match self.gather_rows(asked, &shard.plan)? {
            Gathered::Whole(rows) => Gathered::Whole(Slice::of(rows, shard)?),
            Gathered::Missing(missing) => Gathered::Missing(missing),
        })
    }

    /// Puts together what a plan loads for a question.
    ///
    /// # Errors
    /// As [`Reading::gather`].
    pub fn gather_rows(&self, asked: Asked<'_>, plan: &Plan) -> Result<Gathered<Rows>, SliceError> {
        let mut gathering = Gathering::new(asked, self);
        gathering.roots()?;
        while gathering.missing.is_empty() {
            gathering.ask_for_tags(plan)?;
            if !gathering.follow(plan)? {
                return Ok(Gathered::Whole(gathering.rows()));
            }
        }
        Ok(Gathered::Missing(gathering.missing))
    }

    /// Puts together what the policies of a search can look at before it is known
    /// whom or what they are asked about: without the tags that the store holds, of
    /// which any could be asked for.
    ///
    /// # Errors
    /// As [`Reading::gather`].
    pub fn gather_known(
        &self,
        asked: Asked<'_>,
        shard: &Shard,
    ) -> Result<Gathered<Vec<Arc<Loaded>>>, SliceError> {
        let mut gathering = Gathering::new(asked, self);
        gathering.roots()?;
        while gathering.missing.is_empty() {
            if !gathering.follow(&shard.plan)? {
                let found = gathering.found.into_iter();
                return Ok(Gathered::Whole(found.map(|found| found.loaded).collect()));
            }
        }
        Ok(Gathered::Missing(gathering.missing))
    }

    /// One entity as the store says, without tags; `None` where it is not there.
    ///
    /// # Errors
    /// An entity that is unusable.
    pub fn entity(&self, uid: &EntityUid) -> Result<Gathered<Known>, SliceError> {
        let key = KeyRef { uid, tags: None };
        Ok(match self.get(key)? {
            Some(known) => Gathered::Whole(known),
            None => Gathered::Missing(vec![Missing {
                key: key.to_owned(),
                base: None,
            }]),
        })
    }
}

struct Gathering<'a> {
    asked: Asked<'a>,
    reading: &'a Reading<'a>,
    /// Few: what one decision touches is bounded by the policies.
    found: Vec<Found>,
    missing: Vec<Missing>,
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

/// What a path leads to.
enum At<'a> {
    Entity(&'a EntityUid),
    Value(&'a Value),
}

impl<'a> Gathering<'a> {
    fn new(asked: Asked<'a>, reading: &'a Reading<'a>) -> Self {
        Self {
            asked,
            reading,
            found: Vec::with_capacity(8),
            missing: Vec::new(),
        }
    }

    /// Whether an entity needs no row: an `enum` entity or an action has
    /// nothing but its id.
    fn is_bare(&self, uid: &EntityUid) -> bool {
        self.reading
            .bundle
            .schema
            .entity_type(uid.type_name())
            .is_none_or(|found| found.choices.is_some())
    }

    fn get(&self, uid: &EntityUid) -> Option<&Found> {
        self.found.iter().find(|found| found.loaded.row.uid == *uid)
    }

    /// What the question names. All that is absent is reported together.
    fn roots(&mut self) -> Result<(), SliceError> {
        let asked = self.asked;
        let mut roots = Vec::with_capacity(4);
        roots.extend(asked.principal.map(|uid| (Absent::Principal, uid)));
        roots.extend(asked.resource.map(|uid| (Absent::Resource, uid)));
        for value in asked.context.values() {
            value.each_entity(&mut |uid| roots.push((Absent::Context, uid)));
        }
        roots.retain(|(_, uid)| !self.is_bare(uid));
        for (place, (_, uid)) in roots.iter().enumerate() {
            if !roots.iter().take(place).any(|(_, before)| before == uid) {
                self.take(uid, 1)?;
            }
        }
        if !self.missing.is_empty() {
            return Ok(());
        }
        let (mut absent, mut uids) = (Vec::new(), Vec::new());
        for (what, uid) in roots {
            if self.get(uid).is_none() {
                absent.push(what);
                uids.push(uid.clone());
            }
        }
        absent.dedup();
        if absent.is_empty() {
            Ok(())
        } else {
            Err(SliceError::Absent {
                what: absent,
                uids,
                present: self.found.drain(..).map(|found| found.loaded).collect(),
            })
        }
    }

    /// Follows attributes, one reference further. Returns whether there may be more.
    /// An entity at the level of the plan is not looked through.
    fn follow(&mut self, plan: &Plan) -> Result<bool, SliceError> {
        let mut next: Vec<(usize, EntityUid, u32)> = Vec::new();
        let mut nearer: Vec<(usize, u32)> = Vec::new();
        for (from, found) in self.found.iter().enumerate() {
            if found.level >= plan.level {
                continue;
            }
            let row = &found.loaded.row;
            let attributes = row.attributes.iter();
            let attributes = attributes.filter(|(name, _)| plan.follow.contains(*name));
            let tags = row.tags.values().filter(|_| plan.follow_tags);
            for value in attributes.map(|(_, value)| value).chain(tags) {
                value.each_entity(&mut |uid| {
                    let level = found.level + 1;
                    let place = self.found.iter().position(|o| o.loaded.row.uid == *uid);
                    match place {
                        Some(place) => nearer.push((place, level)),
                        None if next.iter().any(|(_, to, _)| to == uid) => {}
                        None => next.push((from, uid.clone(), level)),
                    }
                });
            }
        }
        let mut more = false;
        for (place, level) in nearer {
            let found = self.found.get_mut(place);
            if let Some(found) = found.filter(|found| level < found.level) {
                found.level = level;
                more = true;
            }
        }
        next.retain(|(_, uid, _)| !self.is_bare(uid));
        for (from, to, level) in next {
            more = true;
            let missing = self.missing.len();
            self.take(&to, level)?;
            if missing == self.missing.len() && self.get(&to).is_none() {
                let from = self.found.get(from).map(|found| &found.loaded.row.uid);
                let described = from.is_some_and(|from| self.is_described(from));
                let from = from.map(ToString::to_string).unwrap_or_default();
                return Err(SliceError::Incomplete {
                    reference: format!("`{from}` refers to `{to}`, which is not there"),
                    described,
                });
            }
        }
        // Also for missing tags: they may hold entities.
        Ok(more || !self.missing.is_empty())
    }

    /// Gives entities the tags that the policies ask for.
    fn ask_for_tags(&mut self, plan: &Plan) -> Result<(), SliceError> {
        let mut wanted: Vec<(usize, TagKeys)> = Vec::new();
        if plan.all_tags {
            wanted.extend((0..self.found.len()).map(|place| (place, TagKeys::All)));
        }
        for probe in &plan.probes {
            let uid = match self.value_at(&probe.entity) {
                Some(At::Entity(uid) | At::Value(Value::Entity(uid))) => uid,
                _ => continue,
            };
            let place = self.found.iter().position(|o| o.loaded.row.uid == *uid);
            let Some(place) = place else { continue };
            let keys = match &probe.key {
                TagKey::Any => TagKeys::All,
                TagKey::Literal(key) => TagKeys::Only(vec![Arc::clone(key)]),
                TagKey::At(path) => match self.value_at(path) {
                    Some(At::Value(Value::String(key))) => TagKeys::Only(vec![Arc::clone(key)]),
                    _ => continue,
                },
            };
            match wanted.iter_mut().find(|(other, _)| *other == place) {
                Some((_, wanted)) => wanted.join(keys),
                None => wanted.push((place, keys)),
            }
        }
        for (place, keys) in wanted {
            let Some(found) = self.found.get_mut(place) else {
                continue;
            };
            if found.tags.as_ref() == Some(&keys) || found.tags == Some(TagKeys::All) {
                continue;
            }
            let key = KeyRef {
                uid: &found.loaded.row.uid,
                tags: Some(&keys),
            };
            // What a caller has added to must not be mixed with what is shared.
            match self.reading.get(key)? {
                Some(Some(loaded)) if found.shared => {
                    found.loaded = loaded;
                    found.tags = Some(keys);
                }
                Some(Some(loaded)) => {
                    let row = Row {
                        tags: loaded.row.tags.clone(),
                        ..found.loaded.row.clone()
                    };
                    found.loaded = self.reading.checked(row)?;
                    found.tags = Some(keys);
                }
                _ => self.missing.push(Missing {
                    key: Key {
                        uid: found.loaded.row.uid.clone(),
                        tags: Some(keys),
                    },
                    base: found.shared.then(|| Arc::clone(&found.loaded)),
                }),
            }
        }
        Ok(())
    }

    /// Adds an entity by id. One that is not there is left out.
    fn take(&mut self, uid: &EntityUid, level: u32) -> Result<(), SliceError> {
        if let Some(row) = self.asked.described.iter().find(|row| row.uid == *uid) {
            if let Some(row) = self.with_ancestors(row.clone())? {
                self.found.push(Found {
                    loaded: self.reading.checked(row)?,
                    tags: Some(TagKeys::All),
                    level,
                    shared: false,
                });
            }
            return Ok(());
        }
        let Some(mut loaded) = self.known(uid)?.flatten() else {
            return Ok(());
        };
        let ancestors = &loaded.row.ancestors;
        let shared = !ancestors.iter().any(|uid| self.is_described(uid));
        if !shared {
            match self.with_ancestors(loaded.row.clone())? {
                Some(row) => loaded = self.reading.checked(row)?,
                None => return Ok(()),
            }
        }
        self.found.push(Found {
            loaded,
            tags: None,
            level,
            shared,
        });
        Ok(())
    }

    /// What is known of an entity without its tags; `None` where it has to be loaded
    /// first.
    fn known(&mut self, uid: &EntityUid) -> Result<Option<Known>, SliceError> {
        let known = self.reading.get(KeyRef { uid, tags: None })?;
        if known.is_none() {
            let key = Key {
                uid: uid.clone(),
                tags: None,
            };
            self.missing.push(Missing { key, base: None });
        }
        Ok(known)
    }

    fn is_described(&self, uid: &EntityUid) -> bool {
        self.asked.described.iter().any(|row| row.uid == *uid)
    }

    /// The row with the ancestors of its ancestors, where the store knows one part
    /// of them and the caller another; `None` where some have to be loaded first.
    fn with_ancestors(&mut self, mut row: Row) -> Result<Option<Row>, SliceError> {
        let missing = self.missing.len();
        let mut place = 0;
        while let Some(uid) = row.ancestors.get(place).cloned() {
            place += 1;
            if uid == row.uid {
                return Err(SliceError::Unfit(format!("`{uid}` is its own ancestor")));
            }
            let described = self.asked.described.iter().find(|row| row.uid == uid);
            let further = match described {
                Some(described) => described.ancestors.clone(),
                None if self.is_bare(&uid) => Vec::new(),
                None => match self.known(&uid)?.flatten() {
                    Some(found) => found.row.ancestors.clone(),
                    None => Vec::new(),
                },
            };
            for ancestor in further {
                if !row.ancestors.contains(&ancestor) {
                    row.ancestors.push(ancestor);
                }
            }
        }
        Ok((missing == self.missing.len()).then_some(row))
    }

    /// What a path leads to; `None` where an attribute on the way is absent or its
    /// entity has not been found (yet).
    fn value_at(&self, path: &Path) -> Option<At<'_>> {
        let mut attributes = path.attributes.iter();
        let mut at = match path.root {
            Root::Principal => At::Entity(self.asked.principal?),
            Root::Resource => At::Entity(self.asked.resource?),
            Root::Context => At::Value(self.asked.context.get(attributes.next()?)?),
        };
        for name in attributes {
            at = At::Value(match at {
                At::Entity(uid) | At::Value(Value::Entity(uid)) => {
                    self.get(uid)?.loaded.row.attributes.get(name)?
                }
                At::Value(Value::Record(record)) => record.get(name)?,
                At::Value(_) => return None,
            });
        }
        Some(at)
    }

    fn rows(self) -> Rows {
        let mut rows = Rows {
            loaded: Vec::with_capacity(self.found.len()),
            tags: Vec::with_capacity(self.found.len()),
        };
        for found in self.found {
            rows.loaded.push(found.loaded);
            rows.tags.push(found.tags);
        }
        rows
    }
}

impl Slice {
    /// Entities, for policies that look at no others.
    ///
    /// # Errors
    /// Entities that do not fit together.
    pub fn of(rows: Rows, shard: &Shard) -> Result<Self, SliceError> {
        let entities = rows.loaded.iter().map(|loaded| &loaded.entity);
        let entities = together(shard.actions.iter().chain(entities)).map_err(SliceError::Unfit)?;
        Ok(Self {
            entities,
            rows: rows.loaded,
            tags: rows.tags,
        })
    }
}
