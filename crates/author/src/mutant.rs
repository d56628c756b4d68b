//! Policies with one small fault each, which a suite has to notice.
//!
//! A mutant is an edit of a policy's text, found where Cedar's own parser says that
//! the parts of it stand. So annotations, comments and strings are never touched, and
//! a mutant is shown as a fault is: file, line, caret, and what stands there instead.

mod edit;
mod expression;
mod policy;
mod vocabulary;
mod walk;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use cedar_policy::{Policy, PolicySet, Template, ValidationMode, Validator};
use miette::LabeledSpan;

use peppol_authz_engine::policy::on_large_stack;
use peppol_authz_engine::policy::{Bundle, Fault, Link, PolicyInfo, Severity, linked_policies};

use edit::Edit;

pub use edit::MutationOperator;

/// A policy with one fault.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// The kind of change.
    pub operator: MutationOperator,
    /// The policy that it was made of.
    pub policy: Arc<PolicyInfo>,
    /// The changed place, in bytes of the policy's file.
    pub place: Range<usize>,
    /// A few words about the change, for a reader: ``becomes `!=` ``.
    pub says: String,
    /// The changed text of the whole policy; `None` where it is left out.
    pub text: Option<String>,
}

/// A mutant that could be in force.
#[derive(Debug)]
pub struct ValidMutant {
    /// The policies in force that are changed, each with what it becomes; `None` where it is left out. Of a
    /// template these are its links.
    pub changed: Vec<(Policy, Option<Policy>)>,
    /// The set with the changed policies.
    pub bundle: Bundle,
}

/// A policy of which no mutants can be made.
#[derive(Debug, thiserror::Error)]
#[error("no mutants of `{policy}` can be made: {problem}")]
pub struct MutantError {
    /// The policy.
    pub policy: Arc<str>,
    /// The reason.
    pub problem: String,
}

impl MutantError {
    fn new(policy: &Arc<str>, problem: impl ToString) -> Self {
        Self {
            policy: Arc::clone(policy),
            problem: problem.to_string(),
        }
    }
}

/// All mutants of all policies of a Bundle, in the order of files and places. No two
/// have the same text. A template is one policy, whatever its links are, and one without links has no
/// mutants: it decides nothing.
///
/// # Errors
/// A policy whose text cannot be read again.
pub fn mutants(bundle: &Bundle) -> Result<Vec<Mutant>, MutantError> {
    on_large_stack(|| mutants_here(bundle))
        .unwrap_or_else(|| Err(MutantError::new(&Arc::from("-"), "no thread could be had")))
}

fn mutants_here(bundle: &Bundle) -> Result<Vec<Mutant>, MutantError> {
    let written = bundle.written();
    let mut policies: Vec<Arc<PolicyInfo>> = written.map(|info| Arc::new(info.clone())).collect();
    policies.retain(|info| !is_template(info, bundle) || !links(info, bundle).is_empty());
    policies.sort_by(|a, b| (&a.file.name, a.place.start).cmp(&(&b.file.name, b.place.start)));
    let mut found = Vec::new();
    for info in policies {
        let failed = |problem: String| MutantError::new(&info.id, problem);
        let text = info.source();
        if info.file.text.trim_start().starts_with('{') {
            let text = "it is written in Cedar's JSON, and mutants are made of texts in Cedar's own syntax";
            return Err(failed(text.to_owned()));
        }
        let others = bundle
            .other_actions(&info.policy)
            .map_err(|error| failed(error.to_string()))?;
        let mut edits = policy::edits(text, &bundle.schema, &others).map_err(failed)?;
        edits.sort_by_key(|edit| (edit.shown.start, edit.operator));
        let mut texts = HashSet::new();
        for edit in edits {
            let text = edit
                .apply(text)
                .ok_or_else(|| failed("a place outside of its text".to_owned()))?;
            if texts.insert(text.clone()) {
                found.push(Mutant::new(&info, edit, text));
            }
        }
    }
    Ok(found)
}

fn is_template(info: &PolicyInfo, bundle: &Bundle) -> bool {
    let mut templates = bundle.templates.iter();
    templates.any(|template| template.info.id == info.id)
}

/// The links of a template.
fn links(template: &PolicyInfo, bundle: &Bundle) -> Vec<(Policy, Arc<Link>)> {
    let policies = bundle.policies().into_iter();
    let linked = policies.filter_map(|info| Some((info.policy.clone(), info.link.clone()?)));
    linked
        .filter(|(_, link)| link.template == template.id)
        .collect()
}

impl Mutant {
    fn new(info: &Arc<PolicyInfo>, edit: Edit, text: Option<String>) -> Self {
        let start = info.place.start;
        Self {
            operator: edit.operator,
            policy: Arc::clone(info),
            place: start + edit.shown.start..start + edit.shown.end,
            says: edit.says,
            text,
        }
    }

    /// The set with the mutant in the place of its policy. `None` for one that could
    /// never be in force: it does not parse, is not strictly valid, or Cedar warns
    /// about it. Conventions do not count.
    ///
    /// Needs a large stack, as every reading of a policy does.
    ///
    /// # Errors
    /// A set that cannot be made of valid policies.
    pub fn make(
        &self,
        bundle: &Bundle,
        validator: &Validator,
    ) -> Result<Option<ValidMutant>, MutantError> {
        let failed = |problem: &dyn std::fmt::Display| MutantError::new(&self.policy.id, problem);
        let own = &self.policy.policy;
        let links = match is_template(&self.policy, bundle) {
            true => Some(links(&self.policy, bundle)),
            false => None,
        };
        let parsed = match &self.text {
            None => None,
            Some(text) => match Changed::parse(own, text) {
                Some(changed) if changed.is_valid(validator, bundle.level) => Some(changed),
                _ => return Ok(None),
            },
        };
        let changed: Vec<(Policy, Option<Policy>)> = match (links, parsed) {
            (None, None) => vec![(own.clone(), None)],
            (None, Some(Changed::Policy(policy))) => vec![(own.clone(), Some(policy))],
            // Nothing fills the slots of what was no template.
            (None, Some(Changed::Template(_))) => return Ok(None),
            (Some(links), None) => links.into_iter().map(|(old, _)| (old, None)).collect(),
            (Some(links), Some(Changed::Policy(policy))) => {
                let each = links.into_iter().map(|(old, _)| {
                    let new = policy.new_id(old.id().clone());
                    (old, Some(new))
                });
                each.collect()
            }
            (Some(links), Some(Changed::Template(template))) => {
                let (old, links): (Vec<Policy>, Vec<Arc<Link>>) = links.into_iter().unzip();
                let new = linked_policies(&template, &links).map_err(|error| failed(&error))?;
                old.into_iter().zip(new.into_iter().map(Some)).collect()
            }
        };
        let others = changed
            .iter()
            .map(|(old, new)| (old.id().clone(), new.clone()));
        let bundle = bundle.replacing(&others.collect::<HashMap<_, _>>());
        let bundle = bundle.map_err(|error| failed(&error))?;
        Ok(Some(ValidMutant { changed, bundle }))
    }

    /// The fault that no case notices it, at its place.
    #[must_use]
    pub fn fault(&self) -> Fault {
        let label = LabeledSpan::new(Some(self.says.clone()), self.place.start, self.place.len());
        let message = format!(
            "no case notices `{}` in `{}`",
            self.operator.name(),
            self.policy.id
        );
        Fault {
            labels: vec![label],
            ..Fault::new(&self.policy.file, Severity::Lint, message)
        }
    }
}

/// A changed text, as Cedar reads it.
enum Changed {
    Policy(Policy),
    Template(Template),
}

impl Changed {
    fn parse(own: &Policy, text: &str) -> Option<Self> {
        let id = || Some(own.id().clone());
        match Policy::parse(id(), text) {
            Ok(policy) => Some(Self::Policy(policy)),
            Err(_) => Template::parse(id(), text).ok().map(Self::Template),
        }
    }

    /// True if it could be loaded. Warnings are faults there too, and slices are loaded
    /// to the level of the set.
    fn is_valid(&self, validator: &Validator, level: u32) -> bool {
        let mut set = PolicySet::new();
        let added = match self {
            Self::Policy(policy) => set.add(policy.clone()),
            Self::Template(template) => set.add_template(template.clone()),
        };
        added.is_ok()
            && validator
                .validate_with_level(&set, ValidationMode::Strict, level)
                .validation_passed_without_warnings()
    }
}
