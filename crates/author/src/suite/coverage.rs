//! Gaps of the suites: by policy, by rule, and by leaving each policy out in turn.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::error::SuiteError;
use super::run::{Outcome, Suites};
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
pub struct Dropped {
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
pub fn coverage(bundle: &Bundle, outcomes: &[Outcome]) -> Coverage {
    let mut policies: BTreeSet<Arc<str>> = BTreeSet::new();
    let mut rules: BTreeSet<String> = BTreeSet::new();
    let mut claimed: BTreeSet<String> = BTreeSet::new();
    let mut actions: BTreeSet<&str> = BTreeSet::new();
    // A case covers what it says only where all of it passes.
    let failed: BTreeSet<_> = outcomes
        .iter()
        .filter(|outcome| outcome.difference.is_some())
        .map(|outcome| (&outcome.suite, &outcome.case))
        .collect();
    for outcome in outcomes
        .iter()
        .filter(|outcome| outcome.difference.is_none())
    {
        if !failed.contains(&(&outcome.suite, &outcome.case)) {
            claimed.extend(outcome.covers.iter().cloned());
        }
        actions.extend(
            outcome
                .question
                .pointer("/action/id")
                .and_then(|id| id.as_str()),
        );
        if let Ok(decision) = &outcome.decision {
            policies.extend(decision.determining.iter().cloned());
            rules.extend(
                decision
                    .reasons
                    .iter()
                    .filter_map(|reason| Some(reason.rule.as_deref()?.to_owned())),
            );
        }
    }
    rules.extend(claimed.iter().cloned());
    let list = bundle.rules.iter().flat_map(|rules| &rules.rules);
    let exempt: BTreeSet<String> = list
        .clone()
        .filter(|(_, rule)| rule.exempt.is_some())
        .map(|(id, _)| id.clone())
        .collect();
    let all: BTreeSet<String> = list.map(|(id, _)| id.clone()).collect();
    let untested_rules = all
        .difference(&rules)
        .filter(|id| !exempt.contains(*id))
        .cloned()
        .collect();
    let stale_exemptions = exempt.intersection(&rules).cloned().collect();
    let unknown_rules = if all.is_empty() {
        Vec::new()
    } else {
        claimed.difference(&all).cloned().collect()
    };
    let untested_policies = bundle
        .policies()
        .into_iter()
        .map(|info| Arc::clone(&info.id))
        .filter(|id| !policies.contains(id))
        .collect();
    let untested_actions = bundle
        .schema
        .actions()
        .into_iter()
        .map(|action| AsRef::<str>::as_ref(action.uid.id()).to_owned())
        .filter(|action| !actions.contains(action.as_str()))
        .collect();
    Coverage {
        policies: policies.into_iter().collect(),
        untested_policies,
        rules: rules.into_iter().collect(),
        untested_rules,
        unknown_rules,
        stale_exemptions,
        untested_actions,
    }
}

/// Leaves each policy out in turn and counts the cases that notice.
///
/// # Errors
/// A set that cannot be made without a policy.
pub async fn drop_one(bundle: &Arc<Bundle>, suites: &Suites) -> Result<Vec<Dropped>, SuiteError> {
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
        dropped.push(Dropped {
            policy: Arc::clone(&info.id),
            missed_by,
        });
    }
    Ok(dropped)
}
