//! Questions that are decided together, from one state of policies and store.

use std::sync::Arc;

use cedar_policy::{Authorizer, EntityUid, Response};
use serde_json::{Map, Value as Json};

use super::conclude::conclude;
use super::core::{Engine, State};
use super::decision::{Decision, Reason};
use super::demand;
use super::question::{Malformed, Question};
use crate::policy::Shard;
use crate::slice::{
    Asked, Demand, Freshness, Gathered, Missing, Moved, Reading, ReadingError, Slice, SliceError,
    Sources,
};
use crate::store::StoreError;

/// Questions that are decided before other tasks get their turn.
const TURN: usize = 64;

/// One state of policies, for a question or a batch.
pub struct Session<'a> {
    pub(crate) engine: &'a Engine,
    /// The policies.
    pub state: Arc<State>,
}

/// Why there is no decision. None of these is ever an Allow.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The store cannot be reached.
    #[error("{0}")]
    Unavailable(StoreError),
    /// The store has not reached the state that was asked for.
    #[error("the tenancy store has not reached the state that was asked for")]
    Behind,
    /// What the store holds cannot be used: it does not fit the schema, or an
    /// entity refers to one that is not there.
    #[error("{0}")]
    Tenancy(String),
    /// An entity that the caller describes refers to one that is not there.
    #[error("`entities`: an entity refers to one that is not there")]
    Described,
    /// A search would have to decide more candidates than it may.
    #[error("more than {0} candidates would have to be decided")]
    TooWide(usize),
    /// The policies for a question that fits the schema are not there.
    #[error("no policies were prepared for this question")]
    NoShard,
}

impl<'a> Session<'a> {
    pub(crate) fn new(engine: &'a Engine) -> Self {
        Self {
            engine,
            state: engine.state(),
        }
    }

    /// Reads a question for this session.
    ///
    /// # Errors
    /// A question that does not fit the schema.
    pub fn question(&self, json: &Json, most_entities: usize) -> Result<Question, Malformed> {
        Question::read(json, &self.state.bundle, self.engine.store(), most_entities)
    }

    /// Reads what a batch demands of the state for all of its questions: `atLeast`
    /// and `maxAge`.
    ///
    /// # Errors
    /// What is no revision of the store, or no length of time.
    pub fn demand(&self, members: &Map<String, Json>) -> Result<Demand, Malformed> {
        demand::read(members, self.engine.store())
    }

    /// Adds to a demand that the state has to hold the one of that name. `member` is
    /// where it was written.
    ///
    /// # Errors
    /// What is no revision of the store.
    pub fn at_least(&self, demand: &mut Demand, member: &str, text: &str) -> Result<(), Malformed> {
        demand::at_least(demand, member, text, self.engine.store())
    }

    /// Adds to a demand that the state has to have been the newest that short a time
    /// ago.
    ///
    /// # Errors
    /// What is no length of time.
    pub fn max_age(&self, demand: &mut Demand, member: &str, text: &str) -> Result<(), Malformed> {
        demand::max_age(demand, member, text)
    }

    /// Decides one question, from a state such as it demands.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn decide(&self, question: &Question) -> Result<Decision, Failure> {
        self.decide_under(question, &Demand::default()).await
    }

    /// Decides one question, from a state such as it and somebody else demand.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn decide_under(
        &self,
        question: &Question,
        demand: &Demand,
    ) -> Result<Decision, Failure> {
        let mut answers = self.decide_all(&[question], demand).await?;
        answers.pop().unwrap_or(Err(Failure::NoShard))
    }

    /// Decides questions, in order, all from one state of the store: one such as all
    /// of them and somebody else demand.
    ///
    /// # Errors
    /// Those that are a matter of all of the questions.
    pub async fn decide_all(
        &self,
        questions: &[&Question],
        demand: &Demand,
    ) -> Result<Vec<Result<Decision, Failure>>, Failure> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let mut demand = demand.clone();
        for question in questions {
            demand.join(&question.demand);
        }
        let freshness = self.freshness(questions.iter().map(|question| &question.action));
        let mut reading = Reading::begin(self.sources(), &freshness, &demand).await?;
        Ok(self.answer(questions, &mut reading).await?.answers)
    }

    /// Where a reading of this session reads.
    pub(crate) fn sources(&self) -> Sources<'_> {
        Sources {
            store: self.engine.store(),
            timeline: self.engine.timeline(),
            cache: &self.state.cache,
            bundle: &self.state.bundle,
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.engine
    }

    /// Decides questions, in order, all from the state of a reading, or from a later
    /// one where that has moved on meanwhile.
    pub(crate) async fn answer(
        &self,
        questions: &[&Question],
        reading: &mut Reading<'_>,
    ) -> Result<Answered, Failure> {
        let mut answers: Vec<Option<Result<Decision, Failure>>> = vec![None; questions.len()];
        let mut moved = false;
        loop {
            let mut missing = Vec::new();
            for (i, (question, answer)) in questions.iter().zip(&mut answers).enumerate() {
                if answer.is_some() {
                    continue;
                }
                if i % TURN == TURN - 1 {
                    tokio::task::yield_now().await;
                }
                match self.try_decide(question, reading) {
                    Ok(Step::Decided(decision)) => *answer = Some(Ok(decision)),
                    Ok(Step::Missing(more)) => missing.extend(more),
                    Err(failure) => *answer = Some(Err(failure)),
                }
            }
            if missing.is_empty() {
                break;
            }
            if reading.load(missing).await? == Moved::Yes {
                answers.fill(None);
                moved = true;
            }
        }
        for decision in answers.iter_mut().flatten().flatten() {
            decision.tenancy_revision = Arc::clone(reading.revision());
        }
        // Each is there, or the loop would not have ended.
        let answers = answers.into_iter();
        Ok(Answered {
            answers: answers
                .map(|answer| answer.unwrap_or(Err(Failure::NoShard)))
                .collect(),
            moved,
        })
    }

    /// The settings, with what the actions say of themselves.
    pub(crate) fn freshness<'b>(&self, actions: impl Iterator<Item = &'b EntityUid>) -> Freshness {
        let settings = *self.engine.freshness();
        let of_action = |action: &EntityUid| {
            let action = self.state.bundle.schema.action(action);
            action
                .and_then(|action| action.max_stale)
                .unwrap_or(settings.max_stale)
        };
        let least = actions.map(of_action).min();
        Freshness {
            max_stale: least.unwrap_or(settings.max_stale),
            ..settings
        }
    }

    /// Decides by what is at hand.
    fn try_decide(&self, question: &Question, reading: &Reading<'_>) -> Result<Step, Failure> {
        let bundle = &self.state.bundle;
        let shard = bundle
            .shard(
                &question.action,
                question.principal.type_name(),
                question.resource.type_name(),
            )
            .ok_or(Failure::NoShard)?;
        let mut decision = Decision::denial(&bundle.revision, Arc::clone(reading.revision()));
        let asked = Asked {
            principal: Some(&question.principal),
            resource: Some(&question.resource),
            context: &question.context,
            described: &question.described,
        };
        let slice = match reading.gather(asked, shard) {
            Ok(Gathered::Whole(slice)) => slice,
            Ok(Gathered::Missing(missing)) => return Ok(Step::Missing(missing)),
            // Cedar would skip the policies that read an absent entity, also
            // those that forbid.
            Err(SliceError::Absent {
                what,
                uids,
                present,
            }) => {
                decision.reasons = what.into_iter().map(Reason::absent).collect();
                decision.absent = uids;
                decision.slice_tags = vec![None; present.len()];
                decision.slice = present;
                return Ok(Step::Decided(decision));
            }
            Err(error) => return Err(error.into()),
        };
        let responses = responses(question, shard, &slice);
        decision.slice = slice.rows;
        decision.slice_tags = slice.tags;
        conclude(&mut decision, &responses, bundle);
        Ok(Step::Decided(decision))
    }
}

/// Answers to some questions, in order.
pub(crate) struct Answered {
    pub(crate) answers: Vec<Result<Decision, Failure>>,
    /// Whether they are from a later state than the one that was begun with.
    pub(crate) moved: bool,
}

enum Step {
    Decided(Decision),
    Missing(Vec<Missing>),
}

pub(crate) fn responses(question: &Question, shard: &Shard, slice: &Slice) -> Vec<Response> {
    let authorizer = Authorizer::new();
    shard
        .policies_for(&question.principal, &question.resource)
        .map(|policies| authorizer.is_authorized(&question.request, policies, &slice.entities))
        .collect()
}

impl From<SliceError> for Failure {
    fn from(error: SliceError) -> Self {
        match error {
            SliceError::Store(error) => error.into(),
            SliceError::Incomplete {
                described: true, ..
            } => Self::Described,
            SliceError::Incomplete { .. } | SliceError::Unfit(_) | SliceError::Absent { .. } => {
                Self::Tenancy(error.to_string())
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Misfit(text) => Self::Tenancy(text),
            other => Self::Unavailable(other),
        }
    }
}

impl From<ReadingError> for Failure {
    fn from(error: ReadingError) -> Self {
        match error {
            ReadingError::Store(error) => error.into(),
            ReadingError::Behind => Self::Behind,
        }
    }
}
