//! Which entity has an attribute: a user by an e-mail address.
//!
//! INVARIANT: what was found is good for the epoch that it was found in, and for no other:
//! with any change another entity may have the attribute.

use std::sync::Arc;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

use super::cache::Loaded;
use super::gather::{Gathered, SliceError};
use super::reading::{Moved, Reading, ReadingError};
use crate::schema::Value;
use crate::store::{Candidates, Condition, Operand, Test};

/// Candidates that are read together, at first and at most.
const CHUNK: std::ops::RangeInclusive<usize> = 4..=256;

/// An entity that is known by an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lookup {
    /// Its type.
    pub of: EntityTypeName,
    /// The attribute.
    pub attribute: Arc<str>,
    /// What that is: a string, or the id of an entity.
    pub is: Arc<str>,
}

/// Why an entity cannot be looked up.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The store cannot be read.
    #[error(transparent)]
    Reading(#[from] ReadingError),
    /// A candidate is unusable.
    #[error(transparent)]
    Slice(#[from] SliceError),
    /// More candidates would have to be looked at.
    #[error("more than {0} candidates would have to be looked at")]
    TooWide(usize),
}

impl Reading<'_> {
    /// Entities as the store says, without tags, in order; `None` where a later state has taken the
    /// place of this one.
    ///
    /// # Errors
    /// A store that cannot be read, an entity that is unusable.
    pub async fn held(
        &mut self,
        uids: &[EntityUid],
    ) -> Result<Option<Vec<Option<Arc<Loaded>>>>, LookupError> {
        loop {
            let (mut rows, mut missing) = (Vec::with_capacity(uids.len()), Vec::new());
            for uid in uids {
                match self.entity(uid)? {
                    Gathered::Whole(row) => rows.push(row),
                    Gathered::Missing(more) => missing.extend(more),
                }
            }
            if missing.is_empty() {
                return Ok(Some(rows));
            }
            if self.load(missing).await? == Moved::Yes {
                return Ok(None);
            }
        }
    }

    /// The one entity that has an attribute, `None` where none has or several have; the outer
    /// `None` where a later state has taken the place of this one. Not more than `most` candidates
    /// are looked at.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub async fn look_up(
        &mut self,
        lookup: &Lookup,
        most: usize,
    ) -> Result<Option<Option<EntityUid>>, LookupError> {
        if let Some(found) = self.remembered(lookup) {
            return Ok(Some(found));
        }
        let found = self.look_through(lookup, most).await?;
        if let Some(found) = &found {
            self.remember(lookup, found);
        }
        Ok(found)
    }

    async fn look_through(
        &mut self,
        lookup: &Lookup,
        most: usize,
    ) -> Result<Option<Option<EntityUid>>, LookupError> {
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
            let Some(ids) = self.candidates(&wanted).await? else {
                return Ok(None);
            };
            let ended = ids.len() < wanted.limit;
            seen += ids.len();
            wanted.after = ids.last().map(|last| Arc::from(last.as_str()));
            let uid = |id| EntityUid::from_type_name_and_id(lookup.of.clone(), EntityId::new(id));
            let uids: Vec<EntityUid> = ids.into_iter().map(uid).collect();
            let Some(rows) = self.held(&uids).await? else {
                return Ok(None);
            };
            for (uid, row) in uids.into_iter().zip(rows) {
                // A candidate need not be what is looked for.
                if row.is_some_and(|row| lookup.fits(&row)) && found.replace(uid).is_some() {
                    return Ok(Some(None));
                }
            }
            if ended {
                return Ok(Some(found));
            }
            if seen >= most {
                return Err(LookupError::TooWide(most));
            }
            wanted.limit = (wanted.limit * 4).min(*CHUNK.end());
        }
    }
}

impl Lookup {
    fn fits(&self, loaded: &Loaded) -> bool {
        match loaded.row.attributes.get(&self.attribute) {
            Some(Value::String(text)) => **text == *self.is,
            Some(Value::Entity(named)) => AsRef::<str>::as_ref(named.id()) == &*self.is,
            _ => false,
        }
    }
}
