//! A decision on its way out: explained, logged, counted, and offered to the shadow, in this order.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cedar_policy::EntityUid;
use serde_json::Value as Json;
use uuid::Uuid;

use super::super::explanation::Why;
use super::super::problem::Problem;
use super::super::traced::attributes;
use super::open::Exchange;
use super::question::{NameDenial, PermittedQuestion};
use peppol_authz_engine::{Decided, Decision, Explanation, Question, Recall};

/// A decision that may leave. The log has taken it, it is counted, and the shadow was offered it.
pub(in crate::http) struct GivenDecision {
    decided: Arc<Decided>,
    why: Option<Why>,
}

impl GivenDecision {
    pub(in crate::http) fn id(&self) -> Uuid {
        self.decided.id
    }

    pub(in crate::http) fn decision(&self) -> &Decision {
        &self.decided.decision
    }

    /// The explanation, where one was asked for.
    pub(in crate::http) fn why(&self) -> Option<&Why> {
        self.why.as_ref()
    }

    /// The decision with its question, and the explanation.
    pub(in crate::http) fn into_parts(self) -> (Arc<Decided>, Option<Why>) {
        (self.decided, self.why)
    }
}

impl Exchange<'_> {
    /// Gives the decision of a question. `elapsed` is how long it took.
    ///
    /// # Errors
    /// A log that refuses; then the decision is neither given nor counted.
    pub(super) async fn give(
        &self,
        asked: PermittedQuestion,
        decision: Decision,
        elapsed: Duration,
    ) -> Result<GivenDecision, Problem> {
        let (question, decision, why) = match asked.options.explain {
            true => {
                let bundle = Arc::clone(&self.session.state.bundle);
                // Boxed, so that a question that is not explained has no larger future.
                let question = asked.question;
                let explained = self.app.explanations.on_a_thread(async move {
                    let why = Explanation::of(&bundle, &question, &decision);
                    (question, decision, why)
                });
                let (question, decision, why) = Box::pin(explained).await?;
                (question, decision, Some(why))
            }
            false => (asked.question, decision, None),
        };
        let decided = self.decided(
            Uuid::now_v7(),
            Some(question),
            Json::Null,
            decision,
            elapsed,
        );
        self.log(&decided).await?;
        self.count(None, &decided);
        self.tell_trace(None, &decided);
        self.offer(&decided);
        Ok(GivenDecision { decided, why })
    }

    /// Gives a denial that no policy was asked for.
    ///
    /// # Errors
    /// The same.
    pub(super) async fn give_denied(
        &self,
        denied: NameDenial,
        elapsed: Duration,
    ) -> Result<GivenDecision, Problem> {
        let id = Uuid::now_v7();
        let decided = self.decided(id, None, denied.said, denied.decision, elapsed);
        self.log(&decided).await?;
        self.count(denied.action.as_ref(), &decided);
        self.tell_trace(denied.action.as_ref(), &decided);
        self.offer(&decided);
        Ok(GivenDecision { decided, why: None })
    }

    /// Puts a decision and its question behind one pointer: they are large, and go through many
    /// hands.
    pub(super) fn decided(
        &self,
        id: Uuid,
        question: Option<Question>,
        said: Json,
        decision: Decision,
        elapsed: Duration,
    ) -> Arc<Decided> {
        Arc::new(Decided {
            id,
            surface: self.surface.name(),
            at: SystemTime::now(),
            elapsed,
            question,
            said,
            decision,
            marks: self.marks.clone(),
            bundle: Arc::clone(&self.session.state.bundle),
        })
    }

    /// Returns true if there are observers: the decision log or the shadow. Nothing is made for
    /// them where there are none.
    pub(in crate::http) fn is_observed(&self) -> bool {
        self.app.decision_log.is_some() || self.app.shadow.is_some()
    }

    /// The ways to decisions: observers and policies of callers that look at tenants need the slice, and
    /// an explanation also the links.
    pub(super) fn recall<'q>(
        &self,
        asked: impl IntoIterator<Item = &'q PermittedQuestion>,
    ) -> Recall {
        let is_explained = |asked: &PermittedQuestion| asked.options.explain;
        let callers = self.policies_of_callers.as_ref();
        let see_tenants = callers.is_some_and(|policies| policies.see_tenants());
        match see_tenants || self.is_observed() {
            _ if asked.into_iter().any(is_explained) => Recall::Never,
            true => Recall::WithSlice,
            false => Recall::WithoutSlice,
        }
    }

    /// Hands a decision to the log. This comes first: what the log refuses is not given.
    pub(super) async fn log(&self, decided: &Arc<Decided>) -> Result<(), Problem> {
        if let Some(log) = &self.app.decision_log {
            let taken = log.take(Arc::clone(decided)).await;
            taken.map_err(|_| Problem::NotLogged)?;
        }
        Ok(())
    }

    /// Counts a decision. `action` is the action of a denial without a question.
    pub(super) fn count(&self, action: Option<&EntityUid>, decided: &Decided) {
        let question = decided.question.as_ref();
        let action = question.map(|question| &question.action).or(action);
        // An action that there is not would be a label that a caller made up.
        let action = action.map_or("other", |uid| uid.id().as_ref());
        let metrics = &self.app.metrics.questions;
        metrics.decided(action, &decided.decision, decided.elapsed);
        self.app.denials.note(action, decided);
        let (id, verdict) = (&decided.id, decided.decision.verdict.name());
        tracing::debug!(decision_id = %id, action, decision = verdict, "decided");
    }

    /// Tells the trace of a decision, if it is recorded.
    pub(super) fn tell_trace(&self, action: Option<&EntityUid>, decided: &Decided) {
        if let Some(trace) = &self.trace {
            trace.decided(|| attributes(action, decided));
        }
    }

    /// Offers a decision to the shadow, which never waits.
    pub(super) fn offer(&self, decided: &Arc<Decided>) {
        if let Some(shadow) = &self.app.shadow {
            shadow.offer(decided);
        }
    }
}
