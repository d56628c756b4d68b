//! Some of the disagreements, written in full to the log.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::counts::DisagreementLabels;
use super::judge::ShadowOutcome;
use crate::decision_log::{self, Pseudonyms};
use peppol_authz_engine::text::cut;
use peppol_authz_engine::{Decided, Decision};

/// The target of samples in a filter of the log.
const TARGET: &str = "peppol_authz_server::shadow";

/// The most bytes of a question that are written.
const QUESTION: usize = 16 << 10;

const MINUTE: Duration = Duration::from_secs(60);

/// Chooses samples: of each kind the first few of a minute, so that a frequent kind hides no rare
/// one.
pub(super) struct Samples {
    most: usize,
    /// Pseudonyms for ids that tell who somebody is.
    pseudonyms: Pseudonyms,
    since: Option<Instant>,
    written: HashMap<DisagreementLabels, usize>,
}

impl Samples {
    pub(super) fn new(most: usize, pseudonyms: Pseudonyms) -> Self {
        Self {
            most,
            pseudonyms,
            since: None,
            written: HashMap::new(),
        }
    }

    /// Returns true if one more of that kind is to be written.
    pub(super) fn takes(&mut self, labels: &DisagreementLabels, now: Instant) -> bool {
        if self
            .since
            .is_none_or(|since| now.duration_since(since) >= MINUTE)
        {
            self.since = Some(now);
            self.written.clear();
        }
        let written = self.written.entry(labels.clone()).or_default();
        *written += 1;
        *written <= self.most
    }

    /// Writes the question, the answered decision and the shadow's decision.
    pub(super) fn write(
        &self,
        decided: &Decided,
        outcome: &ShadowOutcome,
        labels: &DisagreementLabels,
    ) {
        let (first, shadow) = match outcome {
            ShadowOutcome::Disagreed(found) => (&found.first, shown(&found.shadow)),
            ShadowOutcome::Failed(why) => {
                tracing::warn!(
                    target: TARGET,
                    decision_id = %decided.id,
                    action = labels.action,
                    why,
                    "the shadow has no decision"
                );
                return;
            }
            _ => (&decided.decision, Json::Null),
        };
        let question = decision_log::asked(decided, &self.pseudonyms).unwrap_or_default();
        let question = question.to_string();
        let question = cut(&question, QUESTION);
        tracing::info!(
            target: TARGET,
            decision_id = %decided.id,
            surface = decided.surface,
            action = labels.action,
            kind = labels.kind,
            question = %question,
            first = %shown(first),
            shadow = %shadow,
            "the shadow disagrees"
        );
    }
}

fn shown(decision: &Decision) -> Json {
    let reasons = decision
        .reasons
        .iter()
        .map(|reason| json!({"code": reason.code, "rule": reason.rule, "policy": reason.policy}));
    json!({
        "decision": decision.verdict.name(),
        "reasons": reasons.collect::<Vec<_>>(),
        "obligations": decision.obligations,
        "policyRevision": decision.policy_revision,
        "tenancyRevision": decision.tenancy_revision,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(action: &str) -> DisagreementLabels {
        DisagreementLabels::denied_by_the_shadow(action)
    }

    #[test]
    fn a_frequent_kind_hides_no_rare_one() {
        let mut samples = Samples::new(2, Pseudonyms::none());
        let now = Instant::now();
        let taken = (0..10).filter(|_| samples.takes(&labels("frequent"), now));
        assert_eq!(taken.count(), 2);
        assert!(samples.takes(&labels("rare"), now));
    }

    #[test]
    fn each_minute_has_its_own() {
        let mut samples = Samples::new(1, Pseudonyms::none());
        let now = Instant::now();
        assert!(samples.takes(&labels("a"), now));
        assert!(!samples.takes(&labels("a"), now + MINUTE - Duration::from_millis(1)));
        assert!(samples.takes(&labels("a"), now + MINUTE));
        assert!(!samples.takes(&labels("a"), now + MINUTE + Duration::from_millis(1)));
    }

    #[test]
    fn none_are_written_where_none_are_wanted() {
        assert!(!Samples::new(0, Pseudonyms::none()).takes(&labels("a"), Instant::now()));
    }
}
