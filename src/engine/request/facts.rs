//! What the store holds, as far as it decides what a request is asked as.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

use crate::engine::session::Failure;
use crate::schema::Value;
use crate::slice::{Gathered, Loaded, Moved, Reading};
use crate::store::{Candidates, Condition, Operand, Test};

/// Candidates that are read together, at first and at most.
const CHUNK: std::ops::RangeInclusive<usize> = 4..=256;

/// An entity that is known by an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Lookup {
    pub(super) of: EntityTypeName,
    pub(super) attribute: Arc<str>,
    /// A string, or the id of an entity.
    pub(super) is: Arc<str>,
}

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

    /// Looks a fact up. Where the state has moved on, all others are of the past.
    pub(super) async fn supply(
        &mut self,
        need: Need,
        reading: &mut Reading<'_>,
        most: usize,
    ) -> Result<Moved, Failure> {
        match need {
            Need::Row(uid) => {
                let Some(row) = read(&uid, reading).await? else {
                    return Ok(Moved::Yes);
                };
                self.rows.insert(uid, row);
            }
            Need::Lookup(lookup) => {
                let Some(found) = look_up(&lookup, reading, most).await? else {
                    return Ok(Moved::Yes);
                };
                self.found.insert(lookup, found);
            }
        }
        Ok(Moved::No)
    }
}

/// An entity; the outer `None` where the state has moved on.
async fn read(
    uid: &EntityUid,
    reading: &mut Reading<'_>,
) -> Result<Option<Option<Arc<Loaded>>>, Failure> {
    loop {
        match reading.entity(uid)? {
            Gathered::Whole(row) => return Ok(Some(row)),
            Gathered::Missing(missing) => {
                if reading.load(missing).await? == Moved::Yes {
                    return Ok(None);
                }
            }
        }
    }
}

/// The one entity that has the attribute; the outer `None` where the state has moved on.
async fn look_up(
    lookup: &Lookup,
    reading: &mut Reading<'_>,
    most: usize,
) -> Result<Option<Option<EntityUid>>, Failure> {
    let mut wanted = Candidates {
        of: lookup.of.clone(),
        condition: Condition::Holds(
            Operand::Attribute(Arc::clone(&lookup.attribute)),
            Test::Is(Arc::clone(&lookup.is)),
        ),
        after: None,
        limit: *CHUNK.start(),
    };
    let mut found = None;
    let mut seen = 0;
    loop {
        let Some(ids) = reading.candidates(&wanted).await? else {
            return Ok(None);
        };
        let ended = ids.len() < wanted.limit;
        seen += ids.len();
        wanted.after = ids.last().map(|last| Arc::from(last.as_str()));
        for id in ids {
            let uid = EntityUid::from_type_name_and_id(lookup.of.clone(), EntityId::new(id));
            let Some(row) = read(&uid, reading).await? else {
                return Ok(None);
            };
            // A candidate need not be what is looked for.
            let value = row
                .as_ref()
                .and_then(|loaded| loaded.row.attributes.get(&lookup.attribute));
            let is = match value {
                Some(Value::String(text)) => **text == *lookup.is,
                Some(Value::Entity(named)) => AsRef::<str>::as_ref(named.id()) == &*lookup.is,
                _ => false,
            };
            if is && found.replace(uid).is_some() {
                return Ok(Some(None));
            }
        }
        if ended {
            return Ok(Some(found));
        }
        if seen >= most {
            return Err(Failure::TooWide(most));
        }
        wanted.limit = (wanted.limit * 4).min(*CHUNK.end());
    }
}
