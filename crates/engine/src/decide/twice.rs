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
use crate::slice::{Demand, Gathered};

/// The decisions of two sets of policies about one question in one state of the store.
#[derive(Clone, Debug)]
pub struct Twice {
    /// By the session's own.
    pub own: Decision,
    /// By the others.
    pub other: Decision,
}

// === impl Decided ===

impl Decided {
    /// Decides again by other policies, from the entities of this decision; `None` where they may
    /// look at other entities, or their schema is another.
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
        if !before.shard.plan.covers(&decider.shard.plan) {
            return None;
        }
        let revision = Arc::clone(&self.decision.tenancy_revision);
        // The question says which entities have to be there.
        if self.decision.is_of_absent() {
            return Some(Ok(Decision {
                reasons: self.decision.reasons.clone(),
                ..Decision::denial(&other.revision, revision)
            }));
        }
        let links = self.decision.link_table.clone();
        // Those that were not read for these policies are read anew.
        if other.reads_links() && links.is_none() {
            return None;
        }
        let slice = self.decision.slice.to_vec();
        Some(decider.decide(question, slice, links, revision))
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
        let mut plan = own.shard.plan.clone();
        plan.join(&other.shard.plan);
        let mut reading = session.reading(*session.settings(), demand).await?;
        loop {
            let gathered = reading.gather(question.named(), &question.described, &plan)?;
            let mut by = [own, other].into_iter();
            let by = by.find(|decider| decider.bundle.reads_links());
            let (links, missing_links) = by.unwrap_or(own).links(&reading)?;
            let revision = || Arc::clone(reading.revision());
            match gathered {
                // The state may move on: all is gathered anew.
                Gathered::Missing(missing) => reading.load(missing).await?,
                Gathered::Whole { .. } if missing_links.is_some() => {
                    reading.load(missing_links.into_iter().collect()).await?
                }
                Gathered::Whole { seen, none } => {
                    let own = own.decide(question, seen.clone(), links.clone(), revision())?;
                    let other = other.decide(question, seen, links, revision())?;
                    let missing = none.clone();
                    return Ok(Self {
                        own: Decision { missing, ..own },
                        other: Decision {
                            missing: none,
                            ..other
                        },
                    });
                }
                Gathered::Absent(absent) => {
                    return Ok(Self {
                        own: own.deny_absent(absent.clone(), revision()),
                        other: other.deny_absent(absent, revision()),
                    });
                }
            };
        }
    }
}
