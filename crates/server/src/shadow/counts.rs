//! The metrics of the shadow, for Prometheus.

use std::collections::HashSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::compare::{code_text, policy_text};
use super::judge::ShadowOutcome;
use peppol_authz_engine::{Decided, Decision};

/// Kinds of disagreements that are counted apart. Codes and policies are those of two sets, but
/// how they come together is a matter of what is asked.
const KINDS: usize = 1000;

/// The label of disagreements beyond [`KINDS`] kinds.
const OTHER: &str = "other";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShadowResultLabel {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShadowRevisionLabel {
    revision: String,
}

/// One kind of disagreement. Nothing in it is of a caller's making.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DisagreementLabels {
    pub(super) action: String,
    /// The difference between the two decisions.
    pub(super) kind: &'static str,
    /// The decision that was answered.
    pub(super) from: &'static str,
    /// The decision of the shadow.
    pub(super) to: &'static str,
    /// The codes of the answered decision, with commas between.
    pub(super) codes: String,
    /// The policies of the answered decision, likewise.
    pub(super) policies: String,
    pub(super) shadow_codes: String,
    pub(super) shadow_policies: String,
}

#[cfg(test)]
impl DisagreementLabels {
    /// An Allow of an action that the shadow denies with the code `A`.
    pub(super) fn denied_by_the_shadow(action: &str) -> Self {
        Self {
            action: action.to_owned(),
            kind: "verdict",
            from: "Allow",
            to: "Deny",
            codes: String::new(),
            policies: String::new(),
            shadow_codes: "A".to_owned(),
            shadow_policies: String::new(),
        }
    }
}

/// Counters of a shadow; its clones are the same counters.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    decisions: Family<ShadowResultLabel, Counter>,
    disagreements: Family<DisagreementLabels, Counter>,
    dropped: Counter,
    reloads: Family<ShadowResultLabel, Counter>,
    reload_refused: Gauge,
    last_reload: Gauge<f64, AtomicU64>,
    policies: Family<ShadowRevisionLabel, Gauge>,
    kinds: Arc<Mutex<DisagreementKinds>>,
}

/// The kinds that have a counter.
#[derive(Debug, Default)]
struct DisagreementKinds {
    /// Of disagreements of the shadow's policies in force.
    disagreements: HashSet<DisagreementLabels>,
    /// Of questions that are malformed to the shadow. They tell nothing of its policies, and take no
    /// room of disagreements.
    malformed: HashSet<DisagreementLabels>,
    /// Counters that there are, also of policies before.
    counters: usize,
}

impl Counts {
    /// Adds the counters to a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "shadow_decisions",
            "Decisions that the shadow has looked at, by result",
            self.decisions.clone(),
        );
        registry.register(
            "shadow_disagreements",
            "Decisions that the shadow would not have given, by action, codes and policies",
            self.disagreements.clone(),
        );
        registry.register(
            "shadow_dropped",
            "Decisions that the shadow has not looked at, as too many waited",
            self.dropped.clone(),
        );
        registry.register(
            "shadow_reloads",
            "Changes of the shadow's policies or schema, by result",
            self.reloads.clone(),
        );
        registry.register(
            "shadow_reload_refused",
            "1 while the last change of the shadow was refused",
            self.reload_refused.clone(),
        );
        registry.register(
            "shadow_last_reload_timestamp_seconds",
            "When the policies of the shadow were taken",
            self.last_reload.clone(),
        );
        registry.register(
            "shadow_policies",
            "The revision of the shadow's policies",
            self.policies.clone(),
        );
    }

    pub(super) fn dropped(&self) {
        self.dropped.inc();
    }

    pub(super) fn taken(&self, revision: &str) {
        self.reloaded("taken");
        self.reload_refused.set(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.last_reload
            .set(now.map_or(0.0, |now| now.as_secs_f64()));
        self.policies.clear();
        self.begin_kinds();
        let revision = revision.to_owned();
        self.policies
            .get_or_create(&ShadowRevisionLabel { revision })
            .set(1);
    }

    /// Other policies have kinds of their own. Counters go on, unless there are too many of them.
    fn begin_kinds(&self) {
        let mut kinds = self.kinds();
        kinds.disagreements.clear();
        kinds.malformed.clear();
        if kinds.counters >= KINDS {
            kinds.counters = 0;
            self.disagreements.clear();
        }
    }

    fn kinds(&self) -> MutexGuard<'_, DisagreementKinds> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn refused(&self) {
        self.reloaded("refused");
        self.reload_refused.set(1);
    }

    fn reloaded(&self, result: &'static str) {
        self.reloads
            .get_or_create(&ShadowResultLabel { result })
            .inc();
    }

    /// Counts what came of a decision. Returns of which kind it is, where there is something
    /// to tell of it.
    pub(super) fn judged(
        &self,
        outcome: &ShadowOutcome,
        labels: Option<DisagreementLabels>,
    ) -> Option<DisagreementLabels> {
        let labels = labels.map(|labels| self.told(labels, outcome));
        // Last, so that a reader of this counter also sees the kind.
        let result = outcome.name();
        self.decisions
            .get_or_create(&ShadowResultLabel { result })
            .inc();
        labels
    }

    /// Counts a kind, and returns it as it is counted.
    fn told(&self, mut labels: DisagreementLabels, outcome: &ShadowOutcome) -> DisagreementLabels {
        if matches!(outcome, ShadowOutcome::Failed(_)) {
            return labels;
        }
        let mut kinds = self.kinds();
        let is_malformed = matches!(outcome, ShadowOutcome::Malformed);
        if !kinds.has_counter(&labels, is_malformed) {
            labels.forget();
        }
        // Under the lock: no counter is made of what was cleared meanwhile.
        self.disagreements.get_or_create(&labels).inc();
        labels
    }
}

impl DisagreementKinds {
    /// Returns true if a kind has a counter of its own.
    fn has_counter(&mut self, labels: &DisagreementLabels, is_malformed: bool) -> bool {
        let known = if is_malformed {
            &mut self.malformed
        } else {
            &mut self.disagreements
        };
        if known.contains(labels) {
            return true;
        }
        let has_room = known.len() < KINDS;
        if has_room {
            known.insert(labels.clone());
            self.counters += 1;
        }
        has_room
    }
}

impl DisagreementLabels {
    /// `None` where there is nothing to tell.
    pub(super) fn new(decided: &Decided, outcome: &ShadowOutcome) -> Option<Self> {
        let (kind, first, shadow) = match outcome {
            ShadowOutcome::Agreed | ShadowOutcome::Unsettled => return None,
            ShadowOutcome::Disagreed(found) => {
                (found.kind.name(), &found.first, Some(&found.shadow))
            }
            ShadowOutcome::Malformed => ("malformed", &decided.decision, None),
            ShadowOutcome::Failed(_) => ("failed", &decided.decision, None),
        };
        let question = decided.question.as_ref()?;
        // Of a failure nothing is told but why.
        let is_failed = matches!(outcome, ShadowOutcome::Failed(_));
        let answered = (!is_failed).then_some(first);
        let text_of_first = |of: fn(&Decision) -> String| answered.map_or_else(String::new, of);
        let text = |of: fn(&Decision) -> String| shadow.map_or_else(String::new, of);
        Some(Self {
            action: AsRef::<str>::as_ref(question.action.id()).to_owned(),
            kind,
            from: first.verdict.name(),
            to: shadow.map_or("None", |shadow| shadow.verdict.name()),
            codes: text_of_first(code_text),
            policies: text_of_first(policy_text),
            shadow_codes: text(code_text),
            shadow_policies: text(policy_text),
        })
    }

    fn forget(&mut self) {
        for text in [
            &mut self.codes,
            &mut self.policies,
            &mut self.shadow_codes,
            &mut self.shadow_policies,
        ] {
            OTHER.clone_into(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::compare::DisagreementKind;
    use super::super::judge::Disagreement;
    use super::*;
    use peppol_authz_engine::Verdict;

    fn labels(policies: usize) -> DisagreementLabels {
        DisagreementLabels {
            policies: policies.to_string(),
            shadow_policies: "p/forbids".to_owned(),
            ..DisagreementLabels::denied_by_the_shadow("read")
        }
    }

    /// The policies under which a disagreement is counted.
    fn told(counts: &Counts, policies: usize, outcome: &ShadowOutcome) -> String {
        counts.told(labels(policies), outcome).policies
    }

    fn disagreed() -> ShadowOutcome {
        let decision = Decision {
            verdict: Verdict::Deny,
            reasons: Vec::new(),
            determining: Vec::new(),
            errors: Vec::new(),
            obligations: Default::default(),
            policy_revision: Arc::from("p"),
            tenancy_revision: Arc::from("t"),
            slice: Arc::default(),
            links: Vec::new(),
            link_table: None,
            absent: Vec::new(),
            missing: Vec::new(),
            meant: None,
            notes: None,
        };
        ShadowOutcome::Disagreed(Box::new(Disagreement {
            kind: DisagreementKind::Verdict,
            first: decision.clone(),
            shadow: decision,
        }))
    }

    /// Thousands of policies for single tenants would be a counter each.
    #[test]
    fn of_many_kinds_the_later_ones_are_counted_together() {
        let (counts, disagreed) = (Counts::default(), disagreed());
        for policies in 0..KINDS {
            assert_eq!(told(&counts, policies, &disagreed), policies.to_string());
        }
        let other = counts.told(labels(KINDS), &disagreed);
        assert_eq!((&*other.action, &*other.policies), ("read", "other"));
        assert_eq!((&*other.codes, &*other.shadow_codes), ("other", "other"));
        assert_eq!(told(&counts, 7, &disagreed), "7");
    }

    /// Else all of a shadow that is changed often would be `other` some day.
    #[test]
    fn other_policies_have_kinds_of_their_own() {
        let (counts, disagreed) = (Counts::default(), disagreed());
        let counter = |policies| counts.disagreements.get(&labels(policies)).is_some();
        for _ in 0..2 {
            for policies in 0..=KINDS {
                told(&counts, policies, &disagreed);
            }
            assert!(counter(0) && !counter(KINDS));
            counts.taken("next");
            // Of all shadows together there are not ever more.
            assert!(!counter(0));
            assert_eq!(told(&counts, KINDS, &disagreed), KINDS.to_string());
            assert!(counter(KINDS));
            counts.taken("next but one");
            // Few ones are counted on.
            assert!(counter(KINDS));
            counts.disagreements.remove(&labels(KINDS));
        }
    }

    #[test]
    fn what_is_no_disagreement_takes_no_room_of_one() {
        let counts = Counts::default();
        for policies in 0..=KINDS {
            told(&counts, policies, &ShadowOutcome::Malformed);
            told(&counts, policies, &ShadowOutcome::Failed("store"));
        }
        assert_eq!(told(&counts, KINDS, &ShadowOutcome::Malformed), "other");
        assert_eq!(told(&counts, KINDS, &disagreed()), KINDS.to_string());
    }
}
