//! Entities in memory, each with the epoch of the store that it was read in.
//!
//! INVARIANT: the entities of a cache are of one store, and all were read and checked
//! under one schema; and an entity counts only while the [`Timeline`] has
//! noted no change of it. What failed to load is not in it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use cedar_policy::EntityUid;
use tokio::sync::watch;

use super::links::LinkTable;
use super::loaded::{EntityKey, EntityKeyRef, Held};
use super::lookup::{Holder, Lookup};
use super::timeline::{MarkPlace, Timeline};
use crate::store::links_entity;

/// The memory that an entry takes beside its contents, in bytes: its key, and the notes by which
/// the cache chooses the entries to drop. Measured, as the weights of values are.
pub const ENTRY_BYTES: usize = 560;

/// The part of the memory that is for entities by an attribute: one of so many.
const LOOKUPS: u64 = 16;

#[derive(Clone, Debug)]
struct CacheEntry {
    /// The epoch whose state it is.
    epoch: u64,
    /// Where changes of its ancestors are noted that may be in others, and it with them; `None` where there are
    /// none.
    above: Option<Arc<[MarkPlace]>>,
    held: Held,
}

/// The entities for one Bundle. Bounded by bytes; the least used goes first.
#[derive(Debug)]
pub struct Cache {
    /// Shared with the Bundles before and after that have the same schema.
    entities: Arc<SharedEntities>,
    /// The links of templates, with the epoch that they were read in.
    links: ArcSwapOption<(u64, Arc<LinkTable>)>,
}

#[derive(Debug)]
struct SharedEntities {
    entries: Option<moka::sync::Cache<EntityKey, CacheEntry, foldhash::quality::RandomState>>,
    /// Entities by an attribute, each with the epoch that it was found in.
    lookups: moka::sync::Cache<Lookup, (u64, Holder)>,
    /// Keys that somebody is loading, and how to learn that it has ended.
    loading: Mutex<HashMap<EntityKey, watch::Receiver<()>, foldhash::quality::RandomState>>,
    counts: Arc<CacheCounts>,
}

/// How often caches helped: one, and those that took its place.
#[derive(Debug, Default)]
pub(crate) struct CacheCounts {
    hits: AtomicU64,
    misses: AtomicU64,
}

/// The contents of a cache, and how often it helped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheStats {
    /// Look-ups that found an entity, or that there is none; also those of caches before it.
    pub hits: u64,
    /// Look-ups that had to ask the store; also those of caches before it.
    pub misses: u64,
    /// Entries.
    pub entries: u64,
    /// About how many bytes they take.
    pub bytes: u64,
}

impl Cache {
    /// A cache of at most `bytes`; with 0, one that keeps nothing.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self::counting(bytes, Arc::default())
    }

    /// The same, to take the place of a cache with these counts.
    pub(crate) fn counting(bytes: u64, counts: Arc<CacheCounts>) -> Self {
        let of_lookups = bytes / LOOKUPS;
        let entries = (bytes > 0).then(|| {
            moka::sync::Cache::builder()
                .max_capacity(bytes - of_lookups)
                .weigher(|key: &EntityKey, entry: &CacheEntry| {
                    let above = entry.above.as_deref().map_or(0, size_of_val);
                    let weight = ENTRY_BYTES + key.weight() + above + entry.held.weight();
                    u32::try_from(weight).unwrap_or(u32::MAX)
                })
                // Ids come from callers: seeded, and faster than the default.
                .build_with_hasher(foldhash::quality::RandomState::default())
        });
        let entities = SharedEntities {
            entries,
            lookups: moka::sync::Cache::builder()
                .max_capacity(of_lookups)
                .weigher(|lookup: &Lookup, (_, holder): &(u64, Holder)| {
                    let weight = ENTRY_BYTES + lookup.weight() + holder.weight();
                    u32::try_from(weight).unwrap_or(u32::MAX)
                })
                .build(),
            loading: Mutex::default(),
            counts,
        };
        Self {
            entities: Arc::new(entities),
            links: ArcSwapOption::empty(),
        }
    }

    /// The same entities for another Bundle, which has the same schema, over the same store.
    pub(crate) fn for_same_schema(&self) -> Self {
        Self {
            entities: Arc::clone(&self.entities),
            links: ArcSwapOption::empty(),
        }
    }

    /// Its counts, for the one that takes its place.
    pub(crate) fn counts(&self) -> Arc<CacheCounts> {
        Arc::clone(&self.entities.counts)
    }

    /// Returns true if it keeps anything.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.entities.entries.is_some()
    }

    /// The entity of a key in an epoch, if that is known.
    pub(super) fn get(
        &self,
        key: EntityKeyRef<'_>,
        epoch: u64,
        timeline: &Timeline,
    ) -> Option<Held> {
        let found = self.current(key, epoch, timeline);
        let counts = &self.entities.counts;
        let counter = match found {
            Some(_) => &counts.hits,
            None => &counts.misses,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// The same of all tags of an entity together. Where it is not known, they are looked up by their keys
    /// as well, so that only those are counted.
    pub(super) fn whole(&self, uid: &EntityUid, epoch: u64, timeline: &Timeline) -> Option<Held> {
        let found = self.current(EntityKeyRef::whole(uid), epoch, timeline);
        if let Some(Held::Entity(_)) = found {
            let hits = &self.entities.counts.hits;
            hits.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    fn current(&self, key: EntityKeyRef<'_>, epoch: u64, timeline: &Timeline) -> Option<Held> {
        let entry = self.entities.entries.as_ref()?.get(&key)?;
        let is_current = timeline.is_current(key.uid, entry.epoch, epoch)
            && entry
                .above
                .as_deref()
                .is_none_or(|above| timeline.are_current(above, entry.epoch, epoch));
        is_current.then_some(entry.held)
    }

    /// Keeps an entity that a snapshot has read, whose state is that of the epoch. It takes
    /// the place of one that was read later, if that is there: a miss for others, and
    /// never wrong.
    pub(super) fn put(
        &self,
        key: EntityKey,
        epoch: u64,
        above: Option<Arc<[MarkPlace]>>,
        held: Held,
    ) {
        if let Some(entries) = &self.entities.entries {
            entries.insert(key, CacheEntry { epoch, above, held });
        }
    }

    /// The links of templates in an epoch, if they are known.
    pub(super) fn links(&self, epoch: u64, timeline: &Timeline) -> Option<Arc<LinkTable>> {
        let kept = self.links.load();
        let (read, table) = &**kept.as_ref()?;
        let is_current = timeline.is_current(links_entity()?, *read, epoch);
        is_current.then(|| Arc::clone(table))
    }

    /// Keeps the links that were read by a snapshot whose state is that of the epoch.
    pub(super) fn keep_links(&self, epoch: u64, table: Arc<LinkTable>) {
        if self.keeps() {
            self.links.store(Some(Arc::new((epoch, table))));
        }
    }

    /// The entity that has an attribute, where that was looked up in this epoch.
    pub(super) fn find(&self, lookup: &Lookup, epoch: u64) -> Option<Holder> {
        let (of, holder) = self.entities.lookups.get(lookup)?;
        (of == epoch).then_some(holder)
    }

    /// Keeps the holder that a snapshot has found, whose state is that of the epoch.
    pub(super) fn keep(&self, lookup: Lookup, epoch: u64, holder: Holder) {
        if self.keeps() {
            self.entities.lookups.insert(lookup, (epoch, holder));
        }
    }

    /// Announces that keys are going to be loaded: those that nobody is loading yet,
    /// and how to wait for the others.
    pub(super) fn claim(&self, keys: &[EntityKey]) -> (Claim<'_>, Vec<watch::Receiver<()>>) {
        let (sender, receiver) = watch::channel(());
        let mut loading = self.loading();
        let (mut mine, mut others) = (Vec::new(), Vec::new());
        for key in keys {
            if let Some(other) = loading.get(key) {
                others.push(other.clone());
            } else {
                loading.insert(key.clone(), receiver.clone());
                mine.push(key.clone());
            }
        }
        let claim = Claim {
            cache: self,
            keys: mine,
            _ended: sender,
        };
        (claim, others)
    }

    fn loading(
        &self,
    ) -> std::sync::MutexGuard<
        '_,
        HashMap<EntityKey, watch::Receiver<()>, foldhash::quality::RandomState>,
    > {
        let loading = self.entities.loading.lock();
        loading.unwrap_or_else(PoisonError::into_inner)
    }

    /// Its contents, and how often it helped.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        let SharedEntities {
            entries, counts, ..
        } = &*self.entities;
        // Entries are counted late otherwise.
        if let Some(entries) = entries {
            entries.run_pending_tasks();
        }
        CacheStats {
            hits: counts.hits.load(Ordering::Relaxed),
            misses: counts.misses.load(Ordering::Relaxed),
            entries: entries.as_ref().map_or(0, moka::sync::Cache::entry_count),
            bytes: entries.as_ref().map_or(0, moka::sync::Cache::weighted_size),
        }
    }
}

/// Keys that are being loaded. However it ends, others are told.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    cache: &'a Cache,
    pub(super) keys: Vec<EntityKey>,
    /// Closes the channel that others wait on.
    _ended: watch::Sender<()>,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut loading = self.cache.loading();
        for key in &self.keys {
            loading.remove(key);
        }
    }
}
