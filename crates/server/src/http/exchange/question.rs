//! Questions as surfaces make them, and how new the state has to be that they are decided from.

use axum::http::HeaderMap;
use cedar_policy::EntityUid;
use serde_json::{Map, Value as Json};

use super::super::freshness;
use super::super::problem::Problem;
use super::open::Exchange;
use peppol_authz_engine::schema::parse_json;
use peppol_authz_engine::slice::Demand;
use peppol_authz_engine::{
    Decision, Headers, Malformed, MembersOfContexts, PartsReader, PartsSettings, Question,
    QuestionForm, QuestionOptions, QuestionParts, Refusal, Turn, Verdict,
};

/// How new the state has to be, as the caller demands it.
#[derive(Clone)]
pub(in crate::http) struct DemandedState(pub(super) Demand);

/// A question that the caller may ask.
pub(in crate::http) struct PermittedQuestion {
    pub(super) question: Question,
    pub(super) options: QuestionOptions,
    /// Where the caller understands no obligation: the names in the question, for observers.
    pub(super) unbindable: Option<Json>,
    /// Where it is to be explained: true if the setting lets the caller.
    pub(super) explains: Option<bool>,
}

/// Something in the place of a question.
pub(in crate::http) enum NoQuestion {
    /// It names what the schema does not have, and is denied for that.
    Denied(Box<NameDenial>),
    /// It is malformed or not allowed.
    Refused(Problem),
}

/// A denial that no policy was asked for.
pub(in crate::http) struct NameDenial {
    /// The action, where there is one of that name.
    pub(super) action: Option<EntityUid>,
    /// The names in the question, for observers; null where there are none.
    pub(super) said: Json,
    pub(super) decision: Decision,
}

/// One question of a request, as far as it is one.
pub(in crate::http) type QuestionItem = Result<PermittedQuestion, NoQuestion>;

impl DemandedState {
    /// The caller demands nothing, or may not.
    pub(in crate::http) fn nothing() -> Self {
        Self(Demand::default())
    }

    /// The same with another demand.
    pub(in crate::http) fn and(mut self, demand: &Demand) -> Self {
        self.0.join(demand);
        self
    }
}

impl PermittedQuestion {
    /// A question without options.
    pub(in crate::http) fn new(question: Question) -> Self {
        Self {
            question,
            options: QuestionOptions::default(),
            unbindable: None,
            explains: None,
        }
    }

    /// True if its caller takes an obligation of a permit on.
    pub(in crate::http) fn binds(&self) -> bool {
        self.unbindable.is_none()
    }

    /// The decision for its caller; a denial where that one does not understand the obligations of
    /// a permit. A denial without a question, as no policy denies it.
    pub(super) fn bind(self, decision: Decision) -> Result<(Self, Decision), Box<NameDenial>> {
        let is_bound = decision.verdict == Verdict::Allow && !decision.obligations.is_empty();
        match self.unbindable {
            Some(said) if is_bound => Err(Box::new(NameDenial {
                action: Some(self.question.action),
                said,
                decision: decision.for_who_understands_no_obligation(),
            })),
            _ => Ok((self, decision)),
        }
    }
}

impl AsRef<Question> for PermittedQuestion {
    fn as_ref(&self) -> &Question {
        &self.question
    }
}

impl From<Problem> for NoQuestion {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl Exchange<'_> {
    /// Parses JSON text within the limits.
    ///
    /// # Errors
    /// Text that is no JSON, or nested too deeply.
    pub(in crate::http) fn json(&self, text: &[u8]) -> Result<Json, Problem> {
        parse_json(text, self.app.limits.json_depth)
            .map_err(|error| self.refused(Malformed::json(error.to_string())))
    }

    /// Reads the demand of a request's headers.
    ///
    /// # Errors
    /// A header that does not fit.
    pub(in crate::http) fn demand(&self, headers: Headers<'_>) -> Result<DemandedState, Problem> {
        let demand = freshness::demand(headers, &self.session);
        Ok(DemandedState(
            demand.map_err(|malformed| self.refused(malformed))?,
        ))
    }

    /// Reads the demand of a batch, which its members say for all questions.
    ///
    /// # Errors
    /// A member that does not fit.
    pub(in crate::http) fn demand_of_batch(
        &self,
        members: &Map<String, Json>,
    ) -> Result<Demand, Problem> {
        let demand = self.session.demand(members);
        demand.map_err(|malformed| self.refused(malformed))
    }

    /// Reads a question in its native form, for [`Exchange::asked`].
    ///
    /// # Errors
    /// A question that does not fit the schema; it is not counted.
    pub(in crate::http) fn question(
        &self,
        json: &Json,
    ) -> Result<(Question, QuestionOptions), Malformed> {
        self.session.question(json, self.app.limits.entities)
    }

    /// The question that this text is, if it was read before ([`Session::known_question`]).
    ///
    /// [`Session::known_question`]: peppol_authz_engine::Session::known_question
    pub(in crate::http) fn known(&self, form: QuestionForm, text: &[u8]) -> Option<Question> {
        self.session.known_question(form, text)
    }

    /// Keeps a question that was read from this text.
    pub(in crate::http) fn keep(
        &self,
        form: QuestionForm,
        text: &[u8],
        question: &Question,
        options: &QuestionOptions,
    ) {
        self.session.keep_question(form, text, question, options);
    }

    /// A question with these options, of the sender of these headers.
    pub(in crate::http) fn asked(
        &self,
        headers: &HeaderMap,
        question: Question,
        options: QuestionOptions,
    ) -> PermittedQuestion {
        PermittedQuestion {
            explains: options.explain.then(|| self.explains_to(headers)),
            question,
            options,
            unbindable: None,
        }
    }

    /// True if the setting lets the sender of these headers have something explained.
    pub(in crate::http) fn explains_to(&self, headers: &HeaderMap) -> bool {
        self.app.explainers.hold(headers)
    }

    /// Makes a question of parts whose names the schema may not have, by the `reader` of their
    /// request. `binds` is false for a caller who understands no obligation; `said` tells observers
    /// what the names were.
    pub(in crate::http) fn question_of<'p>(
        &self,
        reader: &mut PartsReader<'p>,
        parts: &QuestionParts<'p>,
        binds: bool,
        said: impl FnOnce() -> Json,
    ) -> QuestionItem {
        let said = || match self.is_observed() {
            true => said(),
            false => Json::Null,
        };
        match reader.question(parts, &self.session, &self.parts_settings()) {
            Ok(question) => Ok(PermittedQuestion {
                unbindable: (!binds).then(said),
                ..PermittedQuestion::new(question)
            }),
            Err(Refusal::Unfit(malformed)) => Err(NoQuestion::Refused(self.refused(malformed))),
            Err(Refusal::Denied(denial)) => Err(NoQuestion::Denied(Box::new(NameDenial {
                action: denial.action,
                said: said(),
                decision: denial.decision,
            }))),
        }
    }

    /// How the parts of questions and searches are read.
    pub(super) fn parts_settings(&self) -> PartsSettings<'_> {
        PartsSettings {
            entities: self.app.limits.entities,
            ignored: self.app.authzen.ignored(),
        }
    }

    /// Members that are read in the context of an action, and so nowhere else ignored.
    pub(in crate::http) fn members_of_contexts(&self) -> MembersOfContexts<'_> {
        let ignored = self.app.authzen.ignored();
        MembersOfContexts::of(&self.session, ignored)
    }

    /// Checks the number of questions in a batch. `member` is where they stand.
    ///
    /// # Errors
    /// More questions than the limit.
    pub(in crate::http) fn fits(
        &self,
        member: &'static str,
        questions: usize,
    ) -> Result<(), Problem> {
        let most = self.app.limits.batch;
        self.app.limits.peaks.batch.note(questions.min(most));
        if questions > most {
            return Err(Problem::BatchTooLarge(member, most));
        }
        Ok(())
    }

    /// Checks the length of the questions of a batch, in bytes, each with what it shares with
    /// others. `member` is where they stand.
    ///
    /// # Errors
    /// More than the limit.
    pub(in crate::http) fn fits_together(
        &self,
        member: &'static str,
        bytes: usize,
    ) -> Result<(), Problem> {
        let most = self.app.limits.batch_bytes;
        self.app.limits.peaks.batch_bytes.note(bytes.min(most));
        if bytes > most {
            return Err(Problem::BatchTooLong(member, most));
        }
        Ok(())
    }

    /// Reads the questions of a batch in order. Other tasks get their turn in between.
    pub(in crate::http) async fn items<'t, T>(
        &self,
        texts: &'t [T],
        mut read: impl FnMut(&'t T) -> QuestionItem,
    ) -> Vec<QuestionItem> {
        let mut items = Vec::with_capacity(texts.len());
        let mut turn = Turn::begin();
        for text in texts {
            turn.pass().await;
            items.push(read(text));
        }
        items
    }
}
