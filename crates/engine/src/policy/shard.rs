//! The policies that can decide one kind of question.

use cedar_policy::{
    EntityTypeName, EntityUid, Policy, PolicySet, PrincipalConstraint, ResourceConstraint,
};

use super::plan::Plan;
use crate::schema::{Map, SharedEntity};

/// The policies that one action, asked by one type of principal about one type
/// of resource, can be decided by. Cedar looks at every policy of a set, so the
/// set is made small once, at load.
///
/// INVARIANT: a policy is left out only where its scope cannot match.
#[derive(Debug)]
pub struct Shard {
    /// The type of principal.
    pub principal: EntityTypeName,
    /// The type of resource.
    pub resource: EntityTypeName,
    /// The policies that are not for one principal or resource alone.
    pub policies: PolicySet,
    /// Policies whose scope names one resource, `resource == …`.
    by_resource: Map<EntityUid, PolicySet>,
    /// Policies whose scope names one principal.
    by_principal: Map<EntityUid, PolicySet>,
    /// The entities that they can look at.
    pub(crate) plan: Plan,
    /// The action and the actions that policies look into, with the groups that they are in.
    pub(crate) actions: Vec<SharedEntity>,
}

impl Shard {
    pub(super) fn new(principal: &EntityTypeName, resource: &EntityTypeName) -> Self {
        Self {
            principal: principal.clone(),
            resource: resource.clone(),
            policies: PolicySet::new(),
            by_resource: Map::default(),
            by_principal: Map::default(),
            plan: Plan::default(),
            actions: Vec::new(),
        }
    }

    pub(super) fn set_for(&mut self, policy: &Policy) -> &mut PolicySet {
        match (policy.resource_constraint(), policy.principal_constraint()) {
            (ResourceConstraint::Eq(uid), _) => self.by_resource.entry(uid).or_default(),
            (_, PrincipalConstraint::Eq(uid)) => self.by_principal.entry(uid).or_default(),
            _ => &mut self.policies,
        }
    }

    /// Returns true if all tags of some entity are loaded for such a question.
    #[must_use]
    pub fn loads_all_tags(&self) -> bool {
        self.plan.loads_all_tags()
    }

    /// The sets of policies whose scope can match these two, so that thousands
    /// of policies for single tenants cost no more than those of one.
    pub(crate) fn policies_for(
        &self,
        principal: &EntityUid,
        resource: &EntityUid,
    ) -> impl Iterator<Item = &PolicySet> {
        let own = self
            .by_resource
            .get(resource)
            .into_iter()
            .chain(self.by_principal.get(principal));
        std::iter::once(&self.policies).chain(own)
    }

    /// The sets of policies that can match this principal, whatever the resource is,
    /// but for those that name one.
    pub(crate) fn sets_for_principal(&self, principal: &EntityUid) -> Vec<&PolicySet> {
        let own = self.by_principal.get(principal);
        std::iter::once(&self.policies).chain(own).collect()
    }

    /// The sets of policies that can match this resource, whoever the principal is,
    /// but for those that name one.
    pub(crate) fn sets_for_resource(&self, resource: &EntityUid) -> Vec<&PolicySet> {
        let own = self.by_resource.get(resource);
        std::iter::once(&self.policies).chain(own).collect()
    }

    /// The policies that name one principal, by it.
    pub fn sets_by_principal(&self) -> impl Iterator<Item = (&EntityUid, &PolicySet)> {
        self.by_principal.iter()
    }

    /// The policies that name one resource, by it.
    pub fn sets_by_resource(&self) -> impl Iterator<Item = (&EntityUid, &PolicySet)> {
        self.by_resource.iter()
    }
}
