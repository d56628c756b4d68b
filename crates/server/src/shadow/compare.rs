//! The comparison of two decisions of one question, as a caller sees them.

use std::collections::BTreeSet;

use peppol_authz_engine::{Decision, Verdict};

/// The first difference between two decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DisagreementKind {
    /// One allows what the other denies.
    Verdict,
    /// Both deny, with other codes.
    Codes,
    /// Both allow, with other obligations.
    Obligations,
}

impl DisagreementKind {
    /// Its label.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Codes => "codes",
            Self::Obligations => "obligations",
        }
    }
}

/// The difference between two decisions; `None` where they agree. The policies that they rest on are
/// no difference where a caller gets the same answer.
pub(super) fn compare(first: &Decision, shadow: &Decision) -> Option<DisagreementKind> {
    if first.verdict != shadow.verdict {
        return Some(DisagreementKind::Verdict);
    }
    match first.verdict {
        Verdict::Deny if codes(first) != codes(shadow) => Some(DisagreementKind::Codes),
        Verdict::Allow if first.obligations != shadow.obligations => {
            Some(DisagreementKind::Obligations)
        }
        _ => None,
    }
}

/// The codes of a denial; `None` among them for a policy without a code.
fn codes(decision: &Decision) -> BTreeSet<Option<&str>> {
    let codes = decision.reasons.iter();
    codes.map(|reason| reason.code.as_deref()).collect()
}

/// The codes of a decision with commas between, each once; empty for an Allow.
pub(super) fn code_text(decision: &Decision) -> String {
    match decision.verdict {
        Verdict::Allow => String::new(),
        Verdict::Deny => joined(codes(decision).into_iter().flatten()),
    }
}

/// The same as a list.
pub(super) fn code_names(decision: &Decision) -> Vec<String> {
    match decision.verdict {
        Verdict::Allow => Vec::new(),
        Verdict::Deny => codes(decision)
            .into_iter()
            .flatten()
            .map(str::to_owned)
            .collect(),
    }
}

/// The policies that a decision rests on or that failed, by id, with commas between.
pub(super) fn policy_text(decision: &Decision) -> String {
    let policies = decision.reasons.iter();
    let policies: BTreeSet<&str> = policies
        .filter_map(|reason| reason.policy.as_deref())
        .collect();
    joined(policies.into_iter())
}

fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.collect::<Vec<_>>().join(",")
}
