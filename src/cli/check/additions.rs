//! Additions to the store, as `check` sees them: held to the schema, and to what the program makes.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::copies::{has_copies, left_unread};
use crate::cli::args::{CheckArgs, PolicyArgs};
use peppol_authz_database::{Additions, misfits};
use peppol_authz_engine::policy::{Bundle, Fault, Sources};

/// The faults of the additions that the arguments or the working directory name, and the files beside them and
/// beside the schema that nothing reads. `policy` is what is checked.
pub(super) fn check(
    args: &CheckArgs,
    policy: &PolicyArgs,
    sources: &Sources,
    bundle: &Bundle,
) -> Vec<Fault> {
    let directory = args.additions.for_author(&args.policy);
    let mut faults = match directory.as_deref().map(Additions::read) {
        None => Vec::new(),
        Some(Ok(additions)) => misfits(bundle, &sources.schema, &Arc::new(additions)),
        Some(Err(error)) => error.0,
    };
    let schema = policy.schema.as_deref().and_then(Path::parent);
    let mut copied: BTreeSet<&Path> = schema.filter(|it| has_copies(it)).into_iter().collect();
    copied.extend(directory.as_deref().and_then(Path::parent));
    faults.extend(copied.into_iter().flat_map(left_unread));
    faults
}
