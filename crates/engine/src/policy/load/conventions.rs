//! The conventions that a set with a list of rules is held to: a rule that no policy holds is a
//! policy that is missing, and a denial has a code that callers know.

use std::path::Path;

use cedar_policy::Effect;

use super::rule_list;
use crate::policy::bundle::Bundle;
use crate::policy::directory::RULES;
use crate::policy::fault::{Fault, Severity};
use crate::policy::info::PolicyInfo;
use crate::policy::rules::{HeldBy, Rules};
use crate::policy::sources::Sources;
use crate::text::did_you_mean;

/// The annotations that policies may have.
const ANNOTATIONS: [&str; 6] = ["id", "rule", "code", "message", "obligation", "doc"];

/// The broken conventions of a set.
pub(super) fn broken_conventions(bundle: &Bundle, sources: &Sources) -> Vec<Fault> {
    let (Some(rules), Some(file)) = (&bundle.rules, &sources.rules) else {
        let held = sources.needs_lists.then(|| without_list(bundle));
        return held.flatten().into_iter().collect();
    };
    let mut faults = Vec::new();
    for info in bundle.written() {
        lint(info, rules, &mut faults);
        if info.loads_all_tags() {
            faults.push(info.all_tags_fault(Severity::Lint));
        }
    }
    rule_list::lint(file, rules, bundle, sources.needs_lists, &mut faults);
    faults
}

/// The fault of a set whose policies hold rules, while nothing says which: a copy looks like this
/// that has just begun.
fn without_list(bundle: &Bundle) -> Option<Fault> {
    let info = bundle.written().find(|info| info.rule.is_some())?;
    let (id, rule) = (&info.id, info.rule.as_deref().unwrap_or_default());
    let name = Path::new(&info.file.name).with_file_name(RULES);
    let text = format!(
        "policy `{id}` holds rule `{rule}`, and there is no `{}`",
        name.display()
    );
    let fault = Fault::new(&info.file, Severity::Lint, text);
    let advice =
        "without it nobody can tell if policies are missing; a set without `@rule` needs none";
    Some(fault.at(info.place.start, info.heading()).advise(advice))
}

/// Adds the broken conventions of a policy to `faults`.
fn lint(info: &PolicyInfo, rules: &Rules, faults: &mut Vec<Fault>) {
    let mut policy = PolicyLint {
        info,
        heading: info.heading(),
        rules,
        faults,
    };
    for lint in PolicyLint::LINTS {
        lint(&mut policy);
    }
}

/// One policy, and the faults that are found.
struct PolicyLint<'a> {
    info: &'a PolicyInfo,
    /// The length of what faults point at.
    heading: usize,
    rules: &'a Rules,
    faults: &'a mut Vec<Fault>,
}

impl PolicyLint<'_> {
    /// The lints by the list of rules, in the order in which their faults are reported.
    const LINTS: [fn(&mut Self); 6] = [
        Self::id,
        Self::annotations,
        Self::rule,
        Self::code,
        Self::message,
        Self::obligation,
    ];

    /// Adds a fault.
    fn fault(&mut self, message: impl Into<String>, help: &str) {
        self.faults.push(
            Fault::new(&self.info.file, Severity::Lint, message)
                .at(self.info.place.start, self.heading)
                .advise(help),
        );
    }

    /// True if an annotation is there and says something.
    fn has(&self, annotation: &str) -> bool {
        let text = self.info.policy.annotation(annotation);
        text.is_some_and(|text| !text.trim().is_empty())
    }

    fn id(&mut self) {
        let (info, stem) = (self.info, self.info.file.stem());
        let form = format!("`@id(\"{stem}/kebab-name\")`");
        match info.policy.annotation("id") {
            None => self.fault("no `@id`", &format!("give it one: {form}")),
            Some(id) if !is_well_formed(id, stem) => self.fault(
                format!("`@id(\"{id}\")` is not of the form {form}"),
                "an id names file and policy",
            ),
            Some(_) => {}
        }
    }

    fn annotations(&mut self) {
        let info = self.info;
        for (name, _) in info.policy.annotations() {
            if !ANNOTATIONS.contains(&name) {
                let near = did_you_mean(name, ANNOTATIONS);
                self.fault(
                    format!("unknown annotation `@{name}`{near}"),
                    &format!("one of {}", ANNOTATIONS.join(", ")),
                );
            }
        }
    }

    fn rule(&mut self) {
        let Some(id) = self.info.rule.as_deref() else {
            return self.fault("no `@rule`", "name the rule of `rules.toml` that it holds");
        };
        match self.rules.rules.get(id) {
            None => self.fault(
                format!(
                    "no rule `{id}`{}",
                    did_you_mean(id, names(self.rules.rules.keys()))
                ),
                "the rules are listed in `rules.toml`",
            ),
            Some(rule) if rule.held_by != HeldBy::Policies => self.fault(
                format!("rule `{id}` is not held by policies"),
                "see its entry in `rules.toml`",
            ),
            Some(_) => {}
        }
    }

    fn code(&mut self) {
        let (info, rules) = (self.info, self.rules);
        if info.effect == Effect::Permit {
            if self.has("code") {
                self.fault("a permit with `@code`", "codes go with forbids");
            }
            return;
        }
        let rule = info.rule.as_deref().and_then(|id| rules.rules.get(id));
        match (info.code.as_deref(), rule) {
            (None, _) => self.fault("a forbid without `@code`", "a denial is called something"),
            (Some(code), Some(rule)) if !rule.codes.iter().any(|known| known == code) => {
                let near = did_you_mean(code, names(&rule.codes));
                self.fault(
                    format!("code `{code}` is not one of its rule's{near}"),
                    "codes are a closed list, in `rules.toml`",
                );
            }
            _ => {}
        }
    }

    fn message(&mut self) {
        if self.info.effect == Effect::Forbid && !self.has("message") {
            self.fault(
                "a forbid without `@message`",
                "say what stands in the way, in a line",
            );
        }
    }

    fn obligation(&mut self) {
        if self.info.effect == Effect::Forbid {
            if self.has("obligation") {
                self.fault("a forbid with `@obligation`", "obligations go with permits");
            }
            return;
        }
        let (info, known) = (self.info, &self.rules.obligations);
        if let Some(obligation) = info.obligation.as_deref()
            && !known.iter().any(|known| known == obligation)
        {
            let near = did_you_mean(obligation, names(known));
            self.fault(
                format!("unknown obligation `{obligation}`{near}"),
                "obligations are a closed list, in `rules.toml`",
            );
        }
    }
}

fn names<'a>(all: impl IntoIterator<Item = &'a String>) -> impl Iterator<Item = &'a str> {
    all.into_iter().map(String::as_str)
}

/// True if an id is `FILE/kebab-name`.
fn is_well_formed(id: &str, stem: &str) -> bool {
    let Some((file, name)) = id.split_once('/') else {
        return false;
    };
    let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    file == stem && !name.is_empty() && name.chars().all(kebab) && !name.starts_with('-')
}
