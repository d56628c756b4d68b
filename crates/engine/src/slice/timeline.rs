//! Tells if an entity in memory is still as the store has it.
//!
//! Time is counted in epochs: a new one begins whenever a look at the store finds
//! something changed. An entity is kept with the epoch that it was read in, and of
//! every change the epoch is noted. So without a lock, and however slowly a reader
//! stores what it has read, an entity is taken for current only where nothing has
//! been noted for it since:
//!
//! INVARIANT: changes are noted before the epoch that they begin is published, and
//! an entity is kept under an epoch only by a reader whose snapshot is that epoch's
//! state.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use cedar_policy::EntityUid;

use super::look::{Known, Look};
use crate::store::{Changes, Snapshot, is_of_links, links_entity};

/// Places where changes are noted. Entities that share one are dropped together,
/// which costs a read and is never wrong.
const MARKS: usize = 1 << u16::BITS;

/// Where a [`Timeline`] notes changes of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MarkPlace(u16);

/// The states of a store as they were seen, one after the other.
#[derive(Debug)]
pub struct Timeline {
    now: ArcSwapOption<Known>,
    /// The epoch of the last change, by hash.
    marks: Box<[AtomicU64]>,
    /// Nothing that was read in an epoch before this one is current.
    floor: AtomicU64,
    turn: Mutex<()>,
    hasher: foldhash::quality::RandomState,
}

/// The place of a snapshot among the states that were seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotPlace {
    /// Its state is that of this epoch.
    At(Arc<Known>),
    /// Others have looked since it was begun, at states with changes that it may
    /// have or not.
    Overtaken,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            now: ArcSwapOption::empty(),
            marks: (0..MARKS).map(|_| AtomicU64::new(0)).collect(),
            floor: AtomicU64::new(0),
            turn: Mutex::new(()),
            hasher: foldhash::quality::RandomState::default(),
        }
    }
}

impl Timeline {
    /// The newest state that was seen; `None` before the first look.
    #[must_use]
    pub fn now(&self) -> Option<Arc<Known>> {
        self.now.load_full()
    }

    /// Places a snapshot, which was begun `since` a known state, after the `look`. Of a store that
    /// does not tell what changes, only a `fresh` look begins an epoch.
    ///
    /// This table is where freshness is right or wrong. The first row that matches counts.
    /// *Changes* are those of the snapshot; they are `Everything` where there is no `since`, or
    /// where the snapshot's revision does not follow that of `since`. *Overtaken* means that
    /// others have begun an epoch after `since`.
    ///
    /// | changes      | and                                  | overtaken | place | effect |
    /// |--------------|--------------------------------------|-----------|-------|--------|
    /// | `Nothing`    |                                      | no        | epoch of `since` | published, if the look is later and the revision follows |
    /// | `Nothing`    |                                      | yes       | epoch of `since` | none |
    /// | `Untold`     | the store's mark settles it, and is that of `since` | any | `since` | none |
    /// | `Untold`     | no mark settles it, not `fresh`      | any       | `since` | none |
    /// | any other    |                                      | yes       | overtaken | none: the changes may be known or not |
    /// | `Of(…)`      |                                      | no        | next epoch | each is marked, then the epoch is published |
    /// | `Everything`, `AnotherHistory` |                    | no        | next epoch | the floor is raised, then the epoch is published |
    /// | `Untold`     | another mark, or none that settles it and `fresh` | no | next epoch | the floor is raised, then the epoch is published |
    pub fn advance(
        &self,
        since: Option<&Arc<Known>>,
        snapshot: &dyn Snapshot,
        look: Look,
        fresh: bool,
    ) -> SnapshotPlace {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now.load_full();
        let epoch = |known: Option<&Arc<Known>>| known.map_or(0, |known| known.epoch);
        let same = epoch(now.as_ref()) == epoch(since);
        let told = *snapshot.changes() != Changes::Untold;
        let known = |epoch| {
            Arc::new(Known {
                epoch,
                revision: snapshot.revision().clone(),
                looked: look.looked,
                lag: snapshot.lag(),
                told,
                mark: look.mark,
            })
        };
        // A state that does not follow from the one before: restored from a backup,
        // another server, or one that lost something in a failover.
        let changes = match since {
            Some(since) if snapshot.revision().follows(&since.revision) => snapshot.changes(),
            _ => &Changes::Everything,
        };
        let before = since.filter(|since| {
            *snapshot.changes() == Changes::AnotherHistory
                || since.revision.history() != snapshot.revision().history()
        });
        match (changes, since) {
            (Changes::Nothing, Some(since)) => {
                let at = known(since.epoch);
                if let Some(now) = now.filter(|_| same) {
                    // Of two looks without changes between them, the later counts.
                    if at.revision.follows(&now.revision) && look.looked.is_after(now.looked) {
                        self.publish(Arc::clone(&at));
                    }
                }
                SnapshotPlace::At(at)
            }
            (Changes::Untold, Some(since))
                if match look.mark {
                    Some(mark) if mark.settles => since.mark == Some(mark),
                    _ => !fresh,
                } =>
            {
                SnapshotPlace::At(Arc::clone(since))
            }
            _ if !same => SnapshotPlace::Overtaken,
            (changes, _) => {
                if let Some(before) = before {
                    tracing::warn!(
                        before = %before.revision,
                        now = %snapshot.revision(),
                        "the tenancy store has another history now: it was restored or replaced; \
                         all entities in memory are dropped"
                    );
                }
                let next = epoch(since) + 1;
                match changes {
                    Changes::Of(uids) => {
                        for uid in uids {
                            self.mark(uid).store(next, Ordering::Release);
                        }
                        // Of links it is noted that some have changed.
                        if let Some(links) = links_entity()
                            && uids.iter().any(is_of_links)
                        {
                            self.mark(links).store(next, Ordering::Release);
                        }
                    }
                    _ => self.floor.store(next, Ordering::Release),
                }
                let at = known(next);
                self.publish(Arc::clone(&at));
                SnapshotPlace::At(at)
            }
        }
    }

    /// Returns true if an entity that was read in the epoch `read` is the same in the epoch
    /// `asked`.
    pub(super) fn is_current(&self, uid: &EntityUid, read: u64, asked: u64) -> bool {
        read <= asked
            && read >= self.floor.load(Ordering::Acquire)
            && read >= self.mark(uid).load(Ordering::Acquire)
    }

    /// Where changes of an entity are noted.
    pub(super) fn mark_of(&self, uid: &EntityUid) -> MarkPlace {
        MarkPlace(self.hasher.hash_one(uid) as u16)
    }

    /// The same as [`Timeline::is_current`] of all entities whose changes are noted in these places; of
    /// none, the floor counts alone.
    pub(super) fn are_current(&self, marks: &[MarkPlace], read: u64, asked: u64) -> bool {
        let is_noted = |mark: &MarkPlace| self.mark_at(*mark).load(Ordering::Acquire) > read;
        read <= asked && read >= self.floor.load(Ordering::Acquire) && !marks.iter().any(is_noted)
    }

    fn publish(&self, known: Arc<Known>) {
        self.now.store(Some(known));
    }

    fn mark(&self, uid: &EntityUid) -> &AtomicU64 {
        self.mark_at(self.mark_of(uid))
    }

    fn mark_at(&self, MarkPlace(place): MarkPlace) -> &AtomicU64 {
        // There are as many as the type of a place has values.
        self.marks.get(usize::from(place)).unwrap_or(&self.floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::Moment;
    use crate::schema::Row;
    use crate::store::{Candidates, Mark, Revision, StoreFuture, TagKeys, Tags};

    struct Seen(Revision, Changes);

    impl Snapshot for Seen {
        fn revision(&self) -> &Revision {
            &self.0
        }

        fn changes(&self) -> &Changes {
            &self.1
        }

        fn entities<'a>(&'a mut self, _: &'a [EntityUid]) -> StoreFuture<'a, Vec<Option<Row>>> {
            Box::pin(std::future::ready(Ok(Vec::new())))
        }

        fn tags<'a>(&'a mut self, _: &'a [(EntityUid, TagKeys)]) -> StoreFuture<'a, Vec<Tags>> {
            Box::pin(std::future::ready(Ok(Vec::new())))
        }

        fn candidates<'a>(&'a mut self, _: &'a Candidates) -> StoreFuture<'a, Vec<String>> {
            Box::pin(std::future::ready(Ok(Vec::new())))
        }

        fn statement(&self, _: &Candidates) -> Option<String> {
            None
        }
    }

    fn unmarked() -> Look {
        Look {
            looked: Moment::now(),
            mark: None,
        }
    }

    fn marked(mark: u8) -> Look {
        Look {
            mark: Some(Mark {
                bytes: [mark; 96],
                settles: true,
            }),
            ..unmarked()
        }
    }

    /// The store does not tell what changes. As long as its mark shows no write, loaded entities
    /// count; a write ends that.
    #[test]
    fn a_mark_tells_of_a_store_that_does_not() {
        let timeline = Timeline::default();
        let seen = |number| Seen(Revision::number(number), Changes::Untold);
        let first = at(timeline.advance(None, &seen(1), marked(1), true));
        let again = at(timeline.advance(Some(&first), &seen(1), marked(1), true));
        assert_eq!(again.epoch, first.epoch);
        let changed = at(timeline.advance(Some(&first), &seen(1), marked(2), false));
        assert_eq!(changed.epoch, first.epoch + 1);
        assert!(!timeline.is_current(&uid("a"), first.epoch, changed.epoch));
    }

    fn uid(id: &str) -> EntityUid {
        format!("User::\"{id}\"").parse().unwrap()
    }

    fn look(
        timeline: &Timeline,
        since: Option<&Arc<Known>>,
        number: u64,
        changes: Changes,
    ) -> SnapshotPlace {
        let seen = Seen(Revision::number(number), changes);
        timeline.advance(since, &seen, unmarked(), false)
    }

    fn at(place: SnapshotPlace) -> Arc<Known> {
        match place {
            SnapshotPlace::At(known) => known,
            SnapshotPlace::Overtaken => panic!("overtaken"),
        }
    }

    #[test]
    fn what_changed_is_not_current_any_more_and_the_rest_is() {
        let timeline = Timeline::default();
        let first = at(look(&timeline, None, 1, Changes::Everything));
        assert!(timeline.is_current(&uid("a"), first.epoch, first.epoch));
        let second = at(look(
            &timeline,
            Some(&first),
            2,
            Changes::Of(vec![uid("a")]),
        ));
        assert!(!timeline.is_current(&uid("a"), first.epoch, second.epoch));
        assert!(timeline.is_current(&uid("b"), first.epoch, second.epoch));
        assert!(timeline.is_current(&uid("a"), second.epoch, second.epoch));
    }

    /// A reader of the state before that stores late stores nothing that counts.
    #[test]
    fn what_a_slow_reader_keeps_is_not_current() {
        let timeline = Timeline::default();
        let first = at(look(&timeline, None, 1, Changes::Everything));
        let slow = at(look(&timeline, Some(&first), 1, Changes::Nothing));
        let second = at(look(
            &timeline,
            Some(&first),
            2,
            Changes::Of(vec![uid("a")]),
        ));
        assert!(!timeline.is_current(&uid("a"), slow.epoch, second.epoch));
        // Nor does the slow reader take what was read later for its own state.
        assert!(!timeline.is_current(&uid("a"), second.epoch, slow.epoch));
        assert!(!timeline.is_current(&uid("b"), second.epoch, slow.epoch));
    }

    #[test]
    fn a_look_with_changes_that_others_have_overtaken_has_no_place() {
        let timeline = Timeline::default();
        let first = at(look(&timeline, None, 1, Changes::Everything));
        at(look(
            &timeline,
            Some(&first),
            3,
            Changes::Of(vec![uid("a")]),
        ));
        let late = look(&timeline, Some(&first), 2, Changes::Of(vec![uid("b")]));
        assert_eq!(late, SnapshotPlace::Overtaken);
        assert_eq!(
            look(&timeline, None, 1, Changes::Everything),
            SnapshotPlace::Overtaken
        );
    }

    #[test]
    fn everything_changed_leaves_nothing_current() {
        let timeline = Timeline::default();
        let first = at(look(&timeline, None, 1, Changes::Everything));
        let second = at(look(&timeline, Some(&first), 2, Changes::Everything));
        for id in ["a", "b"] {
            assert!(!timeline.is_current(&uid(id), first.epoch, second.epoch));
        }
    }

    #[test]
    fn a_look_without_changes_moves_the_time_of_what_is_known() {
        let timeline = Timeline::default();
        let first = at(look(&timeline, None, 1, Changes::Everything));
        let second = at(look(&timeline, Some(&first), 1, Changes::Nothing));
        let now = timeline.now().unwrap();
        assert_eq!((now.epoch, &*now), (first.epoch, &*second));
        assert!(!first.looked.is_after(now.looked));
    }

    /// A snapshot of an older state than the newest one that was seen does not turn
    /// its name back.
    #[test]
    fn the_state_never_goes_back() {
        let timeline = Timeline::default();
        let first = at(look(&timeline, None, 1, Changes::Everything));
        at(look(&timeline, Some(&first), 5, Changes::Nothing));
        at(look(&timeline, Some(&first), 3, Changes::Nothing));
        assert_eq!(timeline.now().unwrap().revision, Revision::number(5));
    }

    #[test]
    fn only_a_fresh_look_at_a_store_that_tells_nothing_begins_an_epoch() {
        let timeline = Timeline::default();
        let first = at(look(&timeline, None, 1, Changes::Untold));
        let second = at(look(&timeline, Some(&first), 2, Changes::Untold));
        assert_eq!(second, first);
        let fresh = Seen(Revision::number(3), Changes::Untold);
        let third = at(timeline.advance(Some(&first), &fresh, unmarked(), true));
        assert_eq!(third.epoch, first.epoch + 1);
        assert!(!timeline.is_current(&uid("a"), first.epoch, third.epoch));
    }
}
