//! Policy sets that are made of others, to put a question to the solver.

use cedar_policy::{Effect, Policy, PolicyId, PolicySet};

/// The same policies with the other effect, so that a set allows what they apply to.
pub(super) fn as_permits(set: &PolicySet) -> Option<PolicySet> {
    let turned = set.policies().map(|policy| {
        let mut json = policy.to_json().ok()?;
        *json.get_mut("effect")? = "permit".into();
        Policy::from_json(Some(policy.id().clone()), json).ok()
    });
    PolicySet::from_policies(turned.collect::<Option<Vec<_>>>()?).ok()
}

/// The forbids of a set that have this code, and a permit for everything.
pub(super) fn forbids_alone(set: &PolicySet, code: &str) -> Option<PolicySet> {
    let all = permit_for_all(set)?;
    let forbids = set.policies().filter(|policy| {
        policy.effect() == Effect::Forbid && policy.annotation("code") == Some(code)
    });
    PolicySet::from_policies(forbids.cloned().chain([all])).ok()
}

/// A permit for everything, under an id that a set does not have.
pub(super) fn permit_for_all(beside: &PolicySet) -> Option<Policy> {
    let mut ids = (0..).map(|n| PolicyId::new(format!("everything {n}")));
    let free = ids.find(|id| beside.policy(id).is_none())?;
    Policy::parse(Some(free), "permit (principal, action, resource);").ok()
}
