//! Reading one state of the store: what is in memory of it, and a snapshot for the
//! rest.
//!
//! A question begins in the newest state that was seen, if that is new enough, and
//! needs no snapshot while all that it looks at is in memory. With the first thing
//! that is not, a snapshot is begun and placed on the [`Timeline`]. Where it shows
//! changes, the question moves to its state and begins anew, so that everything an
//! answer rests on is of one state.

mod fetch;
mod few_tags;
mod look_up;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use cedar_policy::{EntityTypeName, EntityUid};
use tokio::sync::watch;

use super::cache::{Cache, Claim};
use super::error::{ReadingError, SliceError};
use super::freshness::{Demand, Freshness};
use super::links::LinkTable;
use super::loaded::{EntityKey, EntityKeyRef, Held, Missing};
use super::look::{Known, LastNewest, Look};
use super::lookup::{Holder, Lookup};
use super::timeline::{MarkPlace, SnapshotPlace, Timeline};
use super::waits::{StoreWait, StoreWaits};
use crate::moment::Moment;
use crate::policy::Bundle;
use crate::schema::{LINKS_VIEW, Row};
use crate::stages::{OngoingStage, Stage, Stages};
use crate::store::{
    Candidates, LINKS_COLUMNS, LinksView, Revision, Snapshot, Store, StoreError, links_entity,
};

/// How often somebody who waits for a state looks.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// How often a question begins anew because the store changes beneath it, before it
/// reads a snapshot of its own and nothing from memory.
const MOVES: u32 = 3;

/// The parts that a reading is made over.
#[derive(Clone, Copy)]
pub(crate) struct ReadingSources<'a> {
    pub(crate) store: &'a dyn Store,
    /// The states of the store that were seen.
    pub(crate) timeline: &'a Timeline,
    /// The entities that were loaded before.
    pub(crate) cache: &'a Cache,
    /// The policies that ask.
    pub(crate) bundle: &'a Bundle,
    /// Those that wait for the store.
    pub(crate) waits: &'a Arc<StoreWaits>,
    /// Receives the times at which the store is read.
    pub(crate) stages: Option<&'a Stages>,
}

/// One state of a store.
pub(crate) struct StateReading<'a> {
    pub(super) bundle: &'a Bundle,
    sources: ReadingSources<'a>,
    /// The state; `None` where it is that of the snapshot alone.
    known: Option<Arc<Known>>,
    demand: &'a Demand,
    freshness: Freshness,
    snapshot: Option<Box<dyn Snapshot>>,
    /// Counts it among those that wait for the store, from the first thing that is not in memory.
    wait: Option<StoreWait>,
    revision: Arc<str>,
    /// When the state was the newest.
    newest: LastNewest,
    /// The entities that were loaded for this reading.
    held: HashMap<EntityKey, Result<Held, SliceError>>,
    /// Entities whose tags cannot be read together, in this state or one before.
    one_by_one: HashSet<EntityUid>,
    /// True if something that was read at once was unusable: it is found by reading all apart.
    is_apart: bool,
    /// True if it looks at most entities once.
    is_of_search: bool,
    /// The links that were loaded for it.
    links: Option<Result<Arc<LinkTable>, SliceError>>,
    moves: u32,
    /// How often it began anew because a snapshot was of no state.
    again: u32,
}

/// A result of reading, unless the state has moved on.
#[derive(Clone, Debug)]
pub(crate) enum InState<T> {
    /// It is of the state that the reading had before.
    Same(T),
    /// A later state has taken its place: all has to be gathered anew.
    Moved,
}

/// The effect of loading on what was gathered before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// The state is the same.
    No,
    /// It is a later one: all has to be gathered anew.
    Yes,
}

impl<'a> StateReading<'a> {
    /// Begins with the newest state that was seen, or looks for a newer one.
    ///
    /// # Errors
    /// A store that cannot be read, or not in a state such as is demanded.
    pub(crate) async fn begin(
        sources: ReadingSources<'a>,
        freshness: &Freshness,
        demand: &'a Demand,
    ) -> Result<Self, ReadingError> {
        let look = Look::now(sources.store);
        let mut reading = Self {
            bundle: sources.bundle,
            sources,
            known: None,
            demand,
            freshness: *freshness,
            snapshot: None,
            wait: None,
            revision: Arc::from(""),
            newest: LastNewest {
                looked: look.looked,
                lag: Duration::MAX,
            },
            held: HashMap::new(),
            one_by_one: HashSet::new(),
            is_apart: false,
            is_of_search: false,
            links: None,
            moves: 0,
            again: 0,
        };
        if sources.cache.keeps()
            && let Some(known) = sources.timeline.now()
            && freshness.admits(&known, look, demand)
            && demand.is_held_by(&known.revision)
        {
            reading.newest = known.newest_by(look);
            reading.revision = Arc::clone(known.revision.name());
            reading.known = Some(known);
            reading.check_links()?;
            return Ok(reading);
        }
        let _reading_store = OngoingStage::begin(sources.stages, Stage::Store);
        loop {
            match reading.look(true).await {
                Ok(()) => {
                    reading.check_links()?;
                    return Ok(reading);
                }
                Err(ReadingError::Behind) if look.looked.elapsed() < freshness.wait => {}
                Err(error) => return Err(error),
            }
            // The store is not kept busy by those who wait for a state that has not come.
            (reading.snapshot, reading.wait) = (None, None);
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Checks that the policies and the store say the same of links: a set that does not know of those in the
    /// store would decide as if there were none.
    fn check_links(&self) -> Result<(), StoreError> {
        let problem = links_misfit(self.bundle, self.sources.store);
        problem.map_or(Ok(()), |problem| Err(StoreError::Misfit(problem)))
    }

    /// The receiver of the stages of decisions in this state.
    pub(crate) fn stages(&self) -> Option<&'a Stages> {
        self.sources.stages
    }

    /// The name of the state.
    pub(crate) fn revision(&self) -> &Arc<str> {
        &self.revision
    }

    /// How long ago the state was the newest, at most.
    pub(crate) fn age(&self) -> Duration {
        self.newest.age()
    }

    /// The epoch of the state; `None` where the state is that of the snapshot alone.
    pub(crate) fn epoch(&self) -> Option<u64> {
        self.known.as_ref().map(|known| known.epoch)
    }

    /// Where changes of entities, and of others that are looked for, are noted, and those of links, if any policy
    /// rests on some.
    pub(crate) fn marks<'u>(
        &self,
        rows: impl Iterator<Item = &'u Row>,
        others: impl Iterator<Item = &'u EntityUid>,
    ) -> Box<[MarkPlace]> {
        let timeline = self.sources.timeline;
        let links = links_entity().filter(|_| self.bundle.reads_links());
        let others = others.chain(links).map(|uid| timeline.mark_of(uid));
        let rows = rows.flat_map(|row| {
            let own = std::iter::once(timeline.mark_of(&row.uid));
            own.chain(self.marks_above(row))
        });
        rows.chain(others).collect()
    }

    /// Where changes of the ancestors of an entity are noted that may be in others themselves: with them its own
    /// ancestors change, and nothing is noted of it.
    fn marks_above(&self, row: &Row) -> impl Iterator<Item = MarkPlace> {
        let (schema, timeline) = (&self.bundle.schema, self.sources.timeline);
        let may_be_in_others = |uid: &&EntityUid| {
            let entity_type = schema.entity_type(uid.type_name());
            entity_type.is_some_and(|found| !found.member_of.is_empty())
        };
        let above = row.ancestors.iter().filter(may_be_in_others);
        above.map(|uid| timeline.mark_of(uid))
    }

    /// Returns true if the entities whose changes are noted there, and which were looked at in the epoch
    /// `read`, are the same in this state.
    pub(crate) fn are_current(&self, marks: &[MarkPlace], read: u64) -> bool {
        let timeline = self.sources.timeline;
        self.epoch()
            .is_some_and(|epoch| timeline.are_current(marks, read, epoch))
    }

    /// Counts it among those that wait for the store.
    ///
    /// # Errors
    /// Too many wait.
    fn wait(&mut self) -> Result<(), ReadingError> {
        if self.wait.is_none() {
            let wait = self.sources.waits.begin();
            self.wait = Some(wait.ok_or(ReadingError::Overloaded)?);
        }
        Ok(())
    }

    /// Begins a snapshot and places it. Where others are always faster, or nothing is
    /// kept in memory, the state is that of the snapshot alone.
    async fn look(&mut self, fresh: bool) -> Result<(), ReadingError> {
        let ReadingSources {
            store,
            timeline,
            cache,
            bundle,
            ..
        } = self.sources;
        self.wait()?;
        self.held.clear();
        self.links = None;
        while cache.keeps() && self.moves < MOVES {
            let since = timeline.now();
            let known = since.as_ref().map(|known| &known.revision);
            let (look, snapshot) = Look::at(store, &bundle.schema, known).await?;
            let place = timeline.advance(since.as_ref(), &*snapshot, look, fresh);
            if let SnapshotPlace::At(known) = place {
                let (revision, newest) = (known.revision.clone(), known.newest_by(look));
                self.known = Some(known);
                return self.take(snapshot, &revision, newest).await;
            }
            self.moves += 1;
        }
        let looked = Moment::now();
        let snapshot = store.snapshot(&bundle.schema, None).await?;
        let (revision, lag) = (snapshot.revision().clone(), snapshot.lag());
        self.known = None;
        let newest = LastNewest { looked, lag };
        self.take(snapshot, &revision, newest).await
    }

    /// Takes a snapshot, if its state is what is demanded.
    async fn take(
        &mut self,
        mut snapshot: Box<dyn Snapshot>,
        revision: &Revision,
        newest: LastNewest,
    ) -> Result<(), ReadingError> {
        for wanted in &self.demand.at_least {
            match snapshot.holds(wanted).await? {
                Some(true) => {}
                Some(false) => return Err(ReadingError::Behind),
                None => return Err(ReadingError::AnotherHistory),
            }
        }
        let LastNewest { looked, mut lag } = newest;
        if !self.demand.admits(lag) || !self.freshness.admits_lag(lag) {
            lag = snapshot.newest().await?.ok_or(ReadingError::Replaced)?;
        }
        if !self.demand.admits(lag) {
            return Err(ReadingError::Behind);
        }
        self.revision = Arc::clone(revision.name());
        self.newest = LastNewest { looked, lag };
        self.snapshot = Some(snapshot);
        if let Some(wait) = &mut self.wait {
            wait.has_read();
        }
        Ok(())
    }

    /// Returns true if an entity of that type that the store does not hold is none.
    pub(super) fn tells_absence(&self, name: &EntityTypeName) -> bool {
        self.sources.store.tells_absence(name)
    }

    /// The entity of a key, if it is at hand; `None` where it has to be loaded.
    pub(super) fn get(&self, key: EntityKeyRef<'_>) -> Result<Option<Held>, SliceError> {
        if !self.held.is_empty()
            && let Some(held) = self.held.get(&key.to_owned())
        {
            return held.clone().map(Some);
        }
        let ReadingSources {
            cache, timeline, ..
        } = self.sources;
        Ok(self
            .known
            .as_ref()
            .and_then(|known| cache.get(key, known.epoch, timeline)))
    }

    /// The links of templates, if they are at hand; `None` where they have to be loaded.
    ///
    /// # Errors
    /// Links that cannot be read.
    pub(crate) fn links(&self) -> Result<Option<Arc<LinkTable>>, SliceError> {
        if let Some(links) = &self.links {
            return links.clone().map(Some);
        }
        let ReadingSources {
            cache, timeline, ..
        } = self.sources;
        let known = self.known.as_ref();
        Ok(known.and_then(|known| cache.links(known.epoch, timeline)))
    }

    /// The links, to be loaded.
    pub(crate) fn missing_links() -> Option<Missing> {
        links_entity().map(Missing::links)
    }

    /// Loads what is missing, or waits while others load all of it.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub(crate) async fn load(&mut self, missing: Vec<Missing>) -> Result<Moved, ReadingError> {
        let _reading_store = OngoingStage::begin(self.sources.stages, Stage::Store);
        let mut missing = missing;
        let mut seen = HashSet::new();
        missing.retain(|missing| seen.insert(missing.key.clone()));
        drop(seen);
        let Some(known) = self.known.clone() else {
            return match self.fetch(missing, None).await {
                Ok(()) => Ok(Moved::No),
                Err(error) => self.look_again(error).await.map(|()| Moved::Yes),
            };
        };
        let keys: Vec<EntityKey> = missing.iter().map(Missing::claimed).collect();
        let cache = self.sources.cache;
        let (claim, others): (Claim<'_>, Vec<watch::Receiver<()>>) = cache.claim(&keys);
        if claim.keys.is_empty() {
            // INVARIANT: nobody waits for others while holding a snapshot, or all
            // connections could be held by those who wait.
            self.snapshot = None;
            let _following = self.wait.is_none().then(|| self.sources.waits.follow());
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
        // Keys that others are loading are read as well: see above.
        let epoch = self.known.as_ref().map(|known| known.epoch);
        let fetched = self.fetch(missing, epoch).await;
        drop(claim);
        match fetched {
            Ok(()) => Ok(Moved::No),
            Err(error) => self.look_again(error).await.map(|()| Moved::Yes),
        }
    }

    /// Takes a new snapshot in the place of one that was of no state, a few times at most.
    ///
    /// # Errors
    /// Any other error, as it is.
    async fn look_again(&mut self, error: ReadingError) -> Result<(), ReadingError> {
        match error {
            ReadingError::Store(StoreError::Moved(_)) if self.again < MOVES => {
                self.again += 1;
                self.snapshot = None;
                self.look(false).await
            }
            error => Err(error),
        }
    }

    /// Ids that a search wants to look at.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub(crate) async fn candidates(
        &mut self,
        wanted: &Candidates,
    ) -> Result<InState<Vec<String>>, ReadingError> {
        let _reading_store = OngoingStage::begin(self.sources.stages, Stage::Store);
        if self.snapshot.is_none() {
            let before = self.known.as_ref().map(|known| known.epoch);
            self.look(false).await?;
            if self.known.as_ref().map(|known| known.epoch) != before {
                self.moves += 1;
                return Ok(InState::Moved);
            }
        }
        match self.snapshot()?.candidates(wanted).await {
            Ok(ids) => Ok(InState::Same(ids)),
            Err(error) => {
                self.look_again(error.into()).await?;
                Ok(InState::Moved)
            }
        }
    }

    /// The entity that has an attribute, where that was looked up in this state before.
    pub(super) fn remembered(&self, lookup: &Lookup) -> Option<Holder> {
        let known = self.known.as_ref()?;
        self.sources.cache.find(lookup, known.epoch)
    }

    pub(super) fn remember(&self, lookup: &Lookup, holder: &Holder) {
        if let Some(known) = &self.known {
            let cache = self.sources.cache;
            cache.keep(lookup.clone(), known.epoch, holder.clone());
        }
    }

    /// How candidates are looked for, for a reader; `None` where all are looked at.
    pub(crate) fn statement(&self, wanted: &Candidates) -> Option<String> {
        self.snapshot.as_ref()?.statement(wanted)
    }

    fn snapshot(&mut self) -> Result<&mut Box<dyn Snapshot>, StoreError> {
        self.snapshot
            .as_mut()
            .ok_or_else(|| StoreError::Unavailable("no snapshot was begun".to_owned()))
    }
}

/// The warning that nobody reads the links of a store: no question could be meant for them, so none is refused.
pub(crate) fn unread_links(bundle: &Bundle, store: &dyn Store) -> Option<String> {
    let is_there = bundle.passes_over_links() && store.links_view() == LinksView::There;
    is_there.then(|| {
        format!(
            "there is a view `{LINKS_VIEW}`, and the policies have no templates: nobody reads its links; if that is \
             meant, write `link = []` and `stored = false` in `links.toml`"
        )
    })
}

/// Why policies and a store do not fit together, as far as links of templates go.
pub(crate) fn links_misfit(bundle: &Bundle, store: &dyn Store) -> Option<String> {
    let (reads, leaves_open) = (bundle.reads_links(), bundle.leaves_links_open());
    if !reads && !leaves_open {
        return None;
    }
    match store.links_view() {
        LinksView::Absent if reads => Some(format!(
            "`links.toml` says `stored = true`, and there is no view `{LINKS_VIEW}` with the columns `{}`",
            LINKS_COLUMNS.join("`, `")
        )),
        LinksView::There if leaves_open => Some(format!(
            "there is a view `{LINKS_VIEW}`, and the policies have templates and do not say if it is theirs: write \
             `stored = true` in `links.toml`, or `stored = false`"
        )),
        _ => None,
    }
}
