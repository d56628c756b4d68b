//! Holds policies to the schema.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    PolicyId, PolicySet, ValidationMode, ValidationResult, ValidationWarning, Validator,
};

use super::checked::{CedarStatement, Checked, set_of, without_places};
use super::cost::is_bounded;
use super::diagnosed::diagnostics;
use super::level::{level_of_valid, lowest_level};
use super::warned::says_never;
use super::written::WrittenPolicies;
use crate::policy::fault::{Fault, Severity};
use crate::policy::info::PolicyInfo;
use crate::policy::sources::Sources;
use crate::policy::warnings::Warnings;
use crate::schema::Schema;

/// Bytes that may be hashed to find the places of faults. Cedar hashes the whole text of a file for
/// each fault in it.
const MAX_HASHED: u64 = 1 << 32;

/// The same for policies that are first taken to have no fault.
const MAX_HASHED_AT_ONCE: u64 = 1 << 28;

/// Validates strictly, and marks the policies that never apply. Returns the level to which the
/// policies look.
pub(super) fn validate(
    schema: &Schema,
    sources: &Sources,
    written: &mut WrittenPolicies,
    faults: &mut Vec<Fault>,
) -> u32 {
    let (warnings, max) = (sources.warnings, sources.max_level);
    if !is_bounded(schema, written, faults) {
        return 0;
    }
    let policies: Vec<Checked<'_>> = Checked::all(written).collect();
    let first = policies.first().map(|checked| checked.info);
    let mut unusable = |problem: String| {
        faults.extend(first.map(|info| Fault::new(&info.file, Severity::Invalid, problem)));
        0
    };
    let set = match set_of(policies.iter().map(Checked::statement)) {
        Ok(set) => set,
        Err(problem) => return unusable(problem),
    };
    let validator = Validator::new(schema.cedar().clone());
    let at_most = |level: u32| {
        let validator = &validator;
        move |set: &PolicySet| validator.validate_with_level(set, ValidationMode::Strict, level)
    };
    // Most sets have no fault.
    if hashed(&policies) <= MAX_HASHED_AT_ONCE
        && let Some(level) = level_of_valid(&policies, &set, max, |set, level| at_most(level)(set))
    {
        mark_idle(written, &HashSet::new());
        return level;
    }
    let plain: Result<Vec<CedarStatement>, String> = policies.iter().map(without_places).collect();
    let plain = match plain.and_then(set_of) {
        Ok(plain) => plain,
        Err(problem) => return unusable(problem),
    };
    let before = faults.len();
    let check = at_most(max.get());
    let found = check(&plain);
    report(&policies, warnings, &check, &found, faults);
    let mut found = faults.iter().skip(before);
    if found.any(|fault| fault.severity > Severity::Warning) {
        return 0;
    }
    // They are found again below.
    faults.truncate(before);
    let level = lowest_level(plain, max, |set, level| at_most(level)(set));
    // So far without places; those in force have to hold as well.
    let check = at_most(level);
    let found = check(&set);
    report(&policies, warnings, &check, &found, faults);
    let idle: HashSet<&PolicyId> = found
        .validation_warnings()
        .filter(|warning| says_never(warning))
        .map(ValidationWarning::policy_id)
        .collect();
    mark_idle(written, &idle);
    level
}

/// Marks the policies that never apply.
fn mark_idle(written: &mut WrittenPolicies, idle: &HashSet<&PolicyId>) {
    let templates = written.templates.iter_mut().map(|it| &mut it.info);
    for info in written.policies.iter_mut().chain(templates) {
        info.never_applies = idle.contains(info.policy.id());
    }
}

/// Bytes that Cedar hashes if each expression of these policies is at fault.
fn hashed(policies: &[Checked<'_>]) -> u64 {
    let costs = policies.iter().map(Checked::hashed);
    costs.fold(0, u64::saturating_add)
}

/// Adds the faults that a check has found. They are looked for again in the policies as they are
/// written, which says where they are, as far as that takes no long time.
fn report(
    policies: &[Checked<'_>],
    warnings: Warnings,
    check: &dyn Fn(&PolicySet) -> ValidationResult,
    found: &ValidationResult,
    faults: &mut Vec<Fault>,
) {
    let failed: HashSet<&PolicyId> = diagnostics(found).map(|(id, _)| id).collect();
    let mut room = MAX_HASHED;
    let mut placed: HashMap<&PolicyId, &Checked<'_>> = HashMap::new();
    for checked in policies {
        let info = checked.info;
        if failed.contains(info.policy.id())
            && let Some(left) = room.checked_sub(checked.hashed())
        {
            room = left;
            placed.insert(info.policy.id(), checked);
        }
    }
    let mut told: HashSet<PolicyId> = HashSet::new();
    if let Ok(set) = set_of(placed.values().map(|checked| checked.statement())) {
        for (id, diagnostic) in diagnostics(&check(&set)) {
            if let Some(checked) = placed.get(id) {
                faults.push(diagnostic.fault(checked.info, warnings));
                told.insert(id.clone());
            }
        }
    }
    let by_id: HashMap<&PolicyId, &PolicyInfo> = policies
        .iter()
        .map(|checked| (checked.info.policy.id(), checked.info))
        .collect();
    // Without its place one fault is as another.
    let mut said: HashSet<(&PolicyId, String)> = HashSet::new();
    for (id, diagnostic) in diagnostics(found) {
        if !told.contains(id)
            && let Some(info) = by_id.get(id)
            && said.insert((id, diagnostic.to_string()))
        {
            let fault = Fault {
                labels: Vec::new(),
                ..diagnostic.fault(info, warnings)
            };
            faults.push(fault.at(info.place.start, info.place.len()));
        }
    }
}
