//! What Cedar finds in policies when it validates them.

use cedar_policy::{PolicyId, ValidationError, ValidationResult, ValidationWarning};
use miette::Diagnostic;

use super::warned::warned;
use crate::policy::fault::Fault;
use crate::policy::info::PolicyInfo;
use crate::policy::warnings::Warnings;

/// Advice for a policy that looks too deep.
const DEPTH: &str = "the setting `policy_level` says how many references a policy may follow";

/// An error or a warning of Cedar's about a policy.
pub(super) enum Diagnosed<'a> {
    Error(&'a ValidationError),
    Warning(&'a ValidationWarning),
}

impl Diagnosed<'_> {
    pub(super) fn fault(&self, info: &PolicyInfo, warnings: Warnings) -> Fault {
        match self {
            Self::Error(error @ ValidationError::EntityDerefLevelViolation(_)) => {
                at_policy(info, *error).advise(DEPTH)
            }
            Self::Error(error) => at_policy(info, *error),
            Self::Warning(warning) => warned(info, warning, warnings),
        }
    }
}

impl std::fmt::Display for Diagnosed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Warning(warning) => warning.fmt(f),
        }
    }
}

/// All errors and warnings, each with its policy.
pub(super) fn diagnostics(
    result: &ValidationResult,
) -> impl Iterator<Item = (&PolicyId, Diagnosed<'_>)> {
    let errors = result.validation_errors();
    let errors = errors.filter(|error| !is_of_literal(error));
    let errors = errors.map(|error| (error.policy_id(), Diagnosed::Error(error)));
    let warnings = result.validation_warnings();
    errors.chain(warnings.map(|warning| (warning.policy_id(), Diagnosed::Warning(warning))))
}

fn at_policy(info: &PolicyInfo, diagnostic: &dyn Diagnostic) -> Fault {
    let fault = Fault::from_diagnostic(&info.file, diagnostic);
    if fault.labels.is_empty() {
        return fault.at(info.place.start, info.place.len());
    }
    fault
}

/// True if an error is that of an entity which a policy names and looks into. Cedar has no level for it,
/// and counts its references as those of the principal. Here it is a root of the slice, as the
/// principal is.
pub(super) fn is_of_literal(error: &ValidationError) -> bool {
    // Cedar tells the two kinds of this error apart by their text alone. One that is not known is taken
    // for one of depth.
    matches!(error, ValidationError::EntityDerefLevelViolation(_))
        && error
            .to_string()
            .ends_with("entity literals cannot be dereferenced at any level")
}
