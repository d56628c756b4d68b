//! The one way from entities to a decision.

use std::sync::Arc;

use cedar_policy::{Authorizer, Entities, Request};

use super::conclude::conclude;
use super::decision::{Decision, Reason};
use super::failure::Failure;
use super::linked::LinkedPolicies;
use super::question::Question;
use super::stack::{DECISION_STACK_BYTES, require_stack};
use crate::policy::{Bundle, Shard};
use crate::schema::{SharedEntity, together};
use crate::slice::{
    AbsentEntities, Gathered, LinkTable, Missing, SeenEntity, SliceError, StateReading,
};
use crate::stages::{OngoingStage, Stage};

/// The policies that decide one kind of question.
#[derive(Clone, Copy)]
pub(crate) struct Decider<'a> {
    pub(crate) bundle: &'a Bundle,
    pub(crate) shard: &'a Shard,
}

/// How far the way to a decision has come.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are decisions, and a box for each would cost more"
)]
pub(super) enum DecisionStep {
    /// The decision is made.
    Decided(Decision),
    /// These have to be loaded first.
    Missing(Vec<Missing>),
}

impl<'a> Decider<'a> {
    /// The policies of a Bundle for a question.
    ///
    /// # Errors
    /// [`Failure::NoShard`] for a question that was read by another schema.
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
    ///
    /// # Errors
    /// An entity that is unusable, a slice that would be incomplete.
    pub(super) fn step(
        self,
        question: &Question,
        reading: &StateReading<'_>,
    ) -> Result<DecisionStep, Failure> {
        let plan = &self.shard.plan;
        let gathering = OngoingStage::begin(reading.stages(), Stage::Slice);
        let gathered = reading.gather(question.named(), &question.described, plan)?;
        let (table, missing_links) = self.links(reading)?;
        drop(gathering);
        let deciding = OngoingStage::begin(reading.stages(), Stage::Decide);
        let revision = Arc::clone(reading.revision());
        Ok(match gathered {
            Gathered::Missing(mut missing) => {
                deciding.forget();
                missing.extend(missing_links);
                DecisionStep::Missing(missing)
            }
            Gathered::Whole { .. } if missing_links.is_some() => {
                deciding.forget();
                DecisionStep::Missing(missing_links.into_iter().collect())
            }
            Gathered::Whole { seen, none } => DecisionStep::Decided(Decision {
                missing: none,
                ..self.decide(question, seen, table, revision)?
            }),
            Gathered::Absent(absent) => DecisionStep::Decided(self.deny_absent(absent, revision)),
        })
    }

    /// The links of the store, where the policies rest on some, or what is to be loaded for them.
    ///
    /// # Errors
    /// Links that cannot be read.
    pub(crate) fn links(
        self,
        reading: &StateReading<'_>,
    ) -> Result<(Option<Arc<LinkTable>>, Option<Missing>), Failure> {
        if !self.bundle.reads_links() {
            return Ok((None, None));
        }
        Ok(match reading.links()? {
            Some(table) => (Some(table), None),
            None => (None, StateReading::missing_links()),
        })
    }

    /// Decides a question by the entities of its slice, which are all that the policies can look
    /// at, and by the links of the store.
    ///
    /// # Errors
    /// Entities that do not fit together, a link that misfits, a stack that is too small.
    pub(crate) fn decide(
        self,
        question: &Question,
        slice: Vec<SeenEntity>,
        link_table: Option<Arc<LinkTable>>,
        tenancy_revision: Arc<str>,
    ) -> Result<Decision, Failure> {
        require_stack(DECISION_STACK_BYTES)?;
        let entities = self.entities(slice.iter().map(|seen| &seen.loaded.entity))?;
        let linked = LinkedPolicies::of(self.bundle, link_table.as_deref(), question, &entities)?;
        let decision = self.decide_over(question, &question.request, &entities, &linked);
        Ok(Decision {
            tenancy_revision,
            slice: slice.into(),
            link_table,
            ..decision
        })
    }

    /// Decides a question by entities as Cedar takes them. The request is that of the question,
    /// or differs from it in its context alone.
    pub(crate) fn decide_over(
        self,
        question: &Question,
        request: &Request,
        entities: &Entities,
        linked: &LinkedPolicies,
    ) -> Decision {
        let authorizer = Authorizer::new();
        let sets = self
            .shard
            .policies_for(&question.principal, &question.resource, entities);
        let responses: Vec<_> = sets
            .chain(linked.set())
            .map(|policies| authorizer.is_authorized(request, policies, entities))
            .collect();
        let mut decision = Decision::denial(&self.bundle.revision, Arc::default());
        conclude(&mut decision, &responses, self.bundle, linked);
        decision
    }

    /// Entities as Cedar takes them, with the action and its groups.
    ///
    /// # Errors
    /// Entities that do not fit together.
    pub(crate) fn entities<'e>(
        self,
        entities: impl Iterator<Item = &'e SharedEntity>,
    ) -> Result<Entities, SliceError>
    where
        'a: 'e,
    {
        together(self.shard.actions.iter().chain(entities)).map_err(SliceError::Unfit)
    }

    /// Denies a question whose entities are not there. Cedar would skip the policies that read an
    /// absent entity, also those that forbid.
    pub(super) fn deny_absent(
        self,
        absent: AbsentEntities,
        tenancy_revision: Arc<str>,
    ) -> Decision {
        let AbsentEntities {
            what,
            uids,
            present,
        } = absent;
        let present = present.into_iter();
        Decision {
            reasons: what.into_iter().map(Reason::absent).collect(),
            absent: uids,
            slice: present
                .map(|loaded| SeenEntity { loaded, tags: None })
                .collect(),
            ..Decision::denial(&self.bundle.revision, tenancy_revision)
        }
    }
}
