//! A question or a batch, from one state of the policies and of the store.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use cedar_policy::EntityUid;
use serde_json::{Map, Value as Json};

use super::batch::{SettledQuestion, decide_batch};
use super::decider::{Decider, DecisionStep};
use super::decision::{Decision, QuestionForm};
use super::demand;
use super::failure::Failure;
use super::kept::Recall;
use super::malformed::Malformed;
use super::question::{Question, QuestionOptions};
use super::state::EngineState;
use crate::schema::Schema;
use crate::slice::{Demand, Freshness, ReadingSources, StateReading};
use crate::stages::{OngoingStage, Stage, Stages};
use crate::store::Store;

/// One state of policies, for a question or a batch. It is cheap to clone, and can be sent to
/// other tasks.
#[derive(Clone)]
pub struct Session {
    /// The policies.
    pub state: Arc<EngineState>,
    /// Receives the stages of its decisions, if anybody wants them.
    stages: Option<Arc<Stages>>,
}

impl Session {
    pub(super) fn new(state: Arc<EngineState>) -> Self {
        Self {
            state,
            stages: None,
        }
    }

    /// The same session, whose decisions tell of their stages.
    #[must_use]
    pub fn watched(mut self, stages: Arc<Stages>) -> Self {
        self.stages = Some(stages);
        self
    }

    /// Reads a question for this session, and how it is to be answered. `most_entities` is how
    /// many entities a caller may describe.
    ///
    /// # Errors
    /// A question that does not fit the schema.
    pub fn question(
        &self,
        json: &Json,
        most_entities: usize,
    ) -> Result<(Question, QuestionOptions), Malformed> {
        Question::read(json, &self.state.bundle, self.store(), most_entities)
    }

    /// The question that this text is in a form, if the same text was read by the same Bundle before. It
    /// describes no entities, and has no options.
    #[must_use]
    pub fn known_question(&self, form: QuestionForm, text: &[u8]) -> Option<Question> {
        self.state.known.of(form, text)
    }

    /// Keeps a question that was read from this text, for [`Session::known_question`].
    pub fn keep_question(
        &self,
        form: QuestionForm,
        text: &[u8],
        question: &Question,
        options: &QuestionOptions,
    ) {
        self.state.known.keep(form, text, question, options);
    }

    /// Reads the demand that a batch makes for all of its questions: `atLeast` and `maxAge`.
    ///
    /// # Errors
    /// A text that is no revision of the store, or no length of time.
    pub fn demand(&self, members: &Map<String, Json>) -> Result<Demand, Malformed> {
        demand::read(members, self.store())
    }

    /// Adds to a demand that the state has to hold the one of that name. `member` is
    /// where it was written.
    ///
    /// # Errors
    /// A text that is no revision of the store.
    pub fn at_least(&self, demand: &mut Demand, member: &str, text: &str) -> Result<(), Malformed> {
        demand::at_least(demand, member, text, self.store())
    }

    /// Adds to a demand that the state has to have been the newest that short a time
    /// ago.
    ///
    /// # Errors
    /// A text that is no length of time.
    pub fn max_age(&self, demand: &mut Demand, member: &str, text: &str) -> Result<(), Malformed> {
        demand::max_age(demand, member, text)
    }

    /// Decides one question, from a state such as is demanded.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn decide(&self, question: &Question, demand: &Demand) -> Result<Decision, Failure> {
        self.decide_or_recall(question, demand, Recall::Never).await
    }

    /// The same; the decision may be one that was made before, where that is allowed.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn decide_or_recall(
        &self,
        question: &Question,
        demand: &Demand,
        recall: Recall,
    ) -> Result<Decision, Failure> {
        let decider = Decider::of(&self.state.bundle, question)?;
        let freshness = self.freshness([&question.action]);
        let mut reading = self.reading(freshness, demand).await?;
        let kept = &self.state.kept;
        loop {
            let recalling = OngoingStage::begin(self.stages.as_deref(), Stage::Recall);
            if let Some(decision) = kept.recall(question, &reading, recall) {
                return Ok(decision);
            }
            recalling.forget();
            match decider.step(question, &reading)? {
                DecisionStep::Decided(decision) => {
                    kept.keep(question, &reading, recall, &decision);
                    return Ok(decision);
                }
                // The state may move on: all is gathered anew.
                DecisionStep::Missing(missing) => reading.load(missing).await?,
            };
        }
    }

    /// Decides questions, in order, all from one state of the store such as is demanded. The
    /// demand is that of all of them together ([`Demand::join`]).
    ///
    /// # Errors
    /// A failure that concerns all of the questions.
    pub async fn decide_all(
        &self,
        questions: &[&Question],
        demand: &Demand,
    ) -> Result<Vec<Result<Decision, Failure>>, Failure> {
        let sound = questions
            .iter()
            .map(|question| Ok::<_, Infallible>(*question));
        let answered = self
            .decide_each(sound.collect(), demand, Recall::Never)
            .await?;
        let decisions = answered.into_iter().map(|answered| match answered {
            Ok((_, decision)) => decision,
            Err(never) => match never {},
        });
        Ok(decisions.collect())
    }

    /// The same for a batch in which some questions could not be read. Those stay as they are, in
    /// their places. Decisions may be ones that were made before, where that is allowed.
    ///
    /// # Errors
    /// A failure that concerns all of the questions.
    pub async fn decide_each<Q: AsRef<Question>, E>(
        &self,
        questions: Vec<Result<Q, E>>,
        demand: &Demand,
        recall: Recall,
    ) -> Result<Vec<SettledQuestion<Q, E>>, Failure> {
        if questions.iter().all(Result::is_err) {
            let others = questions.into_iter().filter_map(Result::err);
            return Ok(others.map(Err).collect());
        }
        let sound = questions.iter().flatten();
        let freshness = self.freshness(sound.map(|question| &question.as_ref().action));
        let mut reading = self.reading(freshness, demand).await?;
        let kept = (&self.state.kept, recall);
        let batch = decide_batch(questions, &self.state.bundle, Some(kept), &mut reading);
        Ok(batch.await?.answered)
    }

    /// The name of the newest state of the store.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub(crate) async fn newest_state(&self) -> Result<Arc<str>, Failure> {
        let snapshot = self
            .store()
            .snapshot(&self.state.bundle.schema, None)
            .await?;
        Ok(Arc::clone(snapshot.revision().name()))
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.state.bundle.schema
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.state.tenancy.store
    }

    /// How new a state has to be for all of these actions: the settings, with what the actions
    /// say of themselves.
    pub(crate) fn freshness<'a>(
        &self,
        actions: impl IntoIterator<Item = &'a EntityUid>,
    ) -> Freshness {
        let settings = *self.settings();
        let of_action = |action: &EntityUid| self.schema().action(action)?.max_stale;
        let (mut least, mut own) = (None, None);
        for max_stale in actions.into_iter().map(of_action) {
            own = own.into_iter().chain(max_stale).min();
            let max_stale = max_stale.unwrap_or(settings.max_stale);
            least = least.into_iter().chain([max_stale]).min();
        }
        Freshness {
            max_stale: least.unwrap_or(settings.max_stale),
            // With a look for each question, each is answered from the newest state.
            closely: match settings.followed {
                true => own,
                false => Some(Duration::ZERO),
            },
            ..settings
        }
    }

    /// A reading of a state such as is demanded.
    pub(crate) async fn reading<'a>(
        &'a self,
        freshness: Freshness,
        demand: &'a Demand,
    ) -> Result<StateReading<'a>, Failure> {
        let sources = ReadingSources {
            store: self.store(),
            timeline: &self.state.tenancy.timeline,
            cache: &self.state.cache,
            bundle: &self.state.bundle,
            waits: &self.state.waits,
            stages: self.stages.as_deref(),
        };
        Ok(StateReading::begin(sources, &freshness, demand).await?)
    }

    /// How new a state has to be where the action does not say.
    pub(super) fn settings(&self) -> &Freshness {
        &self.state.tenancy.freshness
    }
}
