//! Invariants, as `check` sees them: they are written like policies, and are no part of the set.

use std::path::Path;

use peppol_authz_author::lint;
use peppol_authz_author::proof::read_invariants;
use peppol_authz_engine::policy::{
    Bundle, Fault, SourceError, Sources, invariant_files, on_large_stack,
};

/// The same sources with the invariants among their policies, for the formatter.
pub(super) fn beside(directory: Option<&Path>, sources: &Sources) -> Result<Sources, SourceError> {
    let mut all = sources.clone();
    all.policies.extend(invariant_files(directory)?);
    Ok(all)
}

/// Counts the invariants, and finds their faults.
pub(super) fn check(
    directory: Option<&Path>,
    sources: &Sources,
    bundle: &Bundle,
) -> Result<(usize, Vec<Fault>), SourceError> {
    let alone = Sources {
        policies: invariant_files(directory)?,
        ..sources.clone()
    };
    let mut faults = on_large_stack(|| lint(&alone, None)).unwrap_or_default();
    let known = match read_invariants(directory, sources)? {
        Ok(read) => {
            let rules = bundle.rules.iter();
            faults.extend(rules.flat_map(|rules| read.iter().flat_map(|i| i.lint(rules))));
            read.len()
        }
        Err(found) => {
            faults.extend(found);
            0
        }
    };
    Ok((known, faults))
}
