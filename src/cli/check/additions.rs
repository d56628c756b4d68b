//! Additions to the store, as `check` sees them: held to the schema, and to what the program makes.

use std::sync::Arc;

use super::copies::left_unread;
use crate::cli::args::CheckArgs;
use peppol_authz_database::{Additions, misfits};
use peppol_authz_engine::policy::{Bundle, Fault, Sources};

/// The faults of the additions that the arguments or the working directory name.
pub(super) fn check(args: &CheckArgs, sources: &Sources, bundle: &Bundle) -> Vec<Fault> {
    let Some(directory) = args.additions.for_author(&args.policy) else {
        return Vec::new();
    };
    let mut faults = match Additions::read(&directory) {
        Ok(additions) => misfits(&bundle.schema, &sources.schema, &Arc::new(additions)),
        Err(error) => error.0,
    };
    faults.extend(directory.parent().into_iter().flat_map(left_unread));
    faults
}
