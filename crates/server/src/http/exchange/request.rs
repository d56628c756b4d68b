//! A request to a gateway: several questions, one answer, and an answer also where nothing is asked.

use serde_json::Value as Json;
use uuid::Uuid;

use super::super::problem::Problem;
use super::open::Exchange;
use super::question::DemandedState;
use super::released::ReleasedAnswer;
use peppol_authz_engine::schema::Designation;
use peppol_authz_engine::{
    Decision, HttpRequest, Question, RequestDecision, RequestLimits, Routed, Unrouted,
};

/// An answer to a request, and the decisions that it rests on.
pub(in crate::http) struct SettledAnswer<T> {
    pub(in crate::http) answer: T,
    pub(in crate::http) asked: Vec<(Question, Decision)>,
    /// The answer as a decision, with a description of the request, where no question is the reason for
    /// it. Observers receive it; it is not counted.
    pub(in crate::http) unasked: Option<(Json, Decision)>,
}

impl Exchange<'_> {
    /// Finds the route of a request. `target` is path and query as the client sent them.
    ///
    /// # Errors
    /// A path that can be read in two ways, a request without a route.
    pub(in crate::http) fn routed<'r>(
        &'r self,
        method: &str,
        target: &'r str,
    ) -> Result<Routed<'r>, Unrouted> {
        Routed::find(&self.session, method, target)
    }

    /// Decides if a request may pass.
    ///
    /// # Errors
    /// A store that fails, a caller that may not know it.
    pub(in crate::http) async fn request(
        &self,
        routed: &Routed<'_>,
        request: &HttpRequest<'_>,
        who: &Designation,
        demanded: DemandedState,
    ) -> Result<RequestDecision, Problem> {
        let limits = &self.app.limits;
        let limits = RequestLimits {
            json_depth: limits.json_depth,
            questions: limits.batch,
            questions_bytes: limits.batch_bytes,
            candidates: limits.candidates,
        };
        self.has_read();
        let how = (&demanded.0, self.recall([]));
        let decided = routed.decide_or_recall(request, who, &limits, how);
        let decided = decided.await;
        self.has_decided();
        let decided = decided.map_err(|failure| self.failed(failure))?;
        if decided.asked.is_empty() {
            self.permit_denied(None)?;
        }
        for (question, decision) in &decided.asked {
            self.permit_decided(question, decision, None)?;
        }
        Ok(decided)
    }

    /// Gives all decisions of a request under the id of its answer.
    ///
    /// # Errors
    /// A log that refuses; then the answer is not given.
    pub(in crate::http) async fn release<T>(
        &self,
        id: Uuid,
        settled: SettledAnswer<T>,
    ) -> Result<ReleasedAnswer<T>, Problem> {
        let elapsed = self.started.elapsed();
        let all = u32::try_from(settled.asked.len()).unwrap_or(u32::MAX);
        // Their share of the whole: what they look at is loaded together.
        let each = elapsed / all.max(1);
        for (question, decision) in settled.asked {
            let decided = self.decided(id, Some(question), Json::Null, decision, each);
            self.log(&decided).await?;
            self.count(None, &decided);
            self.tell_trace(None, &decided);
            self.offer(&decided);
        }
        if let Some((said, decision)) = settled.unasked {
            let decided = self.decided(id, None, said, decision, elapsed);
            self.log(&decided).await?;
            self.tell_trace(None, &decided);
            self.offer(&decided);
        }
        Ok(ReleasedAnswer::new(settled.answer))
    }
}
