//! The kinds of questions that a policy's scope can match.

use cedar_policy::{
    ActionConstraint, Entities, EntityTypeName, EntityUid, Policy, PrincipalConstraint,
    ResourceConstraint,
};

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
