//! The lints of the list of rules, `rules.toml`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::policy::bundle::Bundle;
use crate::policy::fault::{Fault, Severity};
use crate::policy::info::PolicyInfo;
use crate::policy::rules::{HeldBy, Rule, Rules};
use crate::policy::source_file::SourceFile;

/// Adds the broken conventions of the list to `faults`.
pub(super) fn lint(
    file: &Arc<SourceFile>,
    rules: &Rules,
    bundle: &Bundle,
    faults: &mut Vec<Fault>,
) {
    let policies = bundle.policies();
    for (id, rule) in &rules.rules {
        let heading = format!("[rules.{id}]");
        let start = file.text.find(&heading).unwrap_or(0);
        let holds_it = |info: &&&Arc<PolicyInfo>| info.rule.as_deref() == Some(id.as_str());
        let listed = ListedRule {
            id,
            rule,
            holders: policies.iter().filter(holds_it).copied().collect(),
        };
        let messages = ListedRule::LINTS.iter().flat_map(|lint| lint(&listed));
        faults.extend(
            messages
                .map(|message| Fault::new(file, Severity::Lint, message).at(start, heading.len())),
        );
    }
}

/// A rule of the list, and the policies that hold it.
struct ListedRule<'a> {
    id: &'a str,
    rule: &'a Rule,
    holders: Vec<&'a Arc<PolicyInfo>>,
}

impl ListedRule<'_> {
    /// The lints of one rule, in the order in which their faults are reported.
    const LINTS: [fn(&Self) -> Vec<String>; 3] = [
        Self::without_reason,
        Self::without_policy,
        Self::codes_without_policy,
    ];

    fn is_held_by_policies(&self) -> bool {
        self.rule.held_by == HeldBy::Policies
    }

    fn without_reason(&self) -> Vec<String> {
        if self.is_held_by_policies() || self.rule.why.is_some() {
            return Vec::new();
        }
        vec![format!("rule `{}` has no `why`", self.id)]
    }

    fn without_policy(&self) -> Vec<String> {
        if !self.is_held_by_policies() || !self.holders.is_empty() {
            return Vec::new();
        }
        vec![format!("rule `{}` is held by no policy", self.id)]
    }

    fn codes_without_policy(&self) -> Vec<String> {
        if !self.is_held_by_policies() {
            return Vec::new();
        }
        let given = self.holders.iter().filter_map(|info| info.code.as_deref());
        let given: BTreeSet<&str> = given.collect();
        let codes = self.rule.codes.iter();
        codes
            .filter(|code| !given.contains(code.as_str()))
            .map(|code| format!("code `{code}` of rule `{}` is given by no policy", self.id))
            .collect()
    }
}
