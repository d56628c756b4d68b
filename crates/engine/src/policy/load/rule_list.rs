//! The lints of the list of rules, `rules.toml`.
//!
//! A rule names the policies that hold it. So a set that lacks one of them, as a directory does
//! into which files are being copied, is known for half of one, whichever policy it lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::policy::bundle::Bundle;
use crate::policy::fault::{Fault, Severity};
use crate::policy::info::PolicyInfo;
use crate::policy::rules::{HeldBy, Rule, Rules};
use crate::policy::source_file::SourceFile;

/// Adds the broken conventions of the list to `faults`. `listed` says that rules have to list their
/// policies.
pub(super) fn lint(
    file: &Arc<SourceFile>,
    rules: &Rules,
    bundle: &Bundle,
    listed: bool,
    faults: &mut Vec<Fault>,
) {
    let by_id = bundle.written().map(|info| (&*info.id, info));
    let by_id: BTreeMap<&str, &PolicyInfo> = by_id.collect();
    let mut holders: BTreeMap<&str, Vec<&PolicyInfo>> = BTreeMap::new();
    for info in by_id.values() {
        if let Some(rule) = info.rule.as_deref().filter(|_| !info.never_applies) {
            holders.entry(rule).or_default().push(info);
        }
    }
    let headings = headings(&file.text);
    for (id, rule) in &rules.rules {
        let mut one = ListedRule {
            file,
            id,
            rule,
            place: headings.get(id.as_str()).copied().unwrap_or((0, 0)),
            holders: holders.remove(id.as_str()).unwrap_or_default(),
            by_id: &by_id,
            faults,
        };
        ListedRule::LINTS.iter().for_each(|lint| lint(&mut one));
        if listed || !rule.policies.is_empty() {
            one.list();
        }
    }
}

/// The places of the tables of rules, by their ids.
fn headings(text: &str) -> BTreeMap<&str, (usize, usize)> {
    let mut places = BTreeMap::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let heading = line.trim_end();
        let id = heading
            .strip_prefix("[rules.")
            .and_then(|id| id.strip_suffix(']'));
        if let Some(id) = id {
            places.insert(id.trim_matches(['"', '\'']), (start, heading.len()));
        }
        start += line.len();
    }
    places
}

/// A rule of the list, and the policies that hold it.
struct ListedRule<'a> {
    file: &'a Arc<SourceFile>,
    id: &'a str,
    rule: &'a Rule,
    place: (usize, usize),
    holders: Vec<&'a PolicyInfo>,
    by_id: &'a BTreeMap<&'a str, &'a PolicyInfo>,
    faults: &'a mut Vec<Fault>,
}

impl ListedRule<'_> {
    /// The lints of one rule that do not depend on its list, in the order in which their faults
    /// are reported.
    const LINTS: [fn(&mut Self); 3] = [
        Self::without_reason,
        Self::without_policy,
        Self::codes_without_policy,
    ];

    fn is_held_by_policies(&self) -> bool {
        self.rule.held_by == HeldBy::Policies
    }

    /// Adds a fault of the rule.
    fn fault(&mut self, message: String) -> Fault {
        let (start, len) = self.place;
        Fault::new(self.file, Severity::Lint, message).at(start, len)
    }

    fn without_reason(&mut self) {
        if !self.is_held_by_policies() && self.rule.why.is_none() {
            let fault = self.fault(format!("rule `{}` has no `why`", self.id));
            self.faults.push(fault);
        }
    }

    fn without_policy(&mut self) {
        let nothing = self.holders.is_empty() && self.rule.policies.is_empty();
        if self.is_held_by_policies() && nothing {
            let fault = self.fault(format!("rule `{}` is held by no policy", self.id));
            self.faults.push(fault);
        }
    }

    fn codes_without_policy(&mut self) {
        if !self.is_held_by_policies() {
            return;
        }
        let given = self.holders.iter().filter_map(|info| info.code.as_deref());
        let given: BTreeSet<&str> = given.collect();
        let codes = self.rule.codes.iter();
        let codes: Vec<_> = codes
            .filter(|code| !given.contains(code.as_str()))
            .collect();
        for code in codes {
            let text = format!("code `{code}` of rule `{}` is given by no policy", self.id);
            let fault = self.fault(text);
            self.faults.push(fault);
        }
    }

    /// Holds the policies of the set to the list of the rule.
    fn list(&mut self) {
        let id = self.id;
        let listed = &self.rule.policies;
        if !self.is_held_by_policies() {
            if !listed.is_empty() {
                let text = format!("rule `{id}` lists policies, and is not held by policies");
                let fault = self.fault(text);
                self.faults.push(fault);
            }
            return;
        }
        if listed.is_empty() {
            if !self.holders.is_empty() {
                let text = format!("rule `{id}` does not list the policies that hold it");
                let fault = self.fault(text).advise(self.line());
                self.faults.push(fault);
            }
            return;
        }
        let mut known = BTreeSet::new();
        for policy in listed {
            if !known.insert(policy.as_str()) {
                let fault = self.fault(format!("rule `{id}` lists policy `{policy}` twice"));
                self.faults.push(fault);
            } else if let Some(text) = self.absence(policy) {
                let advice = match self.holders.is_empty() {
                    true => "a set without it is not whole".to_owned(),
                    false => format!(
                        "a set without it is not whole; where it is no more, {}",
                        self.line()
                    ),
                };
                let fault = self.fault(text).advise(advice);
                self.faults.push(fault);
            }
        }
        let unlisted = self
            .holders
            .iter()
            .filter(|info| !known.contains(&*info.id));
        let unlisted: Vec<&PolicyInfo> = unlisted.copied().collect();
        for info in unlisted {
            let text = format!(
                "policy `{}` holds rule `{id}`, which does not list it in `{}`",
                info.id, self.file.name
            );
            let fault = Fault::new(&info.file, Severity::Lint, text)
                .at(info.place.start, info.heading())
                .advise(self.line());
            self.faults.push(fault);
        }
    }

    /// The sentence about a policy of the list that is not in the set, or not for this rule.
    fn absence(&self, policy: &str) -> Option<String> {
        let id = self.id;
        match self.by_id.get(policy) {
            Some(info) if info.rule.as_deref() == Some(id) && info.never_applies => {
                let fate = match info.is_off {
                    true => "is switched off",
                    false => "never applies",
                };
                Some(format!(
                    "rule `{id}` lists policy `{policy}`, which {fate} in `{}`",
                    info.file.name
                ))
            }
            Some(info) if info.rule.as_deref() == Some(id) => None,
            Some(info) => Some(format!(
                "rule `{id}` lists policy `{policy}`, which does not hold it in `{}`",
                info.file.name
            )),
            None => {
                let stem = policy.split_once('/').map_or("…", |(stem, _)| stem);
                let file = Path::new(&self.file.name).with_file_name(format!("{stem}.cedar"));
                Some(format!(
                    "rule `{id}` lists policy `{policy}`, which is not in `{}`",
                    file.display()
                ))
            }
        }
    }

    /// The line of the list by the policies that are there.
    fn line(&self) -> String {
        let ids = self.holders.iter().map(|info| format!("\"{}\"", info.id));
        let ids: Vec<_> = ids.collect();
        format!(
            "write under `[rules.{}]`: policies = [{}]",
            self.id,
            ids.join(", ")
        )
    }
}
