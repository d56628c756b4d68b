//! Gaps of the suites: by policy, by rule, and by leaving each policy out in turn.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::error::SuiteError;
use super::run::{CaseOutcome, Suites};
use peppol_authz_engine::policy::Bundle;

/// The tested and the untested policies, rules and actions.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Policies that some decision rests on.
    pub policies: Vec<Arc<str>>,
    /// Policies that none does.
    pub untested_policies: Vec<Arc<str>>,
    /// Rules that a decision rests on or that a case says it covers.
    pub rules: Vec<String>,
    /// Rules of the list that are neither.
    pub untested_rules: Vec<String>,
    /// Rules that a case says it covers and that the list does not have.
    pub unknown_rules: Vec<String>,
    /// Rules that are exempt from being tested, and are.
    pub stale_exemptions: Vec<String>,
    /// Actions that no case asks.
    pub untested_actions: Vec<String>,
}

/// A policy that was left out.
#[derive(Debug)]
pub struct DroppedPolicy {
    /// The policy.
    pub policy: Arc<str>,
    /// Cases that missed it.
    pub missed_by: usize,
}

impl Coverage {
    /// True if everything is tested and nothing is stale.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.untested_policies.is_empty()
            && self.untested_rules.is_empty()
            && self.unknown_rules.is_empty()
            && self.stale_exemptions.is_empty()
            && self.untested_actions.is_empty()
    }
}

/// Finds what the cases cover.
#[must_use]
pub fn coverage(bundle: &Bundle, outcomes: &[CaseOutcome]) -> Coverage {
    let tested = Tested::by(outcomes);
    let list = bundle.rules.iter().flat_map(|rules| &rules.rules);
    let all: BTreeSet<&str> = list.clone().map(|(id, _)| id.as_str()).collect();
    let exempt = list.filter(|(_, rule)| rule.exempt.is_some());
    let exempt: BTreeSet<&str> = exempt.map(|(id, _)| id.as_str()).collect();
    let rules: BTreeSet<&str> = tested.rules.union(&tested.claimed).copied().collect();
    let untested_rules = all.difference(&rules).filter(|id| !exempt.contains(*id));
    // Without a list of rules every claim would be unknown.
    let unknown_rules = tested.claimed.difference(&all).filter(|_| !all.is_empty());
    let policies = bundle.policies().into_iter();
    let untested_policies = policies.filter(|info| !tested.policies.contains(&info.id));
    let actions = bundle.schema.actions().into_iter();
    let actions = actions.map(|action| AsRef::<str>::as_ref(action.uid.id()).to_owned());
    Coverage {
        untested_policies: untested_policies.map(|info| Arc::clone(&info.id)).collect(),
        rules: names(rules.iter()),
        untested_rules: names(untested_rules),
        unknown_rules: names(unknown_rules),
        stale_exemptions: names(exempt.intersection(&rules)),
        untested_actions: actions
            .filter(|action| !tested.actions.contains(action.as_str()))
            .collect(),
        policies: tested.policies.into_iter().collect(),
    }
}

fn names<'a, 'b: 'a>(rules: impl Iterator<Item = &'a &'b str>) -> Vec<String> {
    rules.map(|id| (*id).to_owned()).collect()
}

/// The parts of decisions that questions with the expected answer test.
#[derive(Default)]
struct Tested<'a> {
    /// Policies that decisions rest on.
    policies: BTreeSet<Arc<str>>,
    /// Rules that decisions rest on.
    rules: BTreeSet<&'a str>,
    /// Rules that cases say they cover. Such a case has to pass as a whole.
    claimed: BTreeSet<&'a str>,
    actions: BTreeSet<&'a str>,
}

impl<'a> Tested<'a> {
    fn by(outcomes: &'a [CaseOutcome]) -> Self {
        let (passed, failed): (Vec<_>, Vec<_>) = outcomes
            .iter()
            .partition(|outcome| outcome.difference.is_none());
        let failed = failed.iter().map(|outcome| (&outcome.suite, &outcome.case));
        let failed: BTreeSet<_> = failed.collect();
        let mut tested = Self::default();
        for outcome in passed {
            if !failed.contains(&(&outcome.suite, &outcome.case)) {
                let claimed = outcome.covers.iter().map(String::as_str);
                tested.claimed.extend(claimed);
            }
            let action = outcome.question.pointer("/action/id");
            tested.actions.extend(action.and_then(|id| id.as_str()));
            if let Ok(decision) = &outcome.decision {
                tested.policies.extend(decision.determining.iter().cloned());
                let reasons = decision.reasons.iter();
                tested
                    .rules
                    .extend(reasons.filter_map(|reason| reason.rule.as_deref()));
            }
        }
        tested
    }
}

/// Leaves each policy out in turn and counts the cases that notice.
///
/// # Errors
/// A set that cannot be made without a policy.
pub async fn drop_one(
    bundle: &Arc<Bundle>,
    suites: &Suites,
) -> Result<Vec<DroppedPolicy>, SuiteError> {
    let mut dropped = Vec::new();
    for info in bundle.policies() {
        let smaller = bundle
            .without(info.policy.id())
            .map_err(|error| SuiteError::new(info.file.name.as_ref(), error))?;
        let outcomes = suites.run(&Arc::new(smaller)).await?;
        let missed_by = outcomes
            .iter()
            .filter(|outcome| outcome.difference.is_some())
            .count();
        dropped.push(DroppedPolicy {
            policy: Arc::clone(&info.id),
            missed_by,
        });
    }
    Ok(dropped)
}
