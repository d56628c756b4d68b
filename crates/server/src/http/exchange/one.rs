//! One question: no batch is made of it.

use super::super::problem::Problem;
use super::given::GivenDecision;
use super::open::Exchange;
use super::question::{DemandedState, NoQuestion, QuestionItem};

impl Exchange<'_> {
    /// Decides one question and gives its decision.
    ///
    /// # Errors
    /// Something in the place of a question, a store that fails, a log that refuses.
    pub(in crate::http) async fn one(
        &self,
        item: QuestionItem,
        demanded: DemandedState,
    ) -> Result<GivenDecision, Problem> {
        match item {
            Ok(asked) => {
                let demanded = demanded.and(&asked.options.demand);
                let recall = self.recall([&asked]);
                let session = &self.session;
                self.has_read();
                let decision = session.decide_or_recall(&asked.question, &demanded.0, recall);
                let decision = decision.await.map_err(|failure| self.failed(failure))?;
                self.has_decided();
                self.permit_decided(&asked.question, &decision, asked.explains)?;
                match asked.bind(decision) {
                    Ok((asked, decision)) => {
                        self.give(asked, decision, self.started.elapsed()).await
                    }
                    Err(denied) => self.give_denied(*denied, self.started.elapsed()).await,
                }
            }
            Err(NoQuestion::Denied(denied)) => {
                self.permit_denied(denied.action.as_ref())?;
                self.give_denied(*denied, self.started.elapsed()).await
            }
            Err(NoQuestion::Refused(problem)) => Err(problem),
        }
    }
}
