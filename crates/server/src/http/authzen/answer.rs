//! Decisions, as section 5.5 of the specification describes them, and their context.
//!
//! The context is for implementations to define. Its members are those that PEPs
//! read: reasons by language as in the drafts of AuthZEN, `reasons` and `errors` as
//! agents over Cedar answer, `obligations` as in the draft of the obligations
//! profile, where each of them has to be understood.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use super::super::json;
use super::super::problem::Problem;
use super::request::OBLIGATION_TYPE;
use crate::config::Reveal;
use peppol_authz_engine::{Decision, Reason, Verdict, WrittenText};

#[derive(Serialize)]
pub(super) struct EvaluationAnswer<'a> {
    decision: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<AnswerContext<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum AnswerContext<'a> {
    Decided(DecisionContext<'a>),
    Fault { error: EvaluationFault },
}

#[derive(Serialize)]
pub(super) struct DecisionContext<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    admin: Option<ForAdmin<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_user: Option<English>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    codes: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    obligations: Vec<Obligation<'a>>,
}

/// The parts that name policies and their errors.
#[derive(Serialize)]
struct ForAdmin<'a> {
    reason_admin: English,
    reasons: Vec<&'a str>,
    errors: &'a [String],
}

#[derive(Serialize)]
struct English {
    en: String,
}

impl<'a> Obligation<'a> {
    fn of(id: &'a Arc<str>) -> Self {
        Self {
            id,
            kind: OBLIGATION_TYPE,
            properties: Empty {},
        }
    }
}

impl<'a> AnswerContext<'a> {
    /// The obligations of a result of a search; `None` where there are none.
    pub(super) fn of_result(obligations: Option<&'a BTreeSet<Arc<str>>>) -> Option<Self> {
        let obligations = obligations.filter(|all| !all.is_empty())?;
        Some(Self::Decided(DecisionContext {
            id: None,
            admin: None,
            reason_user: None,
            codes: Vec::new(),
            obligations: obligations.iter().map(Obligation::of).collect(),
        }))
    }
}

#[derive(Serialize)]
struct Obligation<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    properties: Empty,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
pub(super) struct EvaluationFault {
    status: u16,
    message: String,
}

/// Writes a decision, with as much as the caller may know of it.
pub(super) fn write(
    text: &mut Vec<u8>,
    decision: &Decision,
    id: Uuid,
    reveal: Reveal,
) -> Result<(), Problem> {
    let Some(notes) = decision
        .notes
        .as_ref()
        .filter(|_| reveal != Reveal::Nothing)
    else {
        let context = DecisionContext::of(decision, Some(id), reveal);
        return json::add(
            text,
            &EvaluationAnswer {
                decision: decision.verdict == Verdict::Allow,
                context: context.map(AnswerContext::Decided),
            },
        );
    };
    // The same text, of which all but the id is written once.
    let kept = notes.text(WrittenText::Evaluation, || {
        let context = DecisionContext::of(decision, None, reveal);
        // Strings and lists of them always have a JSON form; without one, nothing is an answer.
        serde_json::to_string(&context).unwrap_or_default().into()
    });
    let rest = kept.strip_prefix('{');
    let rest = rest.ok_or_else(|| Problem::Internal("a decision without a text".to_owned()))?;
    let head: &[u8] = match decision.verdict {
        Verdict::Allow => br#"{"decision":true,"context":{"id":""#,
        Verdict::Deny => br#"{"decision":false,"context":{"id":""#,
    };
    text.extend_from_slice(head);
    let mut digits = Uuid::encode_buffer();
    text.extend_from_slice(id.hyphenated().encode_lower(&mut digits).as_bytes());
    text.extend_from_slice(if rest == "}" { b"\"" } else { b"\"," });
    text.extend_from_slice(rest.as_bytes());
    text.push(b'}');
    Ok(())
}

impl<'a> DecisionContext<'a> {
    /// Of a decision; `None` where the caller is told nothing of it.
    fn of(decision: &'a Decision, id: Option<Uuid>, reveal: Reveal) -> Option<Self> {
        // A caller who does not learn of an obligation would take the permit for one without.
        let obligations: Vec<_> = decision.obligations.iter().map(Obligation::of).collect();
        let told = reveal != Reveal::Nothing;
        (told || !obligations.is_empty()).then(|| {
            let reasons = match told {
                true => decision.reasons.as_slice(),
                false => &[],
            };
            let texts = reasons.iter();
            let texts: Vec<&str> = texts
                .filter_map(|reason| reason.message.as_deref())
                .collect();
            let codes = reasons.iter();
            Self {
                id: id.filter(|_| told),
                admin: (reveal == Reveal::Admin).then(|| ForAdmin {
                    reason_admin: English {
                        en: for_admin(decision),
                    },
                    reasons: decision.determining.iter().map(|id| &**id).collect(),
                    errors: &decision.errors,
                }),
                reason_user: (!texts.is_empty()).then(|| English {
                    en: texts.join("; "),
                }),
                codes: codes.filter_map(|reason| reason.code.as_deref()).collect(),
                obligations,
            }
        })
    }
}

impl EvaluationAnswer<'_> {
    /// In place of a decision: not permitted.
    pub(super) fn fault(problem: &Problem, reveal: Reveal) -> Self {
        Self {
            decision: false,
            context: AnswerContext::fault(problem, reveal),
        }
    }
}

impl AnswerContext<'_> {
    /// The problem, if the caller may know it.
    pub(super) fn fault(problem: &Problem, reveal: Reveal) -> Option<Self> {
        (reveal != Reveal::Nothing).then(|| Self::Fault {
            error: EvaluationFault {
                status: problem.status().as_u16(),
                message: problem.detail(),
            },
        })
    }
}

/// Why, with policies, rules and codes: `denied by organisation/is-demo (MOD-1,
/// DEMO_NO_CERTIFICATES)`.
fn for_admin(decision: &Decision) -> String {
    let mut text = match decision.verdict {
        Verdict::Allow => "permitted by ".to_owned(),
        Verdict::Deny => "denied by ".to_owned(),
    };
    for (i, reason) in decision.reasons.iter().enumerate() {
        let separator = if i > 0 { "; " } else { "" };
        let policy = reason.policy.as_deref().unwrap_or("the engine");
        // Writing into a string does not fail.
        let _ = write!(text, "{separator}{policy}");
        let names: Vec<&str> = names(reason).collect();
        if !names.is_empty() {
            let _ = write!(text, " ({})", names.join(", "));
        }
    }
    text.push_str(decision.meant.as_deref().unwrap_or_default());
    text
}

fn names(reason: &Reason) -> impl Iterator<Item = &str> {
    [&reason.rule, &reason.code]
        .into_iter()
        .filter_map(|name| name.as_deref())
}
