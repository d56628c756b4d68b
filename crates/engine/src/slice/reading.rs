//! Reading one state of the store: what is in memory of it, and a snapshot for the
//! rest.
//!
//! A question begins in the newest state that was seen, if that is new enough, and
//! needs no snapshot while all that it looks at is in memory. With the first thing
//! that is not, a snapshot is begun and placed on the [`Timeline`]. Where it shows
//! changes, the question moves to its state and begins anew, so that everything an
//! answer rests on is of one state.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cedar_policy::{Entities, EntityUid};
use tokio::sync::watch;

use super::cache::{Cache, Claim, Key, KeyRef, Known as Held, Loaded};
use super::gather::{Missing, SliceError};
use super::lookup::Lookup;
use super::timeline::{Known, Look, Place, Timeline};
use crate::policy::Bundle;
use crate::schema::Row;
use crate::store::{Candidates, Revision, Snapshot, Store, StoreError, TagKeys, Tags};

/// How new a state has to be.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    /// States that it has to hold.
    pub at_least: Vec<Revision>,
    /// How long ago it may have been the newest.
    pub max_age: Option<Duration>,
}

impl Demand {
    /// Adds what another demands.
    pub fn join(&mut self, other: &Self) {
        self.at_least.extend_from_slice(&other.at_least);
        self.max_age = match (self.max_age, other.max_age) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}

/// How states are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Whether somebody follows the store, so that a state which was seen may be
    /// answered from. If not, every question looks.
    pub followed: bool,
    /// How long ago a state may have been the newest that is answered from without
    /// looking, where the action does not say.
    pub max_stale: Duration,
    /// The same for a store that does not tell what changes.
    pub untold_max_age: Duration,
    /// How long a state that a question demands is waited for.
    pub wait: Duration,
}

impl Freshness {
    /// Every question looks at the store.
    pub const EACH: Self = Self {
        followed: false,
        max_stale: Duration::ZERO,
        untold_max_age: Duration::ZERO,
        wait: Duration::from_secs(1),
    };
}

/// How often somebody who waits for a state looks.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// How often a question begins anew because the store changes beneath it, before it
/// reads a snapshot of its own and nothing from memory.
const MOVES: u32 = 3;

/// What a reading is made over.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// The states of it that were seen.
    pub timeline: &'a Timeline,
    /// What was loaded before.
    pub cache: &'a Cache,
    /// The policies that ask.
    pub bundle: &'a Bundle,
}

/// Why a reading cannot begin or go on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadingError {
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state that is demanded was not there in time.
    #[error("the tenancy store has not reached the state that was asked for")]
    Behind,
}

/// One state of a store.
pub struct Reading<'a> {
    pub(super) bundle: &'a Bundle,
    sources: Sources<'a>,
    /// The state; `None` where it is that of the snapshot alone.
    known: Option<Arc<Known>>,
    demand: &'a Demand,
    snapshot: Option<Box<dyn Snapshot>>,
    revision: Arc<str>,
    /// What was loaded for this reading.
    held: HashMap<Key, Result<Held, SliceError>>,
    moves: u32,
}

/// Whether what was gathered before still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// The state is the same.
    No,
    /// It is a later one: all has to be gathered anew.
    Yes,
}

impl<'a> Reading<'a> {
    /// Begins with the newest state that was seen, or looks for a newer one.
    ///
    /// # Errors
    /// A store that cannot be read, or not in a state such as is demanded.
    pub async fn begin(
        sources: Sources<'a>,
        freshness: &Freshness,
        demand: &'a Demand,
    ) -> Result<Self, ReadingError> {
        let mut reading = Self {
            bundle: sources.bundle,
            sources,
            known: None,
            demand,
            snapshot: None,
            revision: Arc::from(""),
            held: HashMap::new(),
            moves: 0,
        };
        if sources.cache.keeps()
            && let Some(known) = sources.timeline.now()
            && is_new_enough(&known, sources.store, freshness, demand)
            && holds(&known.revision, demand)
        {
            reading.revision = Arc::clone(known.revision.name());
            reading.known = Some(known);
            return Ok(reading);
        }
        let started = Instant::now();
        loop {
            match reading.look(true).await {
                Ok(()) => return Ok(reading),
                Err(ReadingError::Behind) if started.elapsed() < freshness.wait => {}
                Err(error) => return Err(error),
            }
            reading.snapshot = None;
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The name of the state.
    #[must_use]
    pub fn revision(&self) -> &Arc<str> {
        &self.revision
    }

    /// Begins a snapshot and places it. Where others are always faster, or nothing is
    /// kept in memory, the state is that of the snapshot alone.
    async fn look(&mut self, fresh: bool) -> Result<(), ReadingError> {
        let Sources {
            store,
            timeline,
            cache,
            bundle,
        } = self.sources;
        self.held.clear();
        while cache.keeps() && self.moves < MOVES {
            let since = timeline.now();
            let look = Look::now(store);
            let known = since.as_ref().map(|known| &known.revision);
            let snapshot = store.snapshot(&bundle.schema, known).await?;
            let place = timeline.advance(since.as_ref(), &*snapshot, look, fresh);
            if let Place::At(known) = place {
                let (revision, lag) = (known.revision.clone(), known.lag);
                self.known = Some(known);
                return self.take(snapshot, &revision, lag);
            }
            self.moves += 1;
        }
        let snapshot = store.snapshot(&bundle.schema, None).await?;
        let (revision, lag) = (snapshot.revision().clone(), snapshot.lag());
        self.known = None;
        self.take(snapshot, &revision, lag)
    }

    /// Takes a snapshot, if its state is what is demanded.
    fn take(
        &mut self,
        snapshot: Box<dyn Snapshot>,
        revision: &Revision,
        lag: Duration,
    ) -> Result<(), ReadingError> {
        let young = self.demand.max_age.is_none_or(|max_age| lag <= max_age);
        if !young || !holds(revision, self.demand) {
            return Err(ReadingError::Behind);
        }
        self.revision = Arc::clone(revision.name());
        self.snapshot = Some(snapshot);
        Ok(())
    }

    /// What is at hand of a key; `None` where it has to be loaded.
    pub(super) fn get(&self, key: KeyRef<'_>) -> Result<Option<Held>, SliceError> {
        if !self.held.is_empty()
            && let Some(held) = self.held.get(&key.to_owned())
        {
            return held.clone().map(Some);
        }
        let Sources {
            cache, timeline, ..
        } = self.sources;
        Ok(self
            .known
            .as_ref()
            .and_then(|known| cache.get(key, known.epoch, timeline)))
    }

    /// Loads what is missing, or waits while others load all of it.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn load(&mut self, missing: Vec<Missing>) -> Result<Moved, ReadingError> {
        let mut missing = missing;
        let mut seen = std::collections::HashSet::new();
        missing.retain(|missing| seen.insert(missing.key.clone()));
        drop(seen);
        let Some(known) = self.known.clone() else {
            self.read(missing, None).await?;
            return Ok(Moved::No);
        };
        let keys: Vec<Key> = missing.iter().map(|missing| missing.key.clone()).collect();
        let cache = self.sources.cache;
        let (claim, others): (Claim<'_>, Vec<watch::Receiver<()>>) = cache.claim(&keys);
        if claim.keys.is_empty() {
            // INVARIANT: nobody waits for others while holding a snapshot, or all
            // connections could be held by those who wait.
            self.snapshot = None;
            for mut other in others {
                // Closed when the other has ended, well or not.
                let _ = other.changed().await;
            }
            return Ok(Moved::No);
        }
        if self.snapshot.is_none() {
            let epoch = known.epoch;
            self.look(false).await?;
            if self.known.as_ref().map(|known| known.epoch) != Some(epoch) {
                self.moves += 1;
                return Ok(Moved::Yes);
            }
        }
        // What others are loading too is read as well: see above.
        let epoch = self.known.as_ref().map(|known| known.epoch);
        self.read(missing, epoch).await?;
        drop(claim);
        Ok(Moved::No)
    }

    /// Ids that a search wants to look at, of the state of this reading; `None` where
    /// a later state has taken its place, and all has to be gathered anew.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn candidates(
        &mut self,
        wanted: &Candidates,
    ) -> Result<Option<Vec<String>>, ReadingError> {
        if self.snapshot.is_none() {
            let before = self.known.as_ref().map(|known| known.epoch);
            self.look(false).await?;
            if self.known.as_ref().map(|known| known.epoch) != before {
                self.moves += 1;
                return Ok(None);
            }
        }
        Ok(Some(
            snapshot(&mut self.snapshot)?.candidates(wanted).await?,
        ))
    }

    /// Which entity has an attribute, where that was looked up in this state before.
    pub(super) fn remembered(&self, lookup: &Lookup) -> Option<Option<EntityUid>> {
        let known = self.known.as_ref()?;
        self.sources.cache.find(lookup, known.epoch)
    }

    pub(super) fn remember(&self, lookup: &Lookup, found: &Option<EntityUid>) {
        if let Some(known) = &self.known {
            let cache = self.sources.cache;
            cache.keep(lookup.clone(), known.epoch, found.clone());
        }
    }

    /// How candidates are looked for, for a reader; `None` where all are looked at.
    #[must_use]
    pub fn statement(&self, wanted: &Candidates) -> Option<String> {
        self.snapshot.as_ref()?.statement(wanted)
    }

    /// Reads from the snapshot, and keeps what is of an epoch's state.
    async fn read(
        &mut self,
        missing: Vec<Missing>,
        epoch: Option<u64>,
    ) -> Result<(), ReadingError> {
        let mut entities: Vec<EntityUid> = Vec::new();
        let mut tags: Vec<(EntityUid, TagKeys)> = Vec::new();
        let mut bases: HashMap<EntityUid, Arc<Loaded>> = HashMap::new();
        for Missing { key, base } in missing {
            match key.tags {
                None => entities.push(key.uid),
                Some(keys) => {
                    let base = match base {
                        Some(base) => Some(base),
                        None => {
                            let key = KeyRef {
                                uid: &key.uid,
                                tags: None,
                            };
                            self.get(key).ok().flatten().flatten()
                        }
                    };
                    match base {
                        Some(base) => {
                            bases.insert(key.uid.clone(), base);
                            tags.push((key.uid, keys));
                        }
                        // Not in memory any more: once more from the beginning.
                        None => entities.push(key.uid),
                    }
                }
            }
        }
        self.read_entities(&entities, epoch).await?;
        self.read_tags(&tags, &bases, epoch).await
    }

    async fn read_entities(
        &mut self,
        uids: &[EntityUid],
        epoch: Option<u64>,
    ) -> Result<(), ReadingError> {
        if uids.is_empty() {
            return Ok(());
        }
        let rows = match snapshot(&mut self.snapshot)?.entities(uids).await {
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
        for (uid, row) in uids.iter().zip(rows) {
            let held = row.and_then(|row| {
                row.or_else(|| self.when_absent(uid))
                    .map(|row| self.checked(row))
                    .transpose()
            });
            let key = Key {
                uid: uid.clone(),
                tags: None,
            };
            self.hold(key, held, epoch);
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
        let found = match snapshot(&mut self.snapshot)?.tags(wanted).await {
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
        for ((uid, keys), tags) in wanted.iter().zip(found) {
            let Some(base) = bases.get(uid) else { continue };
            let held = tags.and_then(|tags| {
                let row = Row {
                    tags,
                    ..base.row.clone()
                };
                self.checked(row).map(Some)
            });
            let key = Key {
                uid: uid.clone(),
                tags: Some(keys.clone()),
            };
            self.hold(key, held, epoch);
        }
        Ok(())
    }

    fn hold(&mut self, key: Key, held: Result<Held, SliceError>, epoch: Option<u64>) {
        if let (Some(epoch), Ok(held)) = (epoch, &held) {
            self.sources.cache.put(key.clone(), epoch, held.clone());
        }
        self.held.insert(key, held);
    }

    /// The row of an id that the store does not hold, for a type whose ids are
    /// never unknown.
    fn when_absent(&self, uid: &EntityUid) -> Option<Row> {
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
    pub(super) fn checked(&self, row: Row) -> Result<Arc<Loaded>, SliceError> {
        let unfit = |error: &dyn std::fmt::Display| SliceError::Unfit(error.to_string());
        let entity = row.to_entity().map_err(|error| unfit(&error))?;
        Entities::from_entities([entity.clone()], Some(self.bundle.schema.cedar()))
            .map_err(|error| unfit(&error))?;
        Ok(Arc::new(Loaded {
            row,
            entity: entity.into(),
        }))
    }
}

fn snapshot(
    snapshot: &mut Option<Box<dyn Snapshot>>,
) -> Result<&mut Box<dyn Snapshot>, StoreError> {
    snapshot
        .as_mut()
        .ok_or_else(|| StoreError::Unavailable("no snapshot was begun".to_owned()))
}

/// Whether a state that was seen may be answered from without looking again.
fn is_new_enough(known: &Known, store: &dyn Store, freshness: &Freshness, demand: &Demand) -> bool {
    // Nothing was written since: it is the newest.
    if known.mark.is_some() {
        return store.mark() == known.mark;
    }
    let age = known.looked.elapsed();
    freshness.followed
        && age <= freshness.max_stale
        && (known.told || age <= freshness.untold_max_age)
        && demand
            .max_age
            .is_none_or(|max_age| age + known.lag <= max_age)
}

/// A revision of another kind of store is held by no state.
fn holds(revision: &Revision, demand: &Demand) -> bool {
    let mut wanted = demand.at_least.iter();
    wanted.all(|wanted| revision.holds(wanted) == Some(true))
}
