//! Decisions, as section 5.5 of the specification describes them, and what their
//! context says.
//!
//! The context is for implementations to define. Its members are those that PEPs
//! read: reasons by language as in the drafts of AuthZEN, `reasons` and `errors` as
//! agents over Cedar answer, `obligations` as in the draft of the obligations
//! profile, where each of them has to be understood.

use std::fmt::Write;

use serde::Serialize;
use uuid::Uuid;

use super::super::Problem;
use crate::config::Reveal;
use peppol_authz_engine::{Decision, Reason, Verdict};

#[derive(Serialize)]
pub(super) struct Answer<'a> {
    decision: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Context<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Context<'a> {
    Decided(Decided<'a>),
    Fault { error: Fault },
}

#[derive(Serialize)]
pub(super) struct Decided<'a> {
    id: Uuid,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    admin: Option<ForAdmin<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_user: Option<English>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    codes: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    obligations: Vec<Obligation<'a>>,
}

/// What names policies and their errors.
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
pub(super) struct Fault {
    status: u16,
    message: String,
}

impl<'a> Answer<'a> {
    /// A decision, with as much as may be known of it.
    pub(super) fn of(decision: &'a Decision, id: Uuid, reveal: Reveal) -> Self {
        let is_allow = decision.verdict == Verdict::Allow;
        let context = (reveal != Reveal::Nothing).then(|| {
            let texts = decision.reasons.iter();
            let texts: Vec<&str> = texts
                .filter_map(|reason| reason.message.as_deref())
                .collect();
            let codes = decision.reasons.iter();
            let obligations = decision.obligations.iter().map(|id| Obligation {
                id,
                kind: "custom",
                properties: Empty {},
            });
            Context::Decided(Decided {
                id,
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
                obligations: obligations.collect(),
            })
        });
        Self {
            decision: is_allow,
            context,
        }
    }

    /// What was no question or could not be decided: not permitted.
    pub(super) fn fault(problem: &Problem, reveal: Reveal) -> Self {
        Self {
            decision: false,
            context: Context::fault(problem, reveal),
        }
    }
}

impl Context<'_> {
    /// What was wrong, if that may be known.
    pub(super) fn fault(problem: &Problem, reveal: Reveal) -> Option<Self> {
        (reveal != Reveal::Nothing).then(|| Self::Fault {
            error: Fault {
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
    text
}

fn names(reason: &Reason) -> impl Iterator<Item = &str> {
    [&reason.rule, &reason.code]
        .into_iter()
        .filter_map(|name| name.as_deref())
}
