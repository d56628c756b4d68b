//! What the store holds, as far as it decides what a request is asked as.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::EntityUid;

use crate::decide::Failure;
use crate::slice::{Loaded, Lookup, Moved, Reading};

/// A fact that is missing.
#[derive(Debug)]
pub(super) enum Need {
    /// An entity.
    Row(EntityUid),
    /// Which entity has an attribute.
    Lookup(Lookup),
}

/// Facts of one state.
#[derive(Default)]
pub(super) struct Facts {
    rows: HashMap<EntityUid, Option<Arc<Loaded>>>,
    found: HashMap<Lookup, Option<EntityUid>>,
}

impl Facts {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.found.is_empty()
    }

    /// An entity, where the store holds it.
    pub(super) fn row(&self, uid: &EntityUid) -> Result<Option<&Loaded>, Need> {
        match self.rows.get(uid) {
            Some(row) => Ok(row.as_deref()),
            None => Err(Need::Row(uid.clone())),
        }
    }

    /// The one entity that has an attribute; `None` where none has, or several have.
    pub(super) fn find(&self, lookup: Lookup) -> Result<Option<&EntityUid>, Need> {
        match self.found.get(&lookup) {
            Some(found) => Ok(found.as_ref()),
            None => Err(Need::Lookup(lookup)),
        }
    }

    /// Looks facts up, all together. Where the state has moved on, all others are of the past.
    pub(super) async fn supply(
        &mut self,
        needs: Vec<Need>,
        reading: &mut Reading<'_>,
        most: usize,
    ) -> Result<Moved, Failure> {
        let mut uids = Vec::new();
        for need in needs {
            match need {
                Need::Row(uid) => uids.push(uid),
                Need::Lookup(lookup) if self.found.contains_key(&lookup) => {}
                Need::Lookup(lookup) => {
                    let Some(found) = reading.look_up(&lookup, most).await? else {
                        return Ok(Moved::Yes);
                    };
                    self.found.insert(lookup, found);
                }
            }
        }
        let Some(rows) = reading.held(&uids).await? else {
            return Ok(Moved::Yes);
        };
        self.rows.extend(uids.into_iter().zip(rows));
        Ok(Moved::No)
    }
}
