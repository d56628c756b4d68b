//! The answer that a case expects, and its difference to the one that is given.

use std::collections::BTreeSet;
use std::fmt;

use peppol_authz_engine::{Decision, Verdict};

/// The error that takes the place of a decision.
#[derive(Clone, Debug)]
pub struct NoDecision {
    /// The code; `None` for a failure of the store or the policies.
    pub code: Option<&'static str>,
    /// The error, for a reader.
    pub problem: String,
}

pub(super) enum Expected<'a> {
    Allow {
        rules: Option<&'a [String]>,
        obligations: Option<&'a [String]>,
    },
    /// With exactly these codes, or with any.
    Deny {
        codes: Option<&'a [String]>,
        rules: Option<&'a [String]>,
    },
    /// No decision, by this code.
    Malformed(&'a str),
    /// A decision, which cannot be had while a context is missing: what to write.
    Needed(String),
    /// The case itself is wrong.
    Unknown(String),
}

impl fmt::Display for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |what: &str, names: &Option<&[String]>| {
            names
                .map(|names| format!(" {what} [{}]", names.join(", ")))
                .unwrap_or_default()
        };
        match self {
            Self::Allow { rules, obligations } => {
                write!(
                    f,
                    "Allow{}{}",
                    list("rules", rules),
                    list("obligations", obligations)
                )
            }
            Self::Deny { codes, rules } => {
                write!(f, "Deny{}{}", list("codes", codes), list("rules", rules))
            }
            Self::Malformed(code) => write!(f, "no decision, {code}"),
            Self::Needed(_) => f.write_str("a decision"),
            Self::Unknown(_) => f.write_str("a question"),
        }
    }
}

impl Expected<'_> {
    /// `None` where the answer is as expected.
    pub(super) fn difference(&self, answer: &Result<Decision, NoDecision>) -> Option<String> {
        match (self, answer) {
            (Self::Unknown(problem) | Self::Needed(problem), _) => Some(problem.clone()),
            (Self::Malformed(code), Err(none)) if none.code == Some(code) => None,
            (_, Err(none)) => Some(format!(
                "expected {self}, got no decision: {}",
                none.problem
            )),
            (_, Ok(decision)) => self.unlike(decision),
        }
    }

    fn unlike(&self, decision: &Decision) -> Option<String> {
        let codes = decision
            .reasons
            .iter()
            .filter_map(|reason| reason.code.as_deref());
        let found_rules = decision
            .reasons
            .iter()
            .filter_map(|reason| reason.rule.as_deref());
        match (self, decision.verdict) {
            (Self::Allow { rules, obligations }, Verdict::Allow) => {
                let found = decision.obligations.iter().map(|obligation| &**obligation);
                compare("rules", *rules, found_rules.collect())
                    .or_else(|| compare("obligations", *obligations, found.collect()))
            }
            (
                Self::Deny {
                    codes: wanted,
                    rules,
                },
                Verdict::Deny,
            ) => compare("codes", *wanted, codes.collect())
                .or_else(|| compare("rules", *rules, found_rules.collect())),
            (_, Verdict::Allow) => Some(format!("expected {self}, got Allow")),
            (_, Verdict::Deny) => {
                let codes: Vec<_> = codes.collect();
                let codes = codes.join(", ");
                Some(format!("expected {self}, got Deny codes [{codes}]"))
            }
        }
    }
}

fn compare(what: &str, wanted: Option<&[String]>, found: BTreeSet<&str>) -> Option<String> {
    let wanted: BTreeSet<&str> = wanted?.iter().map(String::as_str).collect();
    let text = |set: &BTreeSet<&str>| set.iter().copied().collect::<Vec<_>>().join(", ");
    (wanted != found).then(|| {
        format!(
            "{what}: expected [{}], got [{}]",
            text(&wanted),
            text(&found)
        )
    })
}
