//! What is counted of the shadow, for Prometheus.

use std::collections::HashSet;
use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::compare::{code_text, policy_text};
use super::judge::Outcome;
use crate::engine::{Decided, Decision};

/// Kinds of disagreements that are counted apart. Codes and policies are those of two sets, but
/// how they come together is a matter of what is asked.
const KINDS: usize = 1000;

/// Of what there are more kinds than [`KINDS`].
const OTHER: &str = "other";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RevisionLabel {
    revision: String,
}

/// One kind of disagreement. Nothing in it is of a caller's making.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Labels {
    pub(super) action: String,
    /// In what they differ.
    pub(super) kind: &'static str,
    /// What was answered.
    pub(super) from: &'static str,
    /// What the shadow says.
    pub(super) to: &'static str,
    /// The codes of what was answered, with commas between.
    pub(super) codes: String,
    /// The policies of what was answered, likewise.
    pub(super) policies: String,
    pub(super) shadow_codes: String,
    pub(super) shadow_policies: String,
}

/// Counters of a shadow; its clones are the same counters.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    decisions: Family<ResultLabel, Counter>,
    disagreements: Family<Labels, Counter>,
    dropped: Counter,
    reloads: Family<ResultLabel, Counter>,
    reload_refused: Gauge,
    last_reload: Gauge<f64, AtomicU64>,
    policies: Family<RevisionLabel, Gauge>,
}

/// The kinds of disagreements that have a counter.
#[derive(Debug, Default)]
pub(super) struct Kinds(HashSet<Labels>);

impl Counts {
    /// Shows the counters to whoever reads the registry.
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
        let revision = revision.to_owned();
        self.policies
            .get_or_create(&RevisionLabel { revision })
            .set(1);
    }

    pub(super) fn refused(&self) {
        self.reloaded("refused");
        self.reload_refused.set(1);
    }

    fn reloaded(&self, result: &'static str) {
        self.reloads.get_or_create(&ResultLabel { result }).inc();
    }

    /// Counts what came of a decision. Returns of which kind it is, where there is something
    /// to tell of it.
    pub(super) fn judged(
        &self,
        decided: &Decided,
        outcome: &Outcome,
        kinds: &mut Kinds,
    ) -> Option<Labels> {
        let labels = Labels::new(decided, outcome).map(|labels| kinds.counted(labels));
        if let Some(labels) = &labels
            && !matches!(outcome, Outcome::Failed(_))
        {
            self.disagreements.get_or_create(labels).inc();
        }
        // Last: whoever sees that it was looked at sees what came of it.
        let result = outcome.name();
        self.decisions.get_or_create(&ResultLabel { result }).inc();
        labels
    }
}

impl Kinds {
    /// A kind as it is counted.
    fn counted(&mut self, mut labels: Labels) -> Labels {
        if !self.0.contains(&labels) {
            if self.0.len() < KINDS {
                self.0.insert(labels.clone());
            } else {
                labels.forget();
            }
        }
        labels
    }
}

impl Labels {
    /// `None` where there is nothing to tell.
    fn new(decided: &Decided, outcome: &Outcome) -> Option<Self> {
        let (kind, first, shadow) = match outcome {
            Outcome::Agreed | Outcome::Unsettled => return None,
            Outcome::Disagreed(found) => (found.kind.name(), &found.first, Some(&found.shadow)),
            Outcome::Malformed => ("malformed", &decided.decision, None),
            Outcome::Failed(_) => ("failed", &decided.decision, None),
        };
        let question = decided.question.as_ref()?;
        let text = |of: fn(&Decision) -> String| shadow.map_or_else(String::new, of);
        Some(Self {
            action: AsRef::<str>::as_ref(question.action.id()).to_owned(),
            kind,
            from: first.verdict.name(),
            to: shadow.map_or("None", |shadow| shadow.verdict.name()),
            codes: code_text(first),
            policies: policy_text(first),
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
    use super::*;

    fn labels(policies: usize) -> Labels {
        Labels {
            action: "read".to_owned(),
            kind: "verdict",
            from: "Allow",
            to: "Deny",
            codes: String::new(),
            policies: policies.to_string(),
            shadow_codes: "CODE".to_owned(),
            shadow_policies: "p/forbids".to_owned(),
        }
    }

    /// Thousands of policies for single tenants would be a counter each.
    #[test]
    fn of_many_kinds_the_later_ones_are_counted_together() {
        let mut kinds = Kinds::default();
        for policies in 0..KINDS {
            assert_eq!(kinds.counted(labels(policies)), labels(policies));
        }
        let mut other = labels(0);
        other.forget();
        assert_eq!(kinds.counted(labels(KINDS)), other);
        assert_eq!((&*other.action, &*other.shadow_codes), ("read", "other"));
        assert_eq!(kinds.counted(labels(7)), labels(7));
    }
}
