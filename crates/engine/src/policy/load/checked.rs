//! Policies and templates as Cedar validates them.

use cedar_policy::{Policy, PolicySet, Template};

use super::written::WrittenPolicies;
use crate::policy::info::PolicyInfo;

/// A policy or a template, as Cedar validates it.
pub(super) enum CedarStatement {
    Policy(Policy),
    Template(Template),
}

/// A policy, or a template with open slots and as it is.
#[derive(Clone, Copy)]
pub(super) struct Checked<'a> {
    pub(super) info: &'a PolicyInfo,
    pub(super) template: Option<&'a Template>,
}

impl<'a> Checked<'a> {
    pub(super) fn all(written: &'a WrittenPolicies) -> impl Iterator<Item = Self> {
        let policies = written.policies.iter().map(|info| Self {
            info,
            template: None,
        });
        policies.chain(written.templates.iter().map(|it| Self {
            info: &it.info,
            template: Some(&it.template),
        }))
    }

    /// Bytes that Cedar hashes if each of its expressions is at fault.
    pub(super) fn hashed(&self) -> u64 {
        let steps = self.info.weight.steps();
        steps.saturating_mul(self.info.file.text.len() as u64)
    }

    pub(super) fn statement(&self) -> CedarStatement {
        match self.template {
            None => CedarStatement::Policy(self.info.policy.clone()),
            Some(template) => CedarStatement::Template(template.clone()),
        }
    }
}

/// A policy or a template whose expressions do not know where they are written.
pub(super) fn without_places(checked: &Checked<'_>) -> Result<CedarStatement, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    match checked.template {
        None => {
            let plain = checked.info.policy.to_pst().and_then(Policy::from_pst);
            plain
                .map(CedarStatement::Policy)
                .map_err(|error| said(&error))
        }
        Some(template) => {
            let plain = template.to_pst().and_then(Template::from_pst);
            plain
                .map(CedarStatement::Template)
                .map_err(|error| said(&error))
        }
    }
}

/// The policies and templates as one set.
pub(super) fn set_of(
    statements: impl IntoIterator<Item = CedarStatement>,
) -> Result<PolicySet, String> {
    let mut set = PolicySet::new();
    for statement in statements {
        let added = match statement {
            CedarStatement::Policy(policy) => set.add(policy),
            CedarStatement::Template(template) => set.add_template(template),
        };
        added.map_err(|error| error.to_string())?;
    }
    Ok(set)
}
