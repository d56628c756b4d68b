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

/// The lowest level to which policies validate that have no fault and no warning at all; `None` for others. It is
/// looked for from above: the policies say how many references they follow at most.
fn level_of_valid(
    policies: &[Checked<'_>],
    set: &PolicySet,
    max: MaxLevel,
    check: impl Fn(&PolicySet, u32) -> ValidationResult,
) -> Option<u32> {
    let references = policies
        .iter()
        .map(|checked| checked.info.weight.references);
    let most = references.max().unwrap_or(0).min(max.get());
    if diagnostics(&check(set, most)).next().is_some() {
        return None;
    }
    let needs = |level: u32| {
        // Any other follows fewer.
        let deep = policies
            .iter()
            .filter(|checked| checked.info.weight.references >= level);
        let deep = set_of(deep.map(Checked::statement)).ok()?;
        Some(diagnostics(&check(&deep, level - 1)).next().is_some())
    };
    for level in (1..=most).rev() {
        if needs(level)? {
            return Some(level);
        }
    }
    Some(0)
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

    /// Bytes that Cedar hashes if each of its expressions is at fault.
    fn hashed(&self) -> u64 {
        let steps = self.info.weight.steps();
        steps.saturating_mul(self.info.file.text.len() as u64)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::policy::source_file::SourceFile;

    const SCHEMA: &str = r#"
        entity G { on: Bool };
        entity O { boss: U, at: { o: O, size: Long } } tags U;
        entity U in [G] { o?: O, n: Long };
        action see, edit appliesTo { principal: U, resource: O, context: { by: U, rec: { o: O } } };
    "#;

    /// Beyond the greatest level that is usual.
    const DEEPEST: &str = "resource.at.o.at.o.at.o.at.o.at.o.boss == principal";

    /// Conditions, and the references that they follow.
    const CONDITIONS: [(&str, u32); 16] = [
        ("true", 0),
        ("context.by == principal", 0),
        ("context.rec.o == resource", 0),
        ("principal in G::\"g\"", 1),
        ("principal.n > 1", 1),
        ("principal has o", 1),
        ("context.rec.o.at.size > 1", 1),
        ("resource.boss == principal", 1),
        ("resource.at.o == resource", 1),
        ("resource.boss.n > 1", 2),
        ("resource.at.o.boss == principal", 2),
        ("resource.hasTag(\"k\") && resource.getTag(\"k\").n > 1", 2),
        ("principal has o && principal.o.boss == principal", 2),
        ("principal has o.at.o.boss", 3),
        (
            "resource.boss in [resource.at.o.boss, principal] || resource.at.o.boss.n > 2",
            3,
        ),
        ("G::\"g\".on && resource.boss.n > 1", 2),
    ];

    fn written(conditions: &[&str]) -> Vec<PolicyInfo> {
        let policies = conditions.iter().enumerate().map(|(number, condition)| {
            let text = format!("forbid(principal, action, resource) when {{ {condition} }};");
            let policy = Policy::parse(Some(PolicyId::new(number.to_string())), &text).unwrap();
            let (name, path) = ("test.cedar".to_owned(), None);
            let file = Arc::new(SourceFile { name, path, text });
            PolicyInfo::new(policy, number.to_string().into(), &file, 0..1).unwrap()
        });
        policies.collect()
    }

    fn level(conditions: &[&str]) -> Option<u32> {
        let schema: cedar_policy::Schema = SCHEMA.parse().unwrap();
        let validator = Validator::new(schema);
        let check = |set: &PolicySet, level| {
            validator.validate_with_level(set, ValidationMode::Strict, level)
        };
        let written = written(conditions);
        let template = None;
        let policies: Vec<Checked<'_>> = written
            .iter()
            .map(|info| Checked { info, template })
            .collect();
        let set = set_of(policies.iter().map(Checked::statement)).unwrap();
        let quick = level_of_valid(&policies, &set, MaxLevel::default(), check)?;
        let lowest = lowest_level(set, MaxLevel::default(), check);
        assert_eq!(quick, lowest, "{conditions:?}");
        Some(quick)
    }

    #[test]
    fn a_level_is_the_same_from_above_and_from_below() {
        let all: Vec<&str> = CONDITIONS.iter().map(|(condition, _)| *condition).collect();
        for (condition, wanted) in CONDITIONS {
            assert_eq!(level(&[condition]), Some(wanted), "{condition}");
        }
        assert_eq!(level(&all), Some(3));
    }

    #[test]
    fn no_level_is_found_of_a_set_with_a_fault_or_a_warning() {
        let others = [
            "principal.nothing",
            "principal.n > \"a\"",
            "principal == resource",
            DEEPEST,
        ];
        for other in others {
            assert_eq!(level(&["resource.boss.n > 1", other]), None, "{other}");
        }
    }
}
