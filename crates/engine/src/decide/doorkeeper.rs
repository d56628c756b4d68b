//! The doorkeeper of a memory, as TinyLFU has one: once the memory is full, only those enter that came before, not
//! long ago.
//!
//! To keep an answer takes longer than to look for it. Where questions seldom come twice while there is room for
//! them, to keep each would cost more than it saves.

use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicU64, Ordering};

/// Comers that are remembered, about. Each has one place, and a later one of the same place takes it.
const PLACES: usize = 1024;

/// A memory is full from this part of its capacity on, in sixteenths: its weight is counted late.
const FULL: u64 = 15;

pub(super) struct Doorkeeper {
    full: u64,
    comers: Box<[AtomicU64]>,
    /// Seeded, since texts and ids come from callers.
    hasher: foldhash::quality::RandomState,
}

impl Doorkeeper {
    /// For a memory of so many bytes.
    pub(super) fn new(capacity: u64) -> Self {
        Self {
            full: capacity / 16 * FULL,
            comers: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            hasher: foldhash::quality::RandomState::default(),
        }
    }

    /// Returns true if there is room in the memory, of which so many bytes are used, or if the same came before.
    pub(super) fn admits(&self, used: u64, comer: &impl Hash) -> bool {
        if used < self.full {
            return true;
        }
        let hash = self.hasher.hash_one(comer);
        let place = usize::try_from(hash % PLACES as u64).unwrap_or_default();
        let place = self.comers.get(place);
        place.is_some_and(|place| place.swap(hash, Ordering::Relaxed) == hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_enter_while_there_is_room() {
        let doorkeeper = Doorkeeper::new(1600);
        assert!((0..10_000).all(|comer: u32| doorkeeper.admits(1499, &comer)));
    }

    #[test]
    fn a_full_memory_is_for_those_who_came_before() {
        let doorkeeper = Doorkeeper::new(1600);
        assert!(!doorkeeper.admits(1500, &"first"));
        assert!(doorkeeper.admits(1500, &"first"));
    }

    #[test]
    fn those_who_come_once_among_many_do_not_enter() {
        let doorkeeper = Doorkeeper::new(0);
        for round in 0..3 {
            let admitted = (0..20_000).filter(|comer: &u32| doorkeeper.admits(0, comer));
            assert_eq!(admitted.count(), 0, "{round}");
        }
    }
}
