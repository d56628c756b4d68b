//! The level to which policies look: how many references they follow.

use std::collections::HashSet;

use cedar_policy::{PolicyId, PolicySet, ValidationResult};

use super::checked::{CedarStatement, Checked, set_of};
use super::diagnosed::{diagnostics, is_of_literal};
use crate::policy::level::MaxLevel;

/// The lowest level to which policies validate that have no fault and no warning at all; `None` for others. It is
/// looked for from above: the policies say how many references they follow at most.
pub(super) fn level_of_valid(
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

/// The lowest level to which policies validate that validate to the greatest.
pub(super) fn lowest_level(
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cedar_policy::{Policy, ValidationMode, Validator};

    use super::*;
    use crate::policy::info::PolicyInfo;
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
