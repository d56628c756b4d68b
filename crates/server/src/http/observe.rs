//! Whoever looks on: every decision of every surface comes through here before its answer leaves.

use std::sync::Arc;

use cedar_policy::EntityUid;

use super::{App, Problem};
use peppol_authz_engine::Decided;

impl App {
    /// Shows the decision of a question to whoever looks on, and counts it.
    ///
    /// # Errors
    /// See [`App::observe`]; then it is not given, and not counted.
    pub(super) async fn decided(&self, decided: Arc<Decided>) -> Result<(), Problem> {
        self.decided_as(None, decided).await
    }

    /// The same, with the action that was asked where there is no question.
    ///
    /// # Errors
    /// The same.
    pub(super) async fn decided_as(
        &self,
        action: Option<EntityUid>,
        decided: Arc<Decided>,
    ) -> Result<(), Problem> {
        self.log(&decided).await?;
        self.count(action.as_ref(), &decided);
        self.offer(&decided);
        Ok(())
    }

    /// Counts a decision. `action` is what was asked, where there is such an action and no question.
    fn count(&self, action: Option<&EntityUid>, decided: &Decided) {
        let question = decided.question.as_ref();
        let action = question.map(|question| &question.action).or(action);
        // An action that there is not is a label that a caller made up.
        let action = action.map_or("other", |uid| uid.id().as_ref());
        self.metrics
            .decided(action, &decided.decision, decided.elapsed);
        let (id, verdict) = (&decided.id, decided.decision.verdict.name());
        tracing::debug!(decision_id = %id, action, decision = verdict, "decided");
    }

    /// Whether anybody looks on. Where nobody does, nothing is made for it.
    pub(super) fn is_observed(&self) -> bool {
        self.decision_log.is_some() || self.shadow.is_some()
    }

    /// Shows a decision to whoever looks on. The answer has to wait for this.
    ///
    /// # Errors
    /// What forbids that the answer leaves.
    pub(super) async fn observe(&self, decided: Arc<Decided>) -> Result<(), Problem> {
        self.log(&decided).await?;
        self.offer(&decided);
        Ok(())
    }

    /// Before anything else: what the log refuses is not given.
    async fn log(&self, decided: &Arc<Decided>) -> Result<(), Problem> {
        if let Some(log) = &self.decision_log {
            let taken = log.take(Arc::clone(decided)).await;
            taken.map_err(|_| Problem::NotLogged)?;
        }
        Ok(())
    }

    fn offer(&self, decided: &Arc<Decided>) {
        if let Some(shadow) = &self.shadow {
            shadow.offer(decided);
        }
    }
}
