//! Entities in memory, each as it was in one state of the store.
//!
//! INVARIANT: a cache belongs to one Bundle, so all its entities were read and
//! checked under one schema; and a key has the state of the store, so an entity
//! is never used with another state than it was read from. What failed to load
//! is not in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cedar_policy::EntityUid;

use crate::schema::{Row, SharedEntity};
use crate::store::TagKeys;

/// An entity that is there.
#[derive(Debug)]
pub struct Loaded {
    /// As the store says, with the tags of its key.
    pub row: Row,
    /// As Cedar takes it.
    pub entity: SharedEntity,
}

/// What is known of a key: an entity, or that there is none.
pub(super) type Known = Option<Arc<Loaded>>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) stamp: Option<u64>,
    pub(super) uid: EntityUid,
    /// `None` for the entity without tags.
    pub(super) tags: Option<TagKeys>,
}

/// Bounded by bytes; the least used goes first.
#[derive(Debug)]
pub struct Cache {
    entries: Option<moka::sync::Cache<Key, Known, foldhash::quality::RandomState>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What a cache holds and how often it helped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheStats {
    /// Look-ups that found an entity, or that there is none.
    pub hits: u64,
    /// Look-ups that had to ask the store.
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
        let entries = (bytes > 0).then(|| {
            moka::sync::Cache::builder()
                .max_capacity(bytes)
                .weigher(|key: &Key, known: &Known| {
                    let weight = 128
                        + AsRef::<str>::as_ref(key.uid.id()).len()
                        + known.as_ref().map_or(0, |loaded| loaded.row.weight());
                    u32::try_from(weight).unwrap_or(u32::MAX)
                })
                // Ids come from callers: seeded, and faster than the default.
                .build_with_hasher(foldhash::quality::RandomState::default())
        });
        Self {
            entries,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Known> {
        let entries = self.entries.as_ref().filter(|_| key.stamp.is_some());
        let found = entries.and_then(|entries| entries.get(key));
        let counter = if found.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    pub(super) fn put(&self, key: Key, known: Known) {
        if let Some(entries) = self.entries.as_ref().filter(|_| key.stamp.is_some()) {
            entries.insert(key, known);
        }
    }

    /// What it holds and how often it helped.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        // Entries are counted late otherwise.
        if let Some(entries) = &self.entries {
            entries.run_pending_tasks();
        }
        CacheStats {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            entries: self
                .entries
                .as_ref()
                .map_or(0, moka::sync::Cache::entry_count),
            bytes: self
                .entries
                .as_ref()
                .map_or(0, moka::sync::Cache::weighted_size),
        }
    }
}
