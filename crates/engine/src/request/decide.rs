//! Deciding a request: its questions are made and decided in one state of the store.

use std::sync::Arc;

use super::ask::{QuestionMaker, RequestQuestions};
use super::facts::StoreFacts;
use super::said::RequestContents;
use super::{Drafted, HttpRequest, RequestDecision, RequestLimits, Routed};
use crate::decide::{Decision, Failure, Question, Reason, Recall, Verdict, decide_batch};
use crate::policy::Bundle;
use crate::schema::Designation;
use crate::slice::{Demand, InState, Moved, StateReading};

impl RequestDecision {
    fn denied(bundle: &Bundle, reasons: Vec<Reason>) -> Self {
        Self {
            verdict: Verdict::Deny,
            reasons,
            obligations: Vec::new(),
            principal: None,
            asked: Vec::new(),
            policy_revision: Arc::clone(&bundle.revision),
            tenancy_revision: None,
        }
    }
}

impl Routed<'_> {
    /// Decides if the request may pass, all of it from one state of the store.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn decide(
        &self,
        request: &HttpRequest<'_>,
        who: &Designation,
        limits: &RequestLimits,
        demand: &Demand,
    ) -> Result<RequestDecision, Failure> {
        self.decide_or_recall(request, who, limits, (demand, Recall::Never))
            .await
    }

    /// The same; the decisions of its questions may be ones that were made before, where that is allowed.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn decide_or_recall(
        &self,
        request: &HttpRequest<'_>,
        who: &Designation,
        limits: &RequestLimits,
        (demand, recall): (&Demand, Recall),
    ) -> Result<RequestDecision, Failure> {
        let kept = Some((&self.session.state.kept, recall));
        let bundle = &self.session.state.bundle;
        let said = match RequestContents::read(self, request, limits) {
            Ok(said) => said,
            Err(reason) => return Ok(RequestDecision::denied(bundle, vec![reason])),
        };
        let mut reading = self.reading(demand).await?;
        loop {
            let mut facts = StoreFacts::default();
            let made = self
                .make(&said, who, limits, &mut facts, &mut reading)
                .await?;
            let InState::Same(RequestQuestions {
                principal,
                questions,
            }) = made
            else {
                continue;
            };
            let batch = decide_batch(questions, bundle, kept, &mut reading).await?;
            if batch.moved == Moved::Yes && !facts.is_empty() {
                // The questions were made from a state that is the past now.
                continue;
            }
            let mut decision = RequestDecision::denied(bundle, Vec::new());
            decision.principal = principal;
            decision.tenancy_revision = Some(Arc::clone(reading.revision()));
            for answered in batch.answered {
                match answered {
                    Err(reasons) => decision.reasons.extend(reasons),
                    Ok((question, answer)) => decision.take(question, answer?),
                }
            }
            decision.conclude();
            return Ok(decision);
        }
    }

    async fn reading<'a>(&'a self, demand: &'a Demand) -> Result<StateReading<'a>, Failure> {
        let actions = self.route.asks.iter().map(|ask| &ask.action);
        let freshness = self.session.freshness(actions);
        self.session.reading(freshness, demand).await
    }

    /// Makes the questions, from the facts of one state.
    async fn make(
        &self,
        said: &RequestContents<'_, '_>,
        who: &Designation,
        limits: &RequestLimits,
        facts: &mut StoreFacts,
        reading: &mut StateReading<'_>,
    ) -> Result<InState<RequestQuestions>, Failure> {
        let schema = self.session.schema();
        loop {
            let asking = QuestionMaker {
                schema,
                said,
                facts,
            };
            match asking.made(&self.route.asks, who) {
                Ok(made) => return Ok(InState::Same(made)),
                Err(needs) => {
                    if facts.supply(needs, reading, limits.candidates).await? == Moved::Yes {
                        return Ok(InState::Moved);
                    }
                }
            }
        }
    }

    /// The questions of the request, before they are asked. Without a `demand` the store is not
    /// read.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn drafts(
        &self,
        request: &HttpRequest<'_>,
        limits: &RequestLimits,
        demand: Option<&Demand>,
    ) -> Result<Vec<Vec<Drafted>>, Failure> {
        let schema = self.session.schema();
        let said = match RequestContents::read(self, request, limits) {
            Ok(said) => said,
            Err(reason) => return Ok(vec![vec![Drafted::Refused(vec![reason])]]),
        };
        let asks = &self.route.asks;
        let mut facts = StoreFacts::default();
        let Some(demand) = demand else {
            let asking = QuestionMaker {
                schema,
                said: &said,
                facts: &facts,
            };
            let each = asks
                .iter()
                .map(|ask| asking.draft(ask).unwrap_or_else(|_| vec![Drafted::Depends]));
            return Ok(each.collect());
        };
        let mut reading = self.reading(demand).await?;
        loop {
            let asking = QuestionMaker {
                schema,
                said: &said,
                facts: &facts,
            };
            match asking.drafted(asks) {
                Ok(drafted) => return Ok(drafted),
                Err(needs) => {
                    let moved = facts.supply(needs, &mut reading, limits.candidates);
                    if moved.await? == Moved::Yes {
                        facts = StoreFacts::default();
                    }
                }
            }
        }
    }
}

impl RequestDecision {
    /// Adds the answer to one question.
    fn take(&mut self, question: Question, answer: Decision) {
        if answer.verdict == Verdict::Deny {
            self.reasons.extend(answer.reasons.iter().cloned());
        }
        self.asked.push((question, answer));
    }

    /// An Allow needs that something was asked, that nothing was refused, and that each answer is
    /// an Allow.
    fn conclude(&mut self) {
        let allowed = |(_, answer): &(Question, Decision)| answer.verdict == Verdict::Allow;
        if self.asked.is_empty() && self.reasons.is_empty() {
            self.reasons.push(Reason::nothing_asked());
        }
        if self.reasons.is_empty() && !self.asked.is_empty() && self.asked.iter().all(allowed) {
            self.verdict = Verdict::Allow;
            for (_, answer) in &self.asked {
                for obligation in &answer.obligations {
                    if !self.obligations.contains(obligation) {
                        self.obligations.push(Arc::clone(obligation));
                    }
                }
            }
        }
    }
}
