//! Conventions of the policies that `check` tells of, and for which no set is refused.
//!
//! `load` finds everything for which a set is refused, by `check` as by `serve`. The lints find a
//! text that the formatter would write otherwise, permits and actions that are of no use and, in a set
//! without a list of rules, a policy that has more loaded than it needs.

mod covered;
mod format;
mod unpermitted;

use peppol_authz_engine::policy::{Bundle, Fault, Severity, Sources};

pub use format::fix_format;

/// All notes on a valid set, and on the layout of its texts.
#[must_use]
pub fn lint(sources: &Sources, bundle: Option<&Bundle>) -> Vec<Fault> {
    let unformatted = sources.policies.iter().filter_map(format::unformatted);
    let mut faults: Vec<_> = unformatted.collect();
    let policies = bundle.map(Bundle::policies).unwrap_or_default();
    let costly = policies.iter().filter(|info| info.loads_all_tags());
    faults.extend(costly.map(|info| info.all_tags_fault(Severity::Note)));
    if let Some(bundle) = bundle {
        faults.extend(covered::covered(bundle));
        faults.extend(unpermitted::unpermitted(&sources.schema, bundle));
    }
    Fault::first_of(faults)
}
