//! Whoever looks on: every decision of every surface comes through here before its answer leaves.

use std::sync::Arc;

use cedar_policy::EntityUid;

use super::{App, Problem};
use crate::engine::Decided;

impl App {
    /// Counts the decision of a question and shows it to whoever looks on.
    ///
    /// # Errors
    /// See [`App::observe`].
    pub(super) async fn decided(&self, decided: Decided) -> Result<(), Problem> {
        let question = decided.question.as_ref();
        self.count(question.map(|question| &question.action), &decided);
        self.observe(decided).await
    }

    /// Counts a decision. `action` is what was asked, where there is such an action.
    pub(super) fn count(&self, action: Option<&EntityUid>, decided: &Decided) {
        // An action that there is not is a label that a caller made up.
        let action = action.map_or("other", |uid| uid.id().as_ref());
        self.metrics
            .decided(action, &decided.decision, decided.elapsed);
        let (id, verdict) = (&decided.id, decided.decision.verdict.name());
        tracing::debug!(decision_id = %id, action, decision = verdict, "decided");
    }

    /// Whether anybody looks on. Where nobody does, nothing is made for it.
    pub(super) fn is_observed(&self) -> bool {
        self.decision_log.is_some()
    }

    /// Shows a decision to whoever looks on. The answer has to wait for this.
    ///
    /// # Errors
    /// What forbids that the answer leaves.
    pub(super) async fn observe(&self, decided: Decided) -> Result<(), Problem> {
        if !self.is_observed() {
            return Ok(());
        }
        let decided = Arc::new(decided);
        if let Some(log) = &self.decision_log {
            log.take(decided).await.map_err(|_| Problem::NotLogged)?;
        }
        Ok(())
    }
}
