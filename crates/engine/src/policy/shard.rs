//! The policies that can decide one kind of question.

use cedar_policy::{
    Entities, EntityTypeName, EntityUid, Policy, PolicySet, PolicySetError, PrincipalConstraint,
    ResourceConstraint,
};

use super::reading_plan::ReadingPlan;
use super::side::{Named, Side};
use crate::schema::SharedEntity;

/// The policies that one action, asked by one type of principal about one type
/// of resource, can be decided by. Cedar looks at every policy of a set, so the
/// sets are made small once, at load: by the principal that a scope names, or that principals have to be
/// in, and by the resource. So thousands of policies for others cost a question nothing.
///
/// INVARIANT: a policy is left out only where its scope cannot match.
#[derive(Debug)]
pub struct Shard {
    /// The type of principal.
    pub principal: EntityTypeName,
    /// The type of resource.
    pub resource: EntityTypeName,
    /// The policies, those together whose scopes name the same.
    sets: Vec<PolicySet>,
    /// The sets by principal, then by resource.
    by_principal: Side<Side<SetPlace>>,
    /// The same, by resource and then by principal.
    by_resource: Side<Side<SetPlace>>,
    /// The entities that they can look at.
    pub(crate) plan: ReadingPlan,
    /// The action and the actions that policies look into, with the groups that they are in.
    pub(crate) actions: Vec<SharedEntity>,
}

/// The greatest number of policies of which the missing conditions of each are told.
const NEAR: usize = 200;

/// Where a set is, if there is one.
type SetPlace = Option<usize>;

/// The policies that can match, where only the principal or only the resource is known.
pub(crate) struct OneSided<'a> {
    /// Those that name nothing that the other one has to be.
    pub(crate) open: Vec<&'a PolicySet>,
    /// Those that name it, each set with the entity.
    pub(crate) named: Vec<(&'a EntityUid, &'a PolicySet)>,
}

impl Shard {
    pub(crate) fn new(principal: &EntityTypeName, resource: &EntityTypeName) -> Self {
        Self {
            principal: principal.clone(),
            resource: resource.clone(),
            sets: Vec::new(),
            by_principal: Side::default(),
            by_resource: Side::default(),
            plan: ReadingPlan::default(),
            actions: Vec::new(),
        }
    }

    /// Adds a policy.
    pub(crate) fn add(&mut self, policy: Policy) -> Result<(), Box<PolicySetError>> {
        let principal = match policy.principal_constraint() {
            PrincipalConstraint::Eq(uid) => Named::Itself(uid),
            PrincipalConstraint::In(uid) | PrincipalConstraint::IsIn(_, uid) => Named::Within(uid),
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => Named::None,
        };
        let resource = match policy.resource_constraint() {
            ResourceConstraint::Eq(uid) => Named::Itself(uid),
            ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) => Named::Within(uid),
            ResourceConstraint::Any | ResourceConstraint::Is(_) => Named::None,
        };
        let next = self.sets.len();
        let place = self.by_principal.entry(&principal).entry(&resource);
        let place = *place.get_or_insert(next);
        if let Some(set) = self.sets.get_mut(place) {
            return set.add(policy).map_err(Box::new);
        }
        *self.by_resource.entry(&resource).entry(&principal) = Some(next);
        let mut set = PolicySet::new();
        let added = set.add(policy);
        self.sets.push(set);
        added.map_err(Box::new)
    }

    /// Returns true if all tags of some entity are loaded for such a question.
    #[must_use]
    pub fn loads_all_tags(&self) -> bool {
        self.plan.loads_all_tags()
    }

    /// All policies, in sets.
    pub fn sets(&self) -> impl Iterator<Item = &PolicySet> {
        self.sets.iter()
    }

    /// The sets of policies whose scope can match these two, with their ancestors among these entities.
    pub fn policies_for<'a>(
        &'a self,
        principal: &'a EntityUid,
        resource: &'a EntityUid,
        entities: &'a Entities,
    ) -> impl Iterator<Item = &'a PolicySet> {
        let above = |uid| entities.ancestors(uid).into_iter().flatten();
        self.by_principal
            .matching(principal, above(principal))
            .flat_map(move |side| side.matching(resource, above(resource)))
            .filter_map(|place| self.set(place))
    }

    /// The sets whose scope can match these two, or could if they were in other groups, as far as they are
    /// few; otherwise those that can match.
    pub(crate) fn policies_near<'a>(
        &'a self,
        principal: &'a EntityUid,
        resource: &'a EntityUid,
        entities: &'a Entities,
    ) -> Vec<&'a PolicySet> {
        let near = self.by_principal.near(principal);
        let near = near.flat_map(|side| side.near(resource));
        let near: Vec<&PolicySet> = near.filter_map(|place| self.set(place)).collect();
        let count = near.iter().map(|set| set.num_of_policies()).sum::<usize>();
        match count <= NEAR {
            true => near,
            false => self.policies_for(principal, resource, entities).collect(),
        }
    }

    /// The policies that can match this principal, whatever the resource is.
    pub(crate) fn for_principal(
        &self,
        principal: &EntityUid,
        ancestors: &[EntityUid],
    ) -> OneSided<'_> {
        self.one_sided(self.by_principal.matching(principal, ancestors.iter()))
    }

    /// The policies that can match this resource, whoever the principal is.
    pub(crate) fn for_resource(
        &self,
        resource: &EntityUid,
        ancestors: &[EntityUid],
    ) -> OneSided<'_> {
        self.one_sided(self.by_resource.matching(resource, ancestors.iter()))
    }

    fn one_sided<'a>(&'a self, others: impl Iterator<Item = &'a Side<SetPlace>>) -> OneSided<'a> {
        let (mut open, mut named) = (Vec::new(), Vec::new());
        for other in others {
            open.extend(other.open().filter_map(|place| self.set(place)));
            let itself = other.itself();
            named.extend(itself.filter_map(|(uid, place)| Some((uid, self.set(place)?))));
        }
        named.sort_by_key(|(uid, _)| *uid);
        OneSided { open, named }
    }

    fn set(&self, place: &SetPlace) -> Option<&PolicySet> {
        self.sets.get((*place)?)
    }
}
