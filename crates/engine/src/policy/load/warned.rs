//! Warnings of Cedar's validator: which of them refuse a set, and what to write instead.

use cedar_policy::ValidationWarning;

use crate::policy::fault::{Fault, Severity};
use crate::policy::info::PolicyInfo;
use crate::policy::warnings::{WarningKind, Warnings};

/// The fault of a policy that Cedar warns of; no set is refused for one that is a warning.
pub(super) fn warned(info: &PolicyInfo, warning: &ValidationWarning, fates: Warnings) -> Fault {
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
    match warning {
        warning if says_never(warning) => {
            let instead =
                "no question can fulfil it: correct it, or switch it off by `when { false }`";
            may_be_taken(fault, WarningKind::Impossible, fates, instead)
        }
        ValidationWarning::MixedScriptString(_) | ValidationWarning::MixedScriptIdentifier(_) => {
            let instead = "write it in one script, or without the letters of the other";
            may_be_taken(fault, WarningKind::MixedScript, fates, instead)
        }
        ValidationWarning::BidiCharsInString(_) | ValidationWarning::BidiCharsInIdentifier(_) => {
            always_refused(fault, Warnings::BIDI)
        }
        _ => always_refused(fault, Warnings::CONFUSABLE),
    }
}

/// The fault of a warning that a setting may take, with advice what to write `instead`.
pub(super) fn may_be_taken(
    mut fault: Fault,
    kind: WarningKind,
    fates: Warnings,
    instead: &str,
) -> Fault {
    let name = kind.name();
    if fates.takes(kind) {
        fault.severity = Severity::Warning;
        return fault.advise(format!(
            "{instead}; it is taken by the setting `policy_warnings.{name}`"
        ));
    }
    fault.advise(format!(
        "{instead}; the set is refused for this warning, unless the setting `policy_warnings.{name}` is `log`"
    ))
}

fn always_refused(fault: Fault, name: &str) -> Fault {
    fault.advise(format!(
        "write it without these characters; a set is always refused for this warning (`{name}`)"
    ))
}

/// True if a warning says that no question can fulfil the policy.
pub(super) fn says_never(warning: &ValidationWarning) -> bool {
    matches!(
        warning,
        ValidationWarning::ImpossiblePolicy(_) | ValidationWarning::InvalidActionApplication(_)
    )
}
