//! Facts of the store that decide which questions a request is.

use std::collections::HashMap;

use cedar_policy::EntityUid;

use crate::decide::Failure;
use crate::slice::{Held, Holder, InState, Loaded, Lookup, Moved, StateReading};

/// A fact that is missing.
#[derive(Debug)]
pub(super) enum MissingFact {
    /// An entity.
    Row(EntityUid),
    /// The entity that has an attribute.
    Lookup(Lookup),
}

/// Facts of one state of the store.
#[derive(Default)]
pub(super) struct StoreFacts {
    rows: HashMap<EntityUid, Held>,
    found: HashMap<Lookup, Holder>,
}

impl StoreFacts {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.found.is_empty()
    }

    /// An entity, where the store holds it.
    pub(super) fn row(&self, uid: &EntityUid) -> Result<Option<&Loaded>, MissingFact> {
        match self.rows.get(uid) {
            Some(Held::Entity(loaded)) => Ok(Some(loaded)),
            Some(Held::Nothing | Held::TagByTag) => Ok(None),
            None => Err(MissingFact::Row(uid.clone())),
        }
    }

    /// The one entity that has an attribute; `None` where none has, or several have.
    pub(super) fn find(&self, lookup: Lookup) -> Result<Option<&EntityUid>, MissingFact> {
        match self.found.get(&lookup) {
            Some(holder) => Ok(holder.sole()),
            None => Err(MissingFact::Lookup(lookup)),
        }
    }

    /// Looks facts up, all together. Where the state has moved on, all others are of the past.
    pub(super) async fn supply(
        &mut self,
        needs: Vec<MissingFact>,
        reading: &mut StateReading<'_>,
        most: usize,
    ) -> Result<Moved, Failure> {
        let mut uids = Vec::new();
        for need in needs {
            match need {
                MissingFact::Row(uid) => uids.push(uid),
                MissingFact::Lookup(lookup) if self.found.contains_key(&lookup) => {}
                MissingFact::Lookup(lookup) => {
                    let InState::Same(holder) = reading.look_up(&lookup, most).await? else {
                        return Ok(Moved::Yes);
                    };
                    self.found.insert(lookup, holder);
                }
            }
        }
        let InState::Same(rows) = reading.held(&uids).await? else {
            return Ok(Moved::Yes);
        };
        self.rows.extend(uids.into_iter().zip(rows));
        Ok(Moved::No)
    }
}
