//! What whoever looks on is shown of a gateway's request: each question that it was, and what it was
//! answered by where that is none of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value as Json;
use uuid::Uuid;

use super::super::{App, Problem};
use super::answer::Outcome;
use super::ask::Settled;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::{Decided, Decision, Question, Reason, Verdict};

/// Of a policy that forbids and does not say what that is called.
pub(super) const FORBIDDEN: &str = "FORBIDDEN";

/// Shows one request.
pub(super) struct Shown<'a> {
    pub(super) app: &'a App,
    pub(super) id: Uuid,
    pub(super) elapsed: Duration,
    pub(super) bundle: &'a Arc<Bundle>,
}

impl Shown<'_> {
    /// Counts each question, as those of other surfaces are, and shows it. `said` is for what is shown
    /// besides.
    pub(super) async fn take(
        &self,
        settled: Settled,
        said: impl Fn() -> Json,
    ) -> Result<Outcome, Problem> {
        let verdict = settled.outcome.verdict();
        let all = u32::try_from(settled.asked.len()).unwrap_or(u32::MAX);
        // Their share of the whole: what they look at is loaded together.
        let each = self.elapsed / all.max(1);
        let mut is_told = false;
        for (question, decision) in settled.asked {
            is_told |= verdict == Some(decision.verdict) && settled.outcome.is_of(&decision);
            let decided = self.decided(Some(question), Json::Null, decision, each);
            self.app.decided(decided).await?;
        }
        if let Some(verdict) = verdict
            && !is_told
            && self.app.is_observed()
        {
            let decision = settled.outcome.unasked(verdict, &self.bundle.revision);
            let decided = self.decided(None, said(), decision, self.elapsed);
            self.app.observe(decided).await?;
        }
        Ok(settled.outcome)
    }

    fn decided(
        &self,
        question: Option<Question>,
        said: Json,
        decision: Decision,
        elapsed: Duration,
    ) -> Arc<Decided> {
        Arc::new(Decided {
            id: self.id,
            surface: "gateway",
            at: SystemTime::now(),
            elapsed,
            question,
            said,
            decision,
            bundle: Arc::clone(self.bundle),
        })
    }
}

impl Outcome {
    /// `None` where there is no decision.
    fn verdict(&self) -> Option<Verdict> {
        match self {
            Self::Allowed { .. } => Some(Verdict::Allow),
            Self::Denied { .. } | Self::Unauthorized(_) => Some(Verdict::Deny),
            Self::Failed { .. } => None,
        }
    }

    /// Whether it is for this that it is denied; an Allow is for all of them.
    fn is_of(&self, decision: &Decision) -> bool {
        let mut codes = decision.reasons.iter().map(|reason| reason.code.as_deref());
        decision.verdict == Verdict::Allow
            || codes.any(|code| code.unwrap_or(FORBIDDEN) == self.code())
    }

    /// As a decision that no policy was asked for.
    fn unasked(&self, verdict: Verdict, policy_revision: &Arc<str>) -> Decision {
        let reason = (verdict == Verdict::Deny).then(|| Reason {
            code: Some(Arc::from(self.code())),
            rule: None,
            policy: None,
            message: Some(Arc::from(self.message())),
        });
        Decision {
            verdict,
            reasons: reason.into_iter().collect(),
            determining: Vec::new(),
            errors: Vec::new(),
            obligations: BTreeSet::new(),
            policy_revision: Arc::clone(policy_revision),
            tenancy_revision: Arc::default(),
            slice: Vec::new(),
            absent: Vec::new(),
        }
    }
}
