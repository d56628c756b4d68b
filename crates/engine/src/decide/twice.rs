//! One question by two sets of policies, from the same entities: what differs then is the
//! policies, and not what they looked at.
//!
//! Where the second set looks at nothing that the first did not, the entities of a decision
//! that was given are enough ([`Decided::again`]). Else both are asked from one slice that
//! holds what either looks at ([`Session::decide_twice`]).

use std::sync::Arc;

use super::conclude::conclude;
use super::decided::Decided;
use super::decision::{Decision, Reason};
use super::question::Question;
use super::session::{Failure, Session, responses};
use crate::policy::{Bundle, Shard};
use crate::slice::{Asked, Demand, Gathered, Reading, Rows, Slice, SliceError};

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
        let before = shard(&self.bundle, question).ok()?;
        let shard = shard(other, question).ok()?;
        if !before.plan.covers(&shard.plan) {
            return None;
        }
        let mut decision =
            Decision::denial(&other.revision, Arc::clone(&self.decision.tenancy_revision));
        // Which entities have to be there is said by the question.
        if self.decision.is_of_absent() {
            decision.reasons.clone_from(&self.decision.reasons);
            return Some(Ok(decision));
        }
        let rows = Rows {
            loaded: self.decision.slice.clone(),
            tags: self.decision.slice_tags.clone(),
        };
        Some(decide(other, shard, question, rows, decision))
    }
}

// === impl Session ===

impl Session<'_> {
    /// Decides a question by the policies of this session and by others of the same schema,
    /// both from the same entities.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn decide_twice(
        &self,
        question: &Question,
        other: &Bundle,
        demand: &Demand,
    ) -> Result<Twice, Failure> {
        let bundle = &self.state.bundle;
        let (own_shard, other_shard) = (shard(bundle, question)?, shard(other, question)?);
        let plan = own_shard.plan.with(&other_shard.plan);
        let freshness = self.engine.freshness();
        let mut reading = Reading::begin(self.sources(), freshness, demand).await?;
        let asked = Asked {
            principal: Some(&question.principal),
            resource: Some(&question.resource),
            context: &question.context,
            described: &question.described,
        };
        let rows = loop {
            match reading.gather_rows(asked, &plan) {
                Ok(Gathered::Whole(rows)) => break Ok(rows),
                // Whether the state has moved on does not matter: all is gathered anew.
                Ok(Gathered::Missing(missing)) => reading.load(missing).await?,
                Err(SliceError::Absent { what, .. }) => break Err(what),
                Err(error) => return Err(error.into()),
            };
        };
        let by = |bundle: &Bundle, shard| {
            let revision = Arc::clone(reading.revision());
            let mut decision = Decision::denial(&bundle.revision, revision);
            match &rows {
                Ok(rows) => decide(bundle, shard, question, rows.clone(), decision),
                Err(absent) => {
                    decision.reasons = absent.iter().copied().map(Reason::absent).collect();
                    Ok(decision)
                }
            }
        };
        Ok(Twice {
            own: by(bundle, own_shard)?,
            other: by(other, other_shard)?,
        })
    }
}

fn shard<'a>(bundle: &'a Bundle, question: &Question) -> Result<&'a Shard, Failure> {
    let (principal, resource) = (&question.principal, &question.resource);
    bundle
        .shard(
            &question.action,
            principal.type_name(),
            resource.type_name(),
        )
        .ok_or(Failure::NoShard)
}

/// Decides by entities that are at hand.
fn decide(
    bundle: &Bundle,
    shard: &Shard,
    question: &Question,
    rows: Rows,
    mut decision: Decision,
) -> Result<Decision, Failure> {
    let slice = Slice::of(rows, shard)?;
    let responses = responses(question, shard, &slice);
    decision.slice = slice.rows;
    decision.slice_tags = slice.tags;
    conclude(&mut decision, &responses, bundle);
    Ok(decision)
}
