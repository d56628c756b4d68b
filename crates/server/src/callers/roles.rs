//! The roles that policies of callers name.

use std::collections::BTreeSet;

use cedar_policy::Policy;
use serde_json::Value as Json;

use peppol_authz_engine::policy::Bundle;

/// The attribute of a caller.
const ROLES: &str = "roles";

/// The roles that policies compare those of a caller with. `None` if some policy does anything else with them: then
/// any role may mean something.
pub(super) fn named_roles(bundle: &Bundle) -> Option<BTreeSet<String>> {
    if !bundle.templates.is_empty() {
        return None;
    }
    let mut named = BTreeSet::new();
    for info in bundle.policies() {
        let policy: &Policy = &info.policy;
        collect(&policy.to_json().ok()?, &mut named)?;
    }
    Some(named)
}

/// Collects the roles of an expression in Cedar's JSON; `None` where it does more with them.
fn collect(expression: &Json, named: &mut BTreeSet<String>) -> Option<()> {
    match expression {
        Json::Array(all) => all.iter().try_for_each(|one| collect(one, named)),
        Json::Object(members) => {
            let looks = members.get(".").and_then(|looked| looked.get("attr"));
            if looks.and_then(Json::as_str) == Some(ROLES) {
                return None;
            }
            members.iter().try_for_each(|(operator, operands)| {
                let compares = ["contains", "containsAny", "containsAll"].contains(&&**operator);
                match compares && operands.get("left").is_some_and(are_of_caller) {
                    true => literals(operands.get("right")?, named),
                    false => collect(operands, named),
                }
            })
        }
        _ => Some(()),
    }
}

/// True of `principal.roles`.
fn are_of_caller(expression: &Json) -> bool {
    let looked = expression.get(".");
    looked.is_some_and(|looked| {
        looked.get("attr").and_then(Json::as_str) == Some(ROLES)
            && looked.pointer("/left/Var").and_then(Json::as_str) == Some("principal")
    })
}

/// Collects a string, or the strings of a set; `None` for anything else.
fn literals(expression: &Json, named: &mut BTreeSet<String>) -> Option<()> {
    if let Some(all) = expression.get("Set").and_then(Json::as_array) {
        return all.iter().try_for_each(|one| literals(one, named));
    }
    match expression.get("Value")? {
        Json::String(role) => {
            named.insert(role.clone());
            Some(())
        }
        Json::Array(all) => {
            for one in all {
                named.insert(one.as_str()?.to_owned());
            }
            Some(())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use peppol_authz_engine::policy::{SourceFile, Sources, load};

    #[test]
    fn roles_are_those_that_are_compared_with_literals() {
        for (condition, roles) in [
            ("principal.roles.contains(\"a\")", Some(&["a"][..])),
            (
                "principal.roles.containsAny([\"a\", \"b\"]) || !principal.roles.containsAll([\"c\"])",
                Some(&["a", "b", "c"]),
            ),
            ("principal.local", Some(&[])),
            ("principal.roles.contains(context.surface)", None),
            (
                "principal.roles.contains(if principal.local then \"a\" else \"b\")",
                None,
            ),
            ("[\"a\"].containsAll(principal.roles)", None),
            ("principal.roles == [\"a\"]", None),
            ("principal.roles.isEmpty()", None),
        ] {
            let text = format!(
                "@id(\"x/y\") permit (principal, action == Sidecar::Action::\"decide\", resource) when {{ {condition} }};"
            );
            let shipped = Sources::of_callers(None).unwrap();
            let file = SourceFile {
                name: "x.cedar".to_owned(),
                path: None,
                text,
            };
            let sources = Sources {
                policies: vec![Arc::new(file)],
                ..shipped
            };
            let named = named_roles(&load(&sources).unwrap());
            let wanted = roles.map(|roles| roles.iter().map(|it| (*it).to_owned()).collect());
            assert_eq!(named, wanted, "{condition}");
        }
    }
}
