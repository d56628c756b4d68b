//! The newest disagreements, in memory, for people who look.
//!
//! Each is kept as the line of a decision log with its entities, so that it is filtered, decided again and explained as any line is.
//! A frequent kind crowds out no rare one: of each kind a few of a minute are kept, and where there are too many, one of the kind
//! with the most goes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::compare::code_names;
use super::counts::DisagreementLabels;
use super::judge::ShadowOutcome;
use crate::decision_log;
use peppol_authz_engine::{Decided, Decision, Verdict};

/// Disagreements that are kept.
const MOST: usize = 500;

/// Bytes of their lines.
const BYTES: usize = 16 << 20;

/// The longest line.
const LINE: usize = 512 << 10;

/// Kinds that are counted.
const KINDS: usize = 1000;

/// A decision that the shadow would not have given.
#[derive(Debug)]
pub struct KeptDisagreement {
    /// The decision that was answered, as a line of a decision log. Ids are as they are: nothing of it is written.
    pub line: String,
    /// The first difference: `verdict`, `codes`, `obligations`; `malformed` where the shadow's schema has no such question.
    pub kind: &'static str,
    /// The decision of the shadow; `None` where it has none.
    pub shadow: Option<ShadowDecision>,
    labels: DisagreementLabels,
}

/// A decision of the shadow, as a table shows it.
#[derive(Clone, Debug)]
pub struct ShadowDecision {
    /// True if it allows.
    pub is_allowed: bool,
    /// The codes of a denial.
    pub codes: Vec<String>,
}

/// How often a kind of disagreement has come.
#[derive(Clone, Debug)]
pub struct CountedKind {
    /// The id of the action.
    pub action: String,
    /// The first difference.
    pub kind: &'static str,
    /// The answered decision with its codes, and that of the shadow.
    pub decisions: [(&'static str, String); 2],
    /// How often.
    pub count: u64,
}

/// The newest disagreements, and how often each kind has come, by the policies of the shadow in force.
pub struct Disagreements {
    kept: Mutex<KeptDisagreements>,
}

#[derive(Default)]
struct KeptDisagreements {
    all: VecDeque<Arc<KeptDisagreement>>,
    bytes: usize,
    counts: HashMap<DisagreementLabels, u64>,
    uncounted: u64,
}

impl Disagreements {
    pub(super) fn new() -> Self {
        Self {
            kept: Mutex::default(),
        }
    }

    /// All that are kept, the newest last.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<KeptDisagreement>> {
        self.kept().all.iter().cloned().collect()
    }

    /// All kinds, the most frequent first, and the number of disagreements of kinds beyond them.
    #[must_use]
    pub fn kinds(&self) -> (Vec<CountedKind>, u64) {
        let kept = self.kept();
        let counts = kept.counts.iter();
        let mut kinds: Vec<CountedKind> = counts
            .map(|(labels, count)| CountedKind::of(labels, *count))
            .collect();
        kinds.sort_by(|one, other| {
            (other.count, &one.action, &one.decisions).cmp(&(
                one.count,
                &other.action,
                &other.decisions,
            ))
        });
        (kinds, kept.uncounted)
    }

    /// Counts a disagreement.
    pub(super) fn count(&self, labels: &DisagreementLabels) {
        let kept = &mut *self.kept();
        if let Some(count) = kept.counts.get_mut(labels) {
            *count += 1;
        } else if kept.counts.len() < KINDS {
            kept.counts.insert(labels.clone(), 1);
        } else {
            kept.uncounted += 1;
        }
    }

    /// Keeps a disagreement.
    pub(super) fn keep(
        &self,
        decided: &Decided,
        outcome: &ShadowOutcome,
        labels: &DisagreementLabels,
    ) {
        let shadow = match outcome {
            ShadowOutcome::Disagreed(found) => Some(ShadowDecision::of(&found.shadow)),
            ShadowOutcome::Malformed => None,
            ShadowOutcome::Agreed | ShadowOutcome::Unsettled | ShadowOutcome::Failed(_) => return,
        };
        let Some(line) = decision_log::line_alone(decided, LINE) else {
            return;
        };
        let kept = &mut *self.kept();
        while kept.all.len() >= MOST || !kept.all.is_empty() && kept.bytes + line.len() > BYTES {
            kept.forget_one();
        }
        kept.bytes += line.len();
        kept.all.push_back(Arc::new(KeptDisagreement {
            line,
            kind: labels.kind,
            shadow,
            labels: labels.clone(),
        }));
    }

    /// Other policies disagree otherwise.
    pub(super) fn begin(&self) {
        *self.kept() = KeptDisagreements::default();
    }

    fn kept(&self) -> MutexGuard<'_, KeptDisagreements> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeptDisagreements {
    /// Forgets the oldest of the kind that has the most.
    fn forget_one(&mut self) {
        let mut kinds: HashMap<&DisagreementLabels, (usize, usize)> = HashMap::new();
        for (place, kept) in self.all.iter().enumerate() {
            kinds.entry(&kept.labels).or_insert((0, place)).0 += 1;
        }
        let most = kinds
            .into_values()
            .max_by_key(|(count, oldest)| (*count, usize::MAX - oldest));
        let forgotten = most.and_then(|(_, oldest)| self.all.remove(oldest));
        self.bytes = self
            .bytes
            .saturating_sub(forgotten.map_or(0, |kept| kept.line.len()));
    }
}

impl CountedKind {
    fn of(labels: &DisagreementLabels, count: u64) -> Self {
        Self {
            action: labels.action.clone(),
            kind: labels.kind,
            decisions: [
                (labels.from, labels.codes.clone()),
                (labels.to, labels.shadow_codes.clone()),
            ],
            count,
        }
    }
}

impl ShadowDecision {
    fn of(decision: &Decision) -> Self {
        Self {
            is_allowed: decision.verdict == Verdict::Allow,
            codes: code_names(decision),
        }
    }
}

impl std::fmt::Debug for Disagreements {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disagreements").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(action: &str) -> DisagreementLabels {
        DisagreementLabels::denied_by_the_shadow(action)
    }

    fn kept(action: &str, line: &str) -> Arc<KeptDisagreement> {
        Arc::new(KeptDisagreement {
            line: line.to_owned(),
            kind: "verdict",
            shadow: None,
            labels: labels(action),
        })
    }

    #[test]
    fn the_kind_with_the_most_goes_first_and_the_rare_one_stays() {
        let mut all = KeptDisagreements::default();
        for (action, line) in [("rare", "1"), ("often", "22"), ("often", "333")] {
            all.bytes += line.len();
            all.all.push_back(kept(action, line));
        }
        all.forget_one();
        let lines: Vec<&str> = all.all.iter().map(|it| it.line.as_str()).collect();
        assert_eq!((lines, all.bytes), (vec!["1", "333"], 4));
        // Of two kinds with as many, the oldest.
        all.forget_one();
        assert_eq!(all.all[0].line, "333");
        all.forget_one();
        all.forget_one();
        assert!(all.all.is_empty() && all.bytes == 0);
    }

    #[test]
    fn kinds_are_counted_until_there_are_too_many_and_begin_anew_with_other_policies() {
        let disagreements = Disagreements::new();
        for number in 0..KINDS {
            disagreements.count(&labels(&number.to_string()));
        }
        disagreements.count(&labels("7"));
        disagreements.count(&labels("another"));
        let (kinds, others) = disagreements.kinds();
        assert_eq!((kinds.len(), others), (KINDS, 1));
        assert_eq!((kinds[0].action.as_str(), kinds[0].count), ("7", 2));
        assert_eq!(kinds[0].decisions[1], ("Deny", "A".to_owned()));
        disagreements.begin();
        assert_eq!(disagreements.kinds().0.len(), 0);
    }
}
