//! Warnings of Cedar's validator: which of them refuse a set, and what to write instead.

use cedar_policy::ValidationWarning;

use crate::policy::fault::{Fault, Severity};
use crate::policy::info::PolicyInfo;
use crate::policy::warnings::Warnings;

/// The fault of a policy that Cedar warns of; no set is refused for one that is a warning.
pub(super) fn warned(info: &PolicyInfo, warning: &ValidationWarning, fate: Warnings) -> Fault {
    let mut fault = Fault::from_diagnostic(&info.file, warning);
    if fault.labels.is_empty() {
        fault = fault.at(info.place.start, info.place.len());
    }
    if matches!(warning, ValidationWarning::ImpossiblePolicy(_)) && info.is_off {
        fault.severity = Severity::Warning;
        fault.message = format!(
            "policy `{}` is switched off: its condition is `false`",
            info.id
        );
        return fault;
    }
    let (instead, can_be_taken) = match warning {
        warning if says_never(warning) => (
            "no question can fulfil it: correct it, or switch it off by `when { false }`",
            true,
        ),
        ValidationWarning::MixedScriptString(_) | ValidationWarning::MixedScriptIdentifier(_) => (
            "write it in one script, or without the letters of the other",
            true,
        ),
        _ => ("write it without these characters", false),
    };
    if can_be_taken && fate == Warnings::Log {
        fault.severity = Severity::Warning;
        return fault;
    }
    let setting = if can_be_taken {
        "; the set is refused for this warning, unless the setting `policy_warnings` is `log`"
    } else {
        "; a set is always refused for this warning"
    };
    fault.advise(format!("{instead}{setting}"))
}

/// True if a warning says that no question can fulfil the policy.
pub(super) fn says_never(warning: &ValidationWarning) -> bool {
    matches!(
        warning,
        ValidationWarning::ImpossiblePolicy(_) | ValidationWarning::InvalidActionApplication(_)
    )
}
