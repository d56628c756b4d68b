//! Holds policies to the schema.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Policy, PolicyId, PolicySet, Template, ValidationError, ValidationMode, ValidationResult,
    ValidationWarning, Validator,
};
use miette::Diagnostic;

use super::cost::is_bounded;
use super::warned::{says_never, warned};
use super::written::WrittenPolicies;
use crate::policy::fault::{Fault, Severity};
use crate::policy::info::PolicyInfo;
use crate::policy::level::MaxLevel;
use crate::policy::sources::Sources;
use crate::policy::warnings::Warnings;
use crate::schema::Schema;

/// Advice for a policy that looks too deep.
const DEPTH: &str = "the setting `policy_level` says how many references a policy may follow";

/// Faults after which no further literal is looked at.
const MAX_LITERALS: usize = 1000;

/// Bytes that may be hashed to find the places of faults. Cedar hashes the whole text of a file for
/// each fault in it.
const MAX_HASHED: u64 = 1 << 32;

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
    let plain: Result<Vec<CedarStatement>, String> = policies.iter().map(without_places).collect();
    let plain = plain.and_then(set_of);
    let set = set_of(policies.iter().map(Checked::statement));
    let (plain, set) = match (plain, set) {
        (Ok(plain), Ok(set)) => (plain, set),
        (Err(problem), _) | (_, Err(problem)) => return unusable(problem),
    };
    let validator = Validator::new(schema.cedar().clone());
    let at_most = |level: u32| {
        let validator = &validator;
        move |set: &PolicySet| validator.validate_with_level(set, ValidationMode::Strict, level)
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
    let templates = written.templates.iter_mut().map(|it| &mut it.info);
    for info in written.policies.iter_mut().chain(templates) {
        info.never_applies = idle.contains(info.policy.id());
    }
    level
}

/// A policy or a template, as Cedar validates it.
enum CedarStatement {
    Policy(Policy),
    Template(Template),
}

/// A policy, or a template with open slots and as it is.
#[derive(Clone, Copy)]
struct Checked<'a> {
    info: &'a PolicyInfo,
    template: Option<&'a Template>,
}

impl<'a> Checked<'a> {
    fn all(written: &'a WrittenPolicies) -> impl Iterator<Item = Self> {
        let policies = written.policies.iter().map(|info| Self {
            info,
            template: None,
        });
        policies.chain(written.templates.iter().map(|it| Self {
            info: &it.info,
            template: Some(&it.template),
        }))
    }

    fn statement(&self) -> CedarStatement {
        match self.template {
            None => CedarStatement::Policy(self.info.policy.clone()),
            Some(template) => CedarStatement::Template(template.clone()),
        }
    }
}

/// The lowest level to which policies validate that validate to the greatest.
fn lowest_level(
    mut rest: PolicySet,
    max: MaxLevel,
    check: impl Fn(&PolicySet, u32) -> ValidationResult,
) -> u32 {
    for level in 0..max.get() {
        let result = check(&rest, level);
        let too_deep = result.validation_errors();
        let mut too_deep = too_deep.filter(|error| !is_of_literal(error)).peekable();
        if too_deep.peek().is_none() {
            return level;
        }
        // A policy that passed passes at each further level.
        let failed: HashSet<&PolicyId> = too_deep.map(|error| error.policy_id()).collect();
        let statement = |id| {
            let policy = rest.policy(id).cloned().map(CedarStatement::Policy);
            policy.or_else(|| rest.template(id).cloned().map(CedarStatement::Template))
        };
        let failed: Vec<CedarStatement> = failed.into_iter().filter_map(statement).collect();
        if let Ok(left) = set_of(failed) {
            rest = left;
        }
    }
    max.get()
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
        let cost = info
            .weight
            .steps()
            .saturating_mul(info.file.text.len() as u64);
        if failed.contains(info.policy.id())
            && let Some(left) = room.checked_sub(cost)
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

/// An error or a warning of Cedar's about a policy.
enum Diagnosed<'a> {
    Error(&'a ValidationError),
    Warning(&'a ValidationWarning),
}

impl Diagnosed<'_> {
    fn fault(&self, info: &PolicyInfo, warnings: Warnings) -> Fault {
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
fn diagnostics(result: &ValidationResult) -> impl Iterator<Item = (&PolicyId, Diagnosed<'_>)> {
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
/// and counts what is behind it as behind the principal; here it is a root of the slice, as the
/// principal is.
fn is_of_literal(error: &ValidationError) -> bool {
    // Cedar tells the two kinds of this error apart by their text alone. One that is not known is taken
    // for one of depth.
    matches!(error, ValidationError::EntityDerefLevelViolation(_))
        && error
            .to_string()
            .ends_with("entity literals cannot be dereferenced at any level")
}

/// The same, whose expressions do not know where they are written.
fn without_places(checked: &Checked<'_>) -> Result<CedarStatement, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    match checked.template {
        None => {
            let plain = checked.info.policy.to_pst().and_then(Policy::from_pst);
            plain
                .map(CedarStatement::Policy)
                .map_err(|error| said(&error))
        }
        Some(template) => {
            let plain = template.to_pst().and_then(Template::from_pst);
            plain
                .map(CedarStatement::Template)
                .map_err(|error| said(&error))
        }
    }
}

fn set_of(statements: impl IntoIterator<Item = CedarStatement>) -> Result<PolicySet, String> {
    let mut set = PolicySet::new();
    for statement in statements {
        let added = match statement {
            CedarStatement::Policy(policy) => set.add(policy),
            CedarStatement::Template(template) => set.add_template(template),
        };
        added.map_err(|error| error.to_string())?;
    }
    Ok(set)
}

/// Checks that literals are in the stored spelling. A literal in another one never equals
/// anything, and neither does one that is no id, or that nothing can be stored under: a forbid that
/// names it would never fire.
pub(super) fn canonical_literals(
    schema: &Schema,
    written: &WrittenPolicies,
    faults: &mut Vec<Fault>,
) {
    let before = faults.len();
    for info in written.all() {
        for literal in info.policy.entity_literals() {
            let canonical = schema.canonical(literal.clone());
            let canonical = canonical.and_then(|uid| schema.check_stored(&uid).map(|()| uid));
            if canonical.as_ref() == Ok(&literal) {
                continue;
            }
            // To look for each of very many takes longer than to name the first.
            if faults.len() - before > MAX_LITERALS {
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
