//! The kinds of questions that a policy's scope can match.

use cedar_policy::{
    ActionConstraint, Entities, EntityTypeName, EntityUid, Policy, PrincipalConstraint,
    ResourceConstraint,
};

use crate::schema::Schema;

/// Returns true if a policy is for an action, or for a group that the action is in.
pub(super) fn applies_to(policy: &Policy, actions: &Entities, action: &EntityUid) -> bool {
    let within = |group: &EntityUid| group == action || actions.is_ancestor_of(group, action);
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => uid == *action,
        ActionConstraint::In(groups) => groups.iter().any(within),
    }
}

/// Returns true if the scope can match some principal and some resource of these types.
pub(super) fn can_be_between(
    policy: &Policy,
    principal: &EntityTypeName,
    resource: &EntityTypeName,
) -> bool {
    let principal_applies = match policy.principal_constraint() {
        PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => name == *principal,
        PrincipalConstraint::Eq(uid) => uid.type_name() == principal,
        PrincipalConstraint::Any | PrincipalConstraint::In(_) => true,
    };
    let resource_applies = match policy.resource_constraint() {
        ResourceConstraint::Is(name) | ResourceConstraint::IsIn(name, _) => name == *resource,
        ResourceConstraint::Eq(uid) => uid.type_name() == resource,
        ResourceConstraint::Any | ResourceConstraint::In(_) => true,
    };
    principal_applies && resource_applies
}

/// Returns true if some question of the schema can match the scope. Entities are only in those of types
/// that the schema allows.
pub(super) fn can_apply(policy: &Policy, schema: &Schema, actions: &Entities) -> bool {
    let is_in = |of: &EntityTypeName, above: &EntityUid| {
        let known = schema.entity_type(of);
        of == above.type_name()
            || known.is_some_and(|known| known.ancestors.contains(above.type_name()))
    };
    let principal_matches = |of: &EntityTypeName| match policy.principal_constraint() {
        PrincipalConstraint::Any => true,
        PrincipalConstraint::Is(name) => name == *of,
        PrincipalConstraint::Eq(uid) => uid.type_name() == of,
        PrincipalConstraint::In(uid) => is_in(of, &uid),
        PrincipalConstraint::IsIn(name, uid) => name == *of && is_in(of, &uid),
    };
    let resource_matches = |of: &EntityTypeName| match policy.resource_constraint() {
        ResourceConstraint::Any => true,
        ResourceConstraint::Is(name) => name == *of,
        ResourceConstraint::Eq(uid) => uid.type_name() == of,
        ResourceConstraint::In(uid) => is_in(of, &uid),
        ResourceConstraint::IsIn(name, uid) => name == *of && is_in(of, &uid),
    };
    schema.actions().into_iter().any(|action| {
        applies_to(policy, actions, &action.uid)
            && action.principals.iter().any(principal_matches)
            && action.resources.iter().any(resource_matches)
    })
}
