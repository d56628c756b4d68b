//! Whether two decisions of one question are the same to a caller.

use std::collections::BTreeSet;

use peppol_authz_engine::{Decision, Verdict};

/// In what they differ first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One allows what the other denies.
    Verdict,
    /// Both deny, and call it otherwise.
    Codes,
    /// Both allow, and ask something else for it.
    Obligations,
}

impl Kind {
    /// Its label.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Codes => "codes",
            Self::Obligations => "obligations",
        }
    }
}

/// In what two decisions differ; `None` where they agree. Which policies they rest on is no
/// difference where a caller is answered the same.
pub(super) fn compare(first: &Decision, shadow: &Decision) -> Option<Kind> {
    if first.verdict != shadow.verdict {
        return Some(Kind::Verdict);
    }
    match first.verdict {
        Verdict::Deny if codes(first) != codes(shadow) => Some(Kind::Codes),
        Verdict::Allow if first.obligations != shadow.obligations => Some(Kind::Obligations),
        _ => None,
    }
}

/// What a denial is called; `None` among it where a policy has no name for it.
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
