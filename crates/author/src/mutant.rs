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

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use cedar_policy::{Policy, PolicySet, ValidationMode, Validator};
use miette::LabeledSpan;

use peppol_authz_engine::policy::on_large_stack;
use peppol_authz_engine::policy::{Bundle, PolicyInfo};
use peppol_authz_engine::policy::{Fault, Severity};

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
    /// The changed policy; `None` where it is left out.
    pub policy: Option<Policy>,
    /// The set with the changed policy.
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
/// have the same text.
///
/// # Errors
/// A policy whose text cannot be read again.
pub fn mutants(bundle: &Bundle) -> Result<Vec<Mutant>, MutantError> {
    on_large_stack(|| mutants_here(bundle))
        .unwrap_or_else(|| Err(MutantError::new(&Arc::from("-"), "no thread could be had")))
}

fn mutants_here(bundle: &Bundle) -> Result<Vec<Mutant>, MutantError> {
    let mut policies = bundle.policies();
    policies.sort_by(|a, b| (&a.file.name, a.place.start).cmp(&(&b.file.name, b.place.start)));
    let mut found = Vec::new();
    for info in policies {
        let failed = |problem: String| MutantError::new(&info.id, problem);
        let text = info.file.text.get(info.place.clone()).unwrap_or_default();
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
                found.push(Mutant::new(info, edit, text));
            }
        }
    }
    Ok(found)
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
        let id = self.policy.policy.id();
        let policy = match &self.text {
            None => None,
            Some(text) => {
                let policy = Policy::parse(Some(id.clone()), text).ok();
                match policy.filter(|policy| is_valid(policy, validator, bundle.level)) {
                    None => return Ok(None),
                    valid => valid,
                }
            }
        };
        let bundle = match &policy {
            None => bundle.without(id),
            Some(policy) => bundle.replacing(id, policy),
        };
        let bundle = bundle.map_err(|error| MutantError::new(&self.policy.id, error))?;
        Ok(Some(ValidMutant { policy, bundle }))
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

/// True if the policy could be loaded. Warnings are faults there too, and slices are loaded
/// to the level of the set.
fn is_valid(policy: &Policy, validator: &Validator, level: u32) -> bool {
    PolicySet::from_policies([policy.clone()]).is_ok_and(|set| {
        validator
            .validate_with_level(&set, ValidationMode::Strict, level)
            .validation_passed_without_warnings()
    })
}
