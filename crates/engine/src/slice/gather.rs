//! Putting a slice together, out of what a reading has at hand.
//!
//! Nothing is awaited here: either everything that the policies can look at is in memory, or all
//! that is missing is named, so that it can be loaded together for all questions of a batch.

use std::collections::HashSet;
use std::sync::Arc;

use cedar_policy::EntityUid;

use super::described::Described;
use super::error::SliceError;
use super::loaded::{EntityKey, EntityKeyRef, Held, Loaded, Missing, SeenEntity};
use super::reading::StateReading;
use super::walk::{
    Absent, EntityReference, NamedEntities, RowSource, RowState, Walked, is_bare, walk,
    walk_untagged,
};
use crate::policy::ReadingPlan;
use crate::schema::Row;
use crate::store::{TagKeys, asked_tags};

/// How far a slice has come.
#[derive(Debug)]
pub(crate) enum Gathered {
    /// It is complete: everything that the policies can look at.
    Whole {
        seen: Vec<SeenEntity>,
        /// Entities that the policies can look for, and that are none.
        none: Vec<EntityUid>,
    },
    /// These have to be loaded first, and perhaps others after them.
    Missing(Vec<Missing>),
    /// The question names entities that are not there.
    Absent(AbsentEntities),
}

/// Entities of a question that are not there.
#[derive(Clone, Debug)]
pub(crate) struct AbsentEntities {
    /// Their places in the question.
    pub(crate) what: Vec<Absent>,
    pub(crate) uids: Vec<EntityUid>,
    /// The entities of the question that are there. No tags of them were asked for.
    pub(crate) present: Vec<Arc<Loaded>>,
}

impl StateReading<'_> {
    /// Gathers the entities that a plan leads to. `described` are the entities that the caller describes.
    ///
    /// # Errors
    /// An entity that is unusable, a slice that would be incomplete.
    pub(crate) fn gather(
        &self,
        named: NamedEntities<'_>,
        described: &Described,
        plan: &ReadingPlan,
    ) -> Result<Gathered, SliceError> {
        let mut gathering = Gathering::new(self, described);
        let walked = walk(named, plan, &self.bundle.schema, &mut gathering)?;
        gathering.end(walked)
    }

    /// Gathers the same, with rows that are made up: nothing is checked of them, and they are
    /// whatever the store says.
    ///
    /// # Errors
    /// As [`Self::gather`].
    pub(crate) fn gather_with(
        &self,
        named: NamedEntities<'_>,
        described: &Described,
        plan: &ReadingPlan,
        made_up: &[Arc<Loaded>],
    ) -> Result<Gathered, SliceError> {
        let mut gathering = Gathering {
            made_up,
            ..Gathering::new(self, described)
        };
        let walked = walk(named, plan, &self.bundle.schema, &mut gathering)?;
        gathering.end(walked)
    }

    /// Gathers the entities that the policies of a search can look at while one part of the
    /// question is unknown. Tags of the store are left out, as any of them could be asked for.
    ///
    /// # Errors
    /// As [`Self::gather`].
    pub(crate) fn gather_untagged(
        &self,
        named: NamedEntities<'_>,
        described: &Described,
        plan: &ReadingPlan,
    ) -> Result<Gathered, SliceError> {
        let mut gathering = Gathering::new(self, described);
        let walked = walk_untagged(named, plan, &self.bundle.schema, &mut gathering)?;
        gathering.end(walked)
    }
}

/// A state of the store, with the entities that a caller describes, as rows by id.
struct Gathering<'a> {
    reading: &'a StateReading<'a>,
    described: &'a Described,
    made_up: &'a [Arc<Loaded>],
    missing: Vec<Missing>,
}

/// An entity of a slice.
struct GatheredEntity {
    loaded: Arc<Loaded>,
    /// True if it is as the store alone says, so that other questions may share it. An entity
    /// that a caller has added to must not be shared.
    shared: bool,
}

impl RowSource for Gathering<'_> {
    type Kept = GatheredEntity;
    type Error = SliceError;

    fn row(kept: &GatheredEntity) -> &Row {
        &kept.loaded.row
    }

    fn entity(&mut self, uid: &EntityUid) -> Result<RowState<GatheredEntity>, SliceError> {
        if let Some(loaded) = self.made_up.iter().find(|loaded| loaded.row.uid == *uid) {
            let (loaded, shared) = (Arc::clone(loaded), false);
            let whole = Some(TagKeys::All);
            return Ok(RowState::Here(GatheredEntity { loaded, shared }, whole));
        }
        if let Some(row) = self.described.get(uid) {
            return self.joined(row.clone(), Some(TagKeys::All));
        }
        let loaded = match self.held(uid)? {
            Some(Held::Entity(loaded)) => loaded,
            Some(Held::Nothing | Held::TagByTag) => return Ok(RowState::Absent),
            None => return Ok(RowState::Unloaded),
        };
        let mut ancestors = loaded.row.ancestors.iter();
        if !self.described.is_empty() && ancestors.any(|uid| self.described.get(uid).is_some()) {
            return self.joined(loaded.row.clone(), None);
        }
        let shared = true;
        Ok(RowState::Here(GatheredEntity { loaded, shared }, None))
    }

    /// A reference of the store leads to an entity that it knows, or to nothing. An entity that a caller
    /// refers to is the caller's to describe.
    fn is_none(&self, referrer: &EntityUid, absent: &EntityUid) -> bool {
        self.described.get(referrer).is_none() && self.reading.tells_absence(absent.type_name())
    }

    fn tagged(
        &mut self,
        kept: &GatheredEntity,
        keys: &TagKeys,
    ) -> Result<Option<GatheredEntity>, SliceError> {
        let GatheredEntity { loaded, shared } = kept;
        let (uid, shared) = (&loaded.row.uid, *shared);
        let tags = Some(keys);
        // One with all of its tags has these as well.
        let whole = self.reading.whole(uid);
        let held = match &whole {
            Some(Held::Entity(_)) => whole,
            _ => {
                let held = self.reading.get(EntityKeyRef { uid, tags })?;
                if !matches!(held, Some(Held::Entity(_))) {
                    let or_all = whole.is_none() && self.reading.may_read_whole(uid, keys);
                    self.missing.push(Missing {
                        key: EntityKey {
                            uid: uid.clone(),
                            tags: tags.cloned(),
                        },
                        base: shared.then(|| Arc::clone(loaded)),
                        or_all,
                        of_links: false,
                    });
                }
                held
            }
        };
        let Some(Held::Entity(tagged)) = held else {
            return Ok(None);
        };
        if shared {
            let loaded = tagged;
            return Ok(Some(GatheredEntity { loaded, shared }));
        }
        // An entity that a caller has added to is never shared.
        let tags = asked_tags(&tagged.row.tags, tags);
        let loaded = self.reading.checked(loaded.row.with_tags(tags))?;
        Ok(Some(GatheredEntity { loaded, shared }))
    }
}

impl<'a> Gathering<'a> {
    fn new(reading: &'a StateReading<'a>, described: &'a Described) -> Self {
        Self {
            reading,
            described,
            made_up: &[],
            missing: Vec::new(),
        }
    }

    fn end(self, walked: Walked<GatheredEntity>) -> Result<Gathered, SliceError> {
        match walked {
            Walked::Whole { reached, none } => {
                let seen = reached.into_iter().map(|reached| SeenEntity {
                    loaded: reached.kept.loaded,
                    tags: reached.tags,
                });
                let seen = seen.collect();
                Ok(Gathered::Whole { seen, none })
            }
            Walked::Unloaded => Ok(Gathered::Missing(self.missing)),
            Walked::Absent {
                what,
                uids,
                present,
            } => {
                let present = present.into_iter().map(|reached| reached.kept.loaded);
                let present = present.collect();
                Ok(Gathered::Absent(AbsentEntities {
                    what,
                    uids,
                    present,
                }))
            }
            Walked::Dangling(reference) => {
                let EntityReference { from, to } = *reference;
                let described = from.as_ref();
                let described = described.is_some_and(|from| self.described.get(from).is_some());
                let from = from.map_or_else(|| "a policy".to_owned(), |from| format!("`{from}`"));
                Err(SliceError::Incomplete {
                    reference: format!("{from} refers to `{to}`, which is not known"),
                    described,
                })
            }
        }
    }

    /// An entity without its tags, as far as it is known; `None` where it has to be loaded first.
    fn held(&mut self, uid: &EntityUid) -> Result<Option<Held>, SliceError> {
        let held = self.reading.get(EntityKeyRef::untagged(uid))?;
        if held.is_none() {
            self.missing.push(Missing::untagged(uid));
        }
        Ok(held)
    }

    /// A row with the ancestors of its ancestors, where the store knows one part of them and the
    /// caller another.
    fn joined(
        &mut self,
        mut row: Row,
        tags: Option<TagKeys>,
    ) -> Result<RowState<GatheredEntity>, SliceError> {
        let mut is_whole = true;
        let mut known: HashSet<EntityUid> = row.ancestors.iter().cloned().collect();
        let mut place = 0;
        while let Some(uid) = row.ancestors.get(place).cloned() {
            place += 1;
            if uid == row.uid {
                return Err(SliceError::Unfit(format!("`{uid}` is its own ancestor")));
            }
            let held;
            let further = match self.described.get(&uid) {
                Some(described) => &described.ancestors,
                None if is_bare(&self.reading.bundle.schema, &uid) => continue,
                None => match self.held(&uid)? {
                    Some(Held::Entity(loaded)) => {
                        held = loaded;
                        &held.row.ancestors
                    }
                    Some(Held::Nothing | Held::TagByTag) => continue,
                    None => {
                        is_whole = false;
                        continue;
                    }
                },
            };
            for ancestor in further {
                if known.insert(ancestor.clone()) {
                    row.ancestors.push(ancestor.clone());
                }
            }
        }
        if !is_whole {
            return Ok(RowState::Unloaded);
        }
        let loaded = self
            .described
            .entity(row, |row| self.reading.checked(row))?;
        let shared = false;
        Ok(RowState::Here(GatheredEntity { loaded, shared }, tags))
    }
}
