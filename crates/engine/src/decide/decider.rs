//! The one way from entities to a decision.

use std::sync::Arc;

use cedar_policy::{Authorizer, Entities, EntityUid, Request, Response};

use super::conclude::conclude;
use super::decision::{Decision, Reason};
use super::failure::Failure;
use super::question::Question;
use crate::policy::{Bundle, Plan, Shard};
use crate::slice::{Absent, Gathered, Loaded, Missing, Reading, Rows, Slice, SliceError};

/// The policies that decide one kind of question.
#[derive(Clone, Copy)]
pub(crate) struct Decider<'a> {
    pub(crate) bundle: &'a Bundle,
    pub(crate) shard: &'a Shard,
}

/// How far the way to a decision has come.
pub(super) enum Step {
    /// The decision is made.
    Decided(Decision),
    /// These have to be loaded first.
    Missing(Vec<Missing>),
}

impl<'a> Decider<'a> {
    /// The policies of a Bundle for a question.
    ///
    /// # Errors
    /// A question that was read by another schema.
    pub(crate) fn of(bundle: &'a Bundle, question: &Question) -> Result<Self, Failure> {
        let (principal, resource) = (&question.principal, &question.resource);
        let shard = bundle.shard(
            &question.action,
            principal.type_name(),
            resource.type_name(),
        );
        let shard = shard.ok_or(Failure::NoShard)?;
        Ok(Self { bundle, shard })
    }

    /// Decides by what a reading has at hand.
    pub(super) fn try_decide(
        self,
        question: &Question,
        reading: &Reading<'_>,
    ) -> Result<Step, Failure> {
        let revision = || Arc::clone(reading.revision());
        match reading.gather_rows(question.asked(), &self.shard.plan) {
            Ok(Gathered::Whole(rows)) => {
                let decision = self.decide(question, rows, revision())?;
                Ok(Step::Decided(decision))
            }
            Ok(Gathered::Missing(missing)) => Ok(Step::Missing(missing)),
            // Cedar would skip the policies that read an absent entity, also
            // those that forbid.
            Err(SliceError::Absent {
                what,
                uids,
                present,
            }) => {
                let decision = self.absent(&what, uids, present, revision());
                Ok(Step::Decided(decision))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Decides by entities, which are all that the policies can look at.
    ///
    /// # Errors
    /// Entities that do not fit together.
    pub(crate) fn decide(
        self,
        question: &Question,
        rows: Rows,
        tenancy_revision: Arc<str>,
    ) -> Result<Decision, Failure> {
        let slice = Slice::of(rows, self.shard)?;
        let responses = self.responses(&question.request, question, &slice.entities);
        let mut decision = Decision::denial(&self.bundle.revision, tenancy_revision);
        decision.slice = slice.rows;
        decision.slice_tags = slice.tags;
        conclude(&mut decision, &responses, self.bundle);
        Ok(decision)
    }

    fn responses(
        self,
        request: &Request,
        question: &Question,
        entities: &Entities,
    ) -> Vec<Response> {
        let authorizer = Authorizer::new();
        self.shard
            .policies_for(&question.principal, &question.resource)
            .map(|policies| authorizer.is_authorized(request, policies, entities))
            .collect()
    }

    /// The denial of a question whose entities are not there.
    pub(super) fn absent(
        self,
        what: &[Absent],
        uids: Vec<EntityUid>,
        present: Vec<Arc<Loaded>>,
        tenancy_revision: Arc<str>,
    ) -> Decision {
        let mut decision = Decision::denial(&self.bundle.revision, tenancy_revision);
        decision.reasons = what.iter().copied().map(Reason::absent).collect();
        decision.absent = uids;
        decision.slice_tags = vec![None; present.len()];
        decision.slice = present;
        decision
    }
}

impl Decider<'_> {
    pub(super) fn plan(&self) -> &Plan {
        &self.shard.plan
    }
}
