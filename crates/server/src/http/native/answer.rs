//! Decisions as the native wire has them.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::exchange::GivenDecision;
use super::super::explanation::{Why, WireExplanation};
use super::super::json;
use super::super::problem::{Problem, ProblemBody};
use super::super::reason::WireReason;
use peppol_authz_engine::{Decision, Explanation, Unexplained, WrittenText};

/// A decision as callers read it, for the document: it is written in two parts. `decision` and `diagnostics`
/// are those of cedar-agent.
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

/// Its part that is the same whenever the decision is given.
#[derive(Serialize)]
struct DecidedPart<'a> {
    decision: &'static str,
    diagnostics: DecisionDiagnostics<'a>,
    reasons: Vec<WireReason<'a>>,
    obligations: Vec<&'a str>,
}

/// Its part that is another one each time.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GivenPart<'a> {
    decision_id: Uuid,
    policy_revision: &'a str,
    tenancy_revision: &'a str,
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

impl<'a> DecidedPart<'a> {
    fn of(decision: &'a Decision) -> Self {
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
        }
    }
}

/// Writes the answer to a question: a decision that was given.
pub(super) fn write(text: &mut Vec<u8>, given: &GivenDecision) -> Result<(), Problem> {
    written(text, given.decision(), given.id(), given.why())
}

fn written(
    text: &mut Vec<u8>,
    decision: &Decision,
    decision_id: Uuid,
    why: Option<&Why>,
) -> Result<(), Problem> {
    let given = GivenPart {
        decision_id,
        policy_revision: &decision.policy_revision,
        tenancy_revision: &decision.tenancy_revision,
        explanation: why.map(WireExplanation::new),
    };
    json::joined(text, decision, WrittenText::Native, DecidedPart::of, &given)
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
#[expect(dead_code, clippy::large_enum_variant, reason = "as `BatchAnswer`")]
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
    let mut text = Vec::new();
    // Strings and lists of them always have a JSON form.
    let _ = written(&mut text, decision, Uuid::now_v7(), why);
    String::from_utf8(text).unwrap_or_default()
}
