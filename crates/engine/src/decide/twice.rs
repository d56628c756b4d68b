//! One question by two sets of policies, from the same entities: a difference is one of the
//! policies, and not of the entities.
//!
//! Where the second set looks at nothing that the first did not, the entities of a decision
//! that was given are enough ([`Decided::again`]). Else both are asked from one slice that
//! holds what either looks at ([`Twice::decide`]).

use std::sync::Arc;

use super::decided::Decided;
use super::decider::Decider;
use super::decision::Decision;
use super::failure::Failure;
use super::question::Question;
use super::session::Session;
use crate::policy::Bundle;
use crate::slice::{Demand, Gathered, Rows, SliceError};

/// What two sets of policies say of one question in one state of the store.
#[derive(Clone, Debug)]
pub struct Twice {
    /// By the session's own.
    pub own: Decision,
    /// By the others.
    pub other: Decision,
}

// === impl Decided ===

impl Decided {
    /// What other policies say, from the entities of this decision; `None` where they may
    /// look at others, or their schema is another.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn again(&self, other: &Bundle) -> Option<Result<Decision, Failure>> {
        let question = self.question.as_ref()?;
        if !self.bundle.schema.is_same(&other.schema) {
            return None;
        }
        let before = Decider::of(&self.bundle, question).ok()?;
        let decider = Decider::of(other, question).ok()?;
        if !before.plan().covers(decider.plan()) {
            return None;
        }
        let revision = Arc::clone(&self.decision.tenancy_revision);
        // Which entities have to be there is said by the question.
        if self.decision.is_of_absent() {
            let mut decision = Decision::denial(&other.revision, revision);
            decision.reasons.clone_from(&self.decision.reasons);
            return Some(Ok(decision));
        }
        let rows = Rows {
            loaded: self.decision.slice.clone(),
            tags: self.decision.slice_tags.clone(),
        };
        Some(decider.decide(question, rows, revision))
    }
}

// === impl Twice ===

impl Twice {
    /// Decides a question by the policies of a session and by others of the same schema,
    /// both from the same entities.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn decide(
        session: &Session,
        question: &Question,
        other: &Bundle,
        demand: &Demand,
    ) -> Result<Self, Failure> {
        let own = Decider::of(&session.state.bundle, question)?;
        let other = Decider::of(other, question)?;
        let plan = own.plan().with(other.plan());
        let mut reading = session.reading(*session.settings(), demand).await?;
        let rows = loop {
            match reading.gather_rows(question.asked(), &plan) {
                Ok(Gathered::Whole(rows)) => break Ok(rows),
                // Whether the state has moved on does not matter: all is gathered anew.
                Ok(Gathered::Missing(missing)) => reading.load(missing).await?,
                Err(SliceError::Absent { what, .. }) => break Err(what),
                Err(error) => return Err(error.into()),
            };
        };
        let by = |decider: Decider<'_>| {
            let revision = Arc::clone(reading.revision());
            match &rows {
                Ok(rows) => decider.decide(question, rows.clone(), revision),
                Err(absent) => Ok(decider.absent(absent, Vec::new(), Vec::new(), revision)),
            }
        };
        Ok(Self {
            own: by(own)?,
            other: by(other)?,
        })
    }
}
