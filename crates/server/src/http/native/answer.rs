//! Decisions as the native wire has them.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::exchange::GivenDecision;
use super::super::explanation::{Why, WireExplanation};
use super::super::problem::{Problem, ProblemBody};
use super::super::reason::WireReason;
use peppol_authz_engine::{Decision, Explanation, Unexplained};

/// A decision as callers read it. `decision` and `diagnostics` are those of cedar-agent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Answer)]
pub(in crate::http) struct DecisionAnswer<'a> {
    #[schema(pattern = "^(Allow|Deny)$")]
    decision: &'static str,
    diagnostics: DecisionDiagnostics<'a>,
    reasons: Vec<WireReason<'a>>,
    obligations: Vec<&'a str>,
    #[schema(value_type = String, format = "uuid")]
    decision_id: Uuid,
    policy_revision: &'a str,
    tenancy_revision: &'a str,
    /// Only where the question asks for it with `explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<WireExplanation<'a>>,
}

/// The policies that determined it and their errors, as Cedar reports them.
#[derive(Serialize, ToSchema)]
#[schema(as = Diagnostics)]
struct DecisionDiagnostics<'a> {
    reason: Vec<&'a str>,
    errors: &'a [String],
}

impl<'a> DecisionAnswer<'a> {
    /// A decision that was given.
    pub(super) fn of(given: &'a GivenDecision) -> Self {
        Self::new(given.decision(), given.id()).explained(given.why())
    }

    fn new(decision: &'a Decision, id: Uuid) -> Self {
        Self {
            decision: decision.verdict.name(),
            diagnostics: DecisionDiagnostics {
                reason: decision.determining.iter().map(|id| &**id).collect(),
                errors: &decision.errors,
            },
            reasons: WireReason::of(decision.verdict, &decision.reasons),
            obligations: decision
                .obligations
                .iter()
                .map(|obligation| &**obligation)
                .collect(),
            decision_id: id,
            policy_revision: &decision.policy_revision,
            tenancy_revision: &decision.tenancy_revision,
            explanation: None,
        }
    }

    fn explained(mut self, explanation: Option<&'a Why>) -> Self {
        self.explanation = explanation.map(WireExplanation::new);
        self
    }
}

/// The answer to a batch.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it is written part by part; this is what the document says of it"
)]
#[schema(as = Answers)]
pub(super) struct BatchAnswer<'a> {
    results: Vec<BatchedAnswer<'a>>,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Result)]
#[expect(dead_code, reason = "as `BatchAnswer`")]
enum BatchedAnswer<'a> {
    DecisionAnswer(DecisionAnswer<'a>),
    QuestionFault(QuestionFault),
}

/// The error in place of one question of a batch.
#[derive(Serialize, ToSchema)]
#[schema(as = Spoilt)]
pub(super) struct QuestionFault {
    error: ProblemBody,
}

impl QuestionFault {
    /// Logs the problem, and tells of it.
    pub(super) fn of(problem: &Problem) -> Self {
        problem.log();
        Self {
            error: problem.body(),
        }
    }
}

/// A decision as `is_authorized` answers it, for the command line.
#[must_use]
pub fn answer_json(decision: &Decision, why: Option<&Result<Explanation, Unexplained>>) -> String {
    let answer = DecisionAnswer::new(decision, Uuid::now_v7()).explained(why);
    // Strings and lists of them always have a JSON form.
    serde_json::to_string(&answer).unwrap_or_default()
}
