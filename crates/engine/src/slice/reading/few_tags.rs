//! All tags of an entity at once, where they are few.
//!
//! A user's next question is about another organisation, and asks for another tag of the same user. Where
//! all of them are in memory together, it needs no read, and a key that is not among them is the key of no
//! tag. Where they are many, each is read by its key: a user in 10,000 organisations costs what one in
//! two does.
//!
//! INVARIANT: an entity with all of its tags is kept, and dropped, as one with a single tag is. Each change of
//! any tag, also of one that comes, is noted of the entity.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::EntityUid;

use super::StateReading;
use crate::schema::Row;
use crate::slice::error::ReadingError;
use crate::slice::loaded::{EntityKey, EntityKeyRef, Held, Loaded};
use crate::store::{StoreError, TagKeys, Tags};

/// The most tags of an entity that are read together.
pub(super) const FEW: usize = 64;

/// Tags of an entity to be read.
pub(super) struct WantedTags {
    pub(super) uid: EntityUid,
    pub(super) keys: TagKeys,
    /// True if all of them may be read in their place.
    pub(super) or_all: bool,
}

impl WantedTags {
    /// The same, by their keys.
    pub(super) fn by_key(self) -> (EntityUid, TagKeys) {
        (self.uid, self.keys)
    }
}

impl StateReading<'_> {
    /// The same for a search: of a candidate one tag is asked for, and nothing more of it.
    pub(crate) fn of_search(mut self) -> Self {
        self.is_of_search = true;
        self
    }

    /// The entity with all of its tags, if it is at hand with them; [`Held::TagByTag`] if these have to be asked
    /// for by their keys.
    pub(in crate::slice) fn whole(&self, uid: &EntityUid) -> Option<Held> {
        if !self.held.is_empty()
            && let Some(Ok(held)) = self.held.get(&EntityKeyRef::whole(uid).to_owned())
        {
            return Some(held.clone());
        }
        let (known, sources) = (self.known.as_ref()?, self.sources);
        sources.cache.whole(uid, known.epoch, sources.timeline)
    }

    /// Returns true if all tags of an entity may be read where these are asked for. What is not kept is read
    /// by its key.
    pub(in crate::slice) fn may_read_whole(&self, uid: &EntityUid, keys: &TagKeys) -> bool {
        matches!(keys, TagKeys::Only(_))
            && self.known.is_some()
            && self.sources.cache.keeps()
            && !self.one_by_one.contains(uid)
    }

    /// Reads all tags of entities that have few, and returns those that are left to be read by their keys.
    pub(super) async fn read_few(
        &mut self,
        wanted: Vec<WantedTags>,
        bases: &HashMap<EntityUid, Arc<Loaded>>,
        epoch: Option<u64>,
    ) -> Result<Vec<(EntityUid, TagKeys)>, ReadingError> {
        let uids = self.few_of(&wanted, epoch);
        let mut whole = HashSet::new();
        if !uids.is_empty() {
            let found = match self.snapshot()?.few_tags(&uids, FEW).await {
                Ok(found) => found,
                Err(StoreError::Misfit(text)) => return Err(self.give_up(uids, &text, epoch)),
                Err(error) => return Err(error.into()),
            };
            whole = self.hold_few(uids, found, bases, epoch);
        }
        let left = wanted.into_iter();
        let left = left.filter(|wanted| !wanted.or_all || !whole.contains(&wanted.uid));
        Ok(left.map(WantedTags::by_key).collect())
    }

    /// Holds all tags of entities, and returns those of which there are all.
    pub(super) fn hold_few(
        &mut self,
        uids: Vec<EntityUid>,
        found: Vec<Option<Tags>>,
        bases: &HashMap<EntityUid, Arc<Loaded>>,
        epoch: Option<u64>,
    ) -> HashSet<EntityUid> {
        let mut whole = HashSet::new();
        for (uid, tags) in uids.into_iter().zip(found) {
            let entity = bases.get(&uid).zip(tags);
            let entity = entity.and_then(|(base, tags)| {
                let row = Row {
                    tags,
                    ..base.row.clone()
                };
                // One that is unusable spoils the questions about it alone.
                self.checked(row).ok()
            });
            match entity {
                Some(entity) => {
                    whole.insert(uid.clone());
                    self.hold_whole(uid, Held::Entity(entity), epoch);
                }
                None => self.hold_whole(uid, Held::TagByTag, epoch),
            }
        }
        whole
    }

    /// The entities whose tags are to be read together, where these are kept. In a search that pays where several
    /// tags of one are asked for.
    pub(super) fn few_of(&self, wanted: &[WantedTags], epoch: Option<u64>) -> Vec<EntityUid> {
        if epoch.is_none() {
            return Vec::new();
        }
        let mut uids: HashMap<&EntityUid, usize> = HashMap::new();
        for wanted in wanted.iter().filter(|wanted| wanted.or_all) {
            *uids.entry(&wanted.uid).or_default() += 1;
        }
        let pays = |times: usize| !self.is_of_search || times > 1;
        let uids = uids.into_iter().filter(|(_, times)| pays(*times));
        uids.map(|(uid, _)| uid.clone()).collect()
    }

    /// A database ends a snapshot with a statement that it refuses, so that the tags are read by their keys from
    /// another one.
    fn give_up(&mut self, uids: Vec<EntityUid>, text: &str, epoch: Option<u64>) -> ReadingError {
        for uid in uids {
            self.one_by_one.insert(uid.clone());
            self.hold_whole(uid, Held::TagByTag, epoch);
        }
        StoreError::Moved(text.to_owned()).into()
    }

    fn hold_whole(&mut self, uid: EntityUid, held: Held, epoch: Option<u64>) {
        let tags = Some(TagKeys::All);
        self.hold(EntityKey { uid, tags }, Ok(held), epoch);
    }
}
