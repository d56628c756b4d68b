//! Conventions of the policies, held by `check`.
//!
//! `load` finds the faults that make a set unusable. The lints find what makes it hard to
//! live with: a denial without a code, a code outside the closed list, a rule that no
//! policy holds, a text that the formatter would write otherwise. Lints of annotations and
//! rules apply where the policy directory has a `rules.toml`; the other two always apply.

mod format;
mod policy;
mod rules;

use peppol_authz_engine::policy::{Bundle, Fault, Sources};

pub use format::fix_format;

/// All broken conventions of a valid set, and of its texts.
#[must_use]
pub fn lint(sources: &Sources, bundle: Option<&Bundle>) -> Vec<Fault> {
    let unformatted = sources.policies.iter().filter_map(format::unformatted);
    let mut faults: Vec<_> = unformatted.collect();
    if let Some(bundle) = bundle {
        for info in bundle.policies() {
            if let Some(rules) = &bundle.rules {
                policy::lint(info, rules, &mut faults);
            }
            faults.extend(policy::loads_all_tags(info));
        }
        if let (Some(rules), Some(file)) = (&bundle.rules, &sources.rules) {
            rules::lint(file, rules, bundle, &mut faults);
        }
    }
    Fault::sort(&mut faults);
    faults
}
