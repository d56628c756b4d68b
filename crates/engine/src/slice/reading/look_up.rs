//! Looking an entity up by an attribute.
//!
//! INVARIANT: a find is good for the epoch that it was made in, and for no other:
//! with any change another entity may have the attribute.

use std::sync::Arc;

use cedar_policy::{EntityId, EntityUid};

use super::{InState, Moved, StateReading};
use crate::slice::error::LookupError;
use crate::slice::loaded::{EntityKeyRef, Held, Missing};
use crate::slice::lookup::{Holder, Lookup};
use crate::store::{Candidates, Condition, Operand, ValueTest};

/// Candidates that are read together, at first and at most.
const CHUNK: std::ops::RangeInclusive<usize> = 4..=256;

impl StateReading<'_> {
    /// Entities as the store says, without tags, in order.
    ///
    /// # Errors
    /// A store that cannot be read, an entity that is unusable.
    pub(crate) async fn held(
        &mut self,
        uids: &[EntityUid],
    ) -> Result<InState<Vec<Held>>, LookupError> {
        loop {
            let (mut rows, mut missing) = (Vec::with_capacity(uids.len()), Vec::new());
            for uid in uids {
                match self.get(EntityKeyRef::untagged(uid))? {
                    Some(held) => rows.push(held),
                    None => missing.push(Missing::untagged(uid)),
                }
            }
            if missing.is_empty() {
                return Ok(InState::Same(rows));
            }
            if self.load(missing).await? == Moved::Yes {
                return Ok(InState::Moved);
            }
        }
    }

    /// Looks up who has an attribute. Not more than `most` candidates are looked at.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub(crate) async fn look_up(
        &mut self,
        lookup: &Lookup,
        most: usize,
    ) -> Result<InState<Holder>, LookupError> {
        if let Some(holder) = self.remembered(lookup) {
            return Ok(InState::Same(holder));
        }
        let found = self.look_through(lookup, most).await?;
        if let InState::Same(holder) = &found {
            self.remember(lookup, holder);
        }
        Ok(found)
    }

    async fn look_through(
        &mut self,
        lookup: &Lookup,
        most: usize,
    ) -> Result<InState<Holder>, LookupError> {
        let mut wanted = Candidates {
            of: lookup.of.clone(),
            condition: Condition::Holds(
                Operand::Attribute(Arc::clone(&lookup.attribute)),
                ValueTest::Is(Arc::clone(&lookup.is)),
            ),
            after: None,
            limit: *CHUNK.start(),
        };
        let mut holder = Holder::NoneOrSeveral;
        let mut seen = 0;
        loop {
            let InState::Same(ids) = self.candidates(&wanted).await? else {
                return Ok(InState::Moved);
            };
            let ended = ids.len() < wanted.limit;
            seen += ids.len();
            wanted.after = ids.last().map(|last| Arc::from(last.as_str()));
            let uid = |id| EntityUid::from_type_name_and_id(lookup.of.clone(), EntityId::new(id));
            let uids: Vec<EntityUid> = ids.into_iter().map(uid).collect();
            let InState::Same(rows) = self.held(&uids).await? else {
                return Ok(InState::Moved);
            };
            for (uid, row) in uids.into_iter().zip(rows) {
                // A candidate need not have the attribute.
                let fits = row.entity().is_some_and(|row| lookup.fits(&row));
                // Nobody can be asked about under an id that is none.
                let of = self.bundle.schema.entity_type(&lookup.of);
                if fits && of.is_some_and(|of| !of.is_asked_about(uid.id().as_ref())) {
                    return Ok(InState::Same(Holder::NoneOrSeveral));
                }
                match (fits, &holder) {
                    (false, _) => {}
                    (true, Holder::NoneOrSeveral) => holder = Holder::Sole(uid),
                    (true, Holder::Sole(_)) => return Ok(InState::Same(Holder::NoneOrSeveral)),
                }
            }
            if ended {
                return Ok(InState::Same(holder));
            }
            if seen >= most {
                return Err(LookupError::TooWide(most));
            }
            wanted.limit = (wanted.limit * 4).min(*CHUNK.end());
        }
    }
}
