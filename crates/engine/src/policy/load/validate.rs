//! Holds policies to the schema.

use std::collections::{HashMap, HashSet};

use cedar_policy::{PolicyId, PolicySet, ValidationMode, Validator};
use miette::Diagnostic;

use crate::policy::fault::{Fault, Severity};
use crate::policy::info::PolicyInfo;
use crate::schema::Schema;

/// The greatest number of references that a policy may follow from a question.
pub const MAX_LEVEL: u32 = 5;

/// Faults after which no further literal is looked at.
const MAX_LITERALS: usize = 1000;

/// Validates strictly. Returns the level to which the policies look.
pub(super) fn validate(schema: &Schema, policies: &[PolicyInfo], faults: &mut Vec<Fault>) -> u32 {
    let by_id = policies.iter().map(|info| (info.policy.id(), info));
    let by_id: HashMap<&PolicyId, &PolicyInfo> = by_id.collect();
    let set = match PolicySet::from_policies(policies.iter().map(|info| info.policy.clone())) {
        Ok(set) => set,
        Err(error) => {
            let first = policies.first();
            faults.extend(
                first.map(|info| Fault::new(&info.file, Severity::Invalid, error.to_string())),
            );
            return 0;
        }
    };
    let validator = Validator::new(schema.cedar().clone());
    let before = faults.len();
    let mut report = |id: &PolicyId, diagnostic: &dyn Diagnostic| {
        if let Some(info) = by_id.get(id) {
            let mut fault = Fault::from_diagnostic(&info.file, diagnostic);
            if fault.labels.is_empty() {
                fault = fault.at(info.place.start, info.place.len());
            }
            faults.push(fault);
        }
    };
    let result = validator.validate(&set, ValidationMode::Strict);
    for error in result.validation_errors() {
        report(error.policy_id(), error);
    }
    for warning in result.validation_warnings() {
        report(warning.policy_id(), warning);
    }
    if faults.len() > before {
        return 0;
    }
    level(&set, &validator, &by_id, faults)
}

/// The lowest level to which valid policies validate.
fn level(
    set: &PolicySet,
    validator: &Validator,
    by_id: &HashMap<&PolicyId, &PolicyInfo>,
    faults: &mut Vec<Fault>,
) -> u32 {
    let mut rest = set.clone();
    for level in 0..=MAX_LEVEL {
        let result = validator.validate_with_level(&rest, ValidationMode::Strict, level);
        if result.validation_passed() {
            return level;
        }
        if level == MAX_LEVEL {
            for error in result.validation_errors() {
                if let Some(info) = by_id.get(error.policy_id()) {
                    faults.push(Fault::from_diagnostic(&info.file, error));
                }
            }
        }
        // A policy that passed passes at each further level.
        let failed = result.validation_errors().map(|error| error.policy_id());
        let failed: HashSet<&PolicyId> = failed.collect();
        let failed = failed.into_iter().filter_map(|id| by_id.get(id));
        match PolicySet::from_policies(failed.map(|info| info.policy.clone())) {
            Ok(left) => rest = left,
            Err(_) => rest = set.clone(),
        }
    }
    MAX_LEVEL
}

/// Checks that literals are in the stored spelling. A literal in another one never equals
/// anything, and neither does one that is no id, or that nothing can be stored under: a forbid that
/// names it would never fire.
pub(super) fn canonical_literals(
    schema: &Schema,
    policies: &[PolicyInfo],
    faults: &mut Vec<Fault>,
) {
    for info in policies {
        for literal in info.policy.entity_literals() {
            let canonical = schema.canonical(literal.clone());
            let canonical = canonical.and_then(|uid| schema.check_stored(&uid).map(|()| uid));
            if canonical.as_ref() == Ok(&literal) {
                continue;
            }
            // To look for each of very many takes longer than to name the first.
            if faults.len() > MAX_LITERALS {
                return;
            }
            let id: &str = literal.id().as_ref();
            let (start, len) = match info.source().find(id) {
                Some(at) => (info.place.start + at, id.len()),
                None => (info.place.start, info.place.len()),
            };
            let fault = |text: &str| Fault::new(&info.file, Severity::Invalid, text).at(start, len);
            faults.push(match canonical {
                Ok(canonical) => fault("an id that is not written as it is stored")
                    .advise(format!("write `{canonical}`")),
                Err(misfit) => fault(&format!("no entity can have this id: it {misfit}")),
            });
        }
    }
}
