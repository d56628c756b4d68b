//! Policies and schema, checked and ready to decide with.

use std::sync::Arc;

use cedar_policy::{
    ActionConstraint, Effect, Entities, EntityTypeName, EntityUid, Policy, PolicyId, PolicySet,
    PrincipalConstraint, ResourceConstraint,
};

use super::plan::{Plan, PlanError};
use super::routes::Routes;
use super::rules::Rules;
use super::source::SourceFile;
use crate::schema::{Map, Schema, SharedEntity};

/// A valid set of policies with its schema. Immutable: a change is a new Bundle.
#[derive(Debug)]
pub struct Bundle {
    /// The schema.
    pub schema: Arc<Schema>,
    /// The digest of the texts that this was made of.
    pub revision: Arc<str>,
    /// How many references away from a question's own entities a policy may
    /// look; the slice is loaded to this depth.
    pub level: u32,
    /// The list of rules and codes, where there is one.
    pub rules: Option<Rules>,
    /// What requests at a gateway are asked as; without a table, all are denied.
    pub routes: Option<Arc<Routes>>,
    policies: Map<PolicyId, Arc<PolicyInfo>>,
    shards: Map<EntityUid, Vec<Shard>>,
}

/// What an answer says of a policy.
#[derive(Clone, Debug)]
pub struct PolicyInfo {
    /// The policy.
    pub policy: Policy,
    /// Its `@id`, or its file and place.
    pub id: Arc<str>,
    /// Whether it permits or forbids.
    pub effect: Effect,
    /// The rule that it holds, `@rule`.
    pub rule: Option<Arc<str>>,
    /// What a denial by it is called, `@code`.
    pub code: Option<Arc<str>>,
    /// What to tell the caller, `@message`.
    pub message: Option<Arc<str>>,
    /// What a permit by it asks of the caller, `@obligation`.
    pub obligation: Option<Arc<str>>,
    /// The file that it stands in.
    pub file: Arc<SourceFile>,
    /// Where in the file, in bytes.
    pub place: std::ops::Range<usize>,
    /// The entities that it can look at.
    plan: Plan,
    /// How deep its expressions are nested.
    pub(super) depth: usize,
}

impl PolicyInfo {
    /// The policy as it is written.
    #[must_use]
    pub fn source(&self) -> &str {
        self.file.text.get(self.place.clone()).unwrap_or_default()
    }
}

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
    pub plan: Plan,
    /// The action and the groups that it is in.
    pub actions: Vec<SharedEntity>,
}

/// Action, type of principal and type of resource of questions.
pub type Reached = (EntityUid, EntityTypeName, EntityTypeName);

/// A Bundle that cannot be made out of valid policies.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A policy whose expressions cannot be read.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// What Cedar says.
    #[error("{0}")]
    Cedar(String),
}

impl Bundle {
    pub(super) fn new(
        schema: Arc<Schema>,
        revision: String,
        level: u32,
        rules: Option<Rules>,
        policies: Vec<PolicyInfo>,
    ) -> Result<Self, BundleError> {
        let cedar = |error: &dyn std::error::Error| BundleError::Cedar(error.to_string());
        let action_entities = schema.cedar().action_entities().map_err(|e| cedar(&e))?;
        let mut shards: Map<EntityUid, Vec<Shard>> = Map::default();
        for action in schema.actions() {
            let actions = ancestry(&action_entities, &action.uid);
            for principal in &action.principals {
                for resource in &action.resources {
                    let mut shard = Shard::new(principal, resource, actions.clone());
                    shard.plan.level = level;
                    for info in &policies {
                        if applies_to(&info.policy, &action_entities, &action.uid)
                            && can_be_between(&info.policy, principal, resource)
                        {
                            shard.plan.join(&info.plan);
                            let set = shard.set_for(&info.policy);
                            set.add(info.policy.clone()).map_err(|e| cedar(&e))?;
                        }
                    }
                    shards.entry(action.uid.clone()).or_default().push(shard);
                }
            }
        }
        let policies = policies
            .into_iter()
            .map(|info| (info.policy.id().clone(), Arc::new(info)))
            .collect();
        Ok(Self {
            schema,
            revision: Arc::from(revision),
            level,
            rules,
            routes: None,
            policies,
            shards,
        })
    }

    /// The policies for a question; `None` where it does not fit the schema.
    #[must_use]
    pub fn shard(
        &self,
        action: &EntityUid,
        principal: &EntityTypeName,
        resource: &EntityTypeName,
    ) -> Option<&Shard> {
        self.shards
            .get(action)?
            .iter()
            .find(|shard| shard.principal == *principal && shard.resource == *resource)
    }

    /// All shards, with the action that each is for.
    pub fn shards(&self) -> impl Iterator<Item = (&EntityUid, &Shard)> {
        self.shards
            .iter()
            .flat_map(|(action, shards)| shards.iter().map(move |shard| (action, shard)))
    }

    /// What is known of a policy.
    #[must_use]
    pub fn policy(&self, id: &PolicyId) -> Option<&Arc<PolicyInfo>> {
        self.policies.get(id)
    }

    /// All policies, in the order of their ids.
    #[must_use]
    pub fn policies(&self) -> Vec<&Arc<PolicyInfo>> {
        let mut policies: Vec<_> = self.policies.values().collect();
        policies.sort_by(|a, b| a.id.cmp(&b.id));
        policies
    }

    /// The same Bundle without one of its policies, for tests of the tests.
    ///
    /// # Errors
    /// None that the Bundle itself would not have had.
    pub fn without(&self, id: &PolicyId) -> Result<Self, BundleError> {
        self.with(id, None)
    }

    /// The same Bundle with something else in the place of one of its policies, or
    /// with nothing there.
    ///
    /// # Errors
    /// Another policy that cannot be analysed.
    pub fn with(&self, id: &PolicyId, other: Option<Policy>) -> Result<Self, BundleError> {
        let mut policies = Vec::new();
        for info in self.policies.values() {
            if info.policy.id() != id {
                policies.push((**info).clone());
            } else if let Some(other) = &other {
                let (id, place) = (Arc::clone(&info.id), info.place.clone());
                policies.push(PolicyInfo::new(other.clone(), id, &info.file, place)?);
            }
        }
        let how = other.map_or("without", |_| "with-other");
        let revision = format!("{}-{how}-{id}", self.revision);
        let schema = Arc::clone(&self.schema);
        let rules = self.rules.clone();
        let mut bundle = Self::new(schema, revision, self.level, rules, policies)?;
        bundle.routes.clone_from(&self.routes);
        Ok(bundle)
    }

    /// The actions that a policy does not apply to and could: some principal and resource
    /// of its scope can be asked about them.
    ///
    /// # Errors
    /// A schema whose actions cannot be read.
    pub fn other_actions(&self, policy: &Policy) -> Result<Vec<EntityUid>, BundleError> {
        let entities = self.schema.cedar().action_entities();
        let entities = entities.map_err(|error| BundleError::Cedar(error.to_string()))?;
        let others = self.schema.actions().into_iter().filter(|action| {
            let between = |principal| {
                let mut resources = action.resources.iter();
                resources.any(|resource| can_be_between(policy, principal, resource))
            };
            !applies_to(policy, &entities, &action.uid) && action.principals.iter().any(between)
        });
        Ok(others.map(|action| action.uid.clone()).collect())
    }

    /// The questions that a policy can have a say in: action, type of principal, type
    /// of resource. In all others the Bundle decides alike with it and without it.
    ///
    /// # Errors
    /// A schema whose actions cannot be read.
    pub fn reach(&self, policy: &Policy) -> Result<Vec<Reached>, BundleError> {
        let entities = self.schema.cedar().action_entities();
        let entities = entities.map_err(|error| BundleError::Cedar(error.to_string()))?;
        let mut reached = Vec::new();
        for (action, shard) in self.shards() {
            let (principal, resource) = (&shard.principal, &shard.resource);
            if applies_to(policy, &entities, action) && can_be_between(policy, principal, resource)
            {
                reached.push((action.clone(), principal.clone(), resource.clone()));
            }
        }
        Ok(reached)
    }
}

// === impl PolicyInfo ===

impl PolicyInfo {
    pub(super) fn new(
        policy: Policy,
        id: Arc<str>,
        file: &Arc<SourceFile>,
        place: std::ops::Range<usize>,
    ) -> Result<Self, PlanError> {
        let mut plan = Plan::default();
        let depth = plan.add(&policy)?;
        let annotation = |name: &str| policy.annotation(name).map(Arc::from);
        let effect = policy.effect();
        Ok(Self {
            id,
            effect,
            rule: annotation("rule"),
            code: annotation("code").filter(|_| effect == Effect::Forbid),
            message: annotation("message"),
            obligation: annotation("obligation").filter(|_| effect == Effect::Permit),
            file: Arc::clone(file),
            place,
            plan,
            depth,
            policy,
        })
    }
}

// === impl Shard ===

impl Shard {
    fn new(
        principal: &EntityTypeName,
        resource: &EntityTypeName,
        actions: Vec<SharedEntity>,
    ) -> Self {
        Self {
            principal: principal.clone(),
            resource: resource.clone(),
            policies: PolicySet::new(),
            by_resource: Map::default(),
            by_principal: Map::default(),
            plan: Plan::default(),
            actions,
        }
    }

    fn set_for(&mut self, policy: &Policy) -> &mut PolicySet {
        match (policy.resource_constraint(), policy.principal_constraint()) {
            (ResourceConstraint::Eq(uid), _) => self.by_resource.entry(uid).or_default(),
            (_, PrincipalConstraint::Eq(uid)) => self.by_principal.entry(uid).or_default(),
            _ => &mut self.policies,
        }
    }

    /// The sets of policies whose scope can match these two, so that thousands
    /// of policies for single tenants cost no more than those of one.
    pub fn policies_for(
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
}

impl Shard {
    /// The sets of policies that can match this principal, whatever the resource is,
    /// but for those that name one.
    pub fn sets_for_principal(&self, principal: &EntityUid) -> Vec<&PolicySet> {
        let own = self.by_principal.get(principal);
        std::iter::once(&self.policies).chain(own).collect()
    }

    /// The sets of policies that can match this resource, whoever the principal is,
    /// but for those that name one.
    pub fn sets_for_resource(&self, resource: &EntityUid) -> Vec<&PolicySet> {
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

/// An action and all groups above it, each with its own ancestors.
fn ancestry(action_entities: &Entities, action: &EntityUid) -> Vec<SharedEntity> {
    let groups = action_entities.ancestors(action).into_iter().flatten();
    std::iter::once(action)
        .chain(groups)
        .filter_map(|uid| action_entities.get(uid))
        .cloned()
        .map(SharedEntity::from)
        .collect()
}

fn applies_to(policy: &Policy, actions: &Entities, action: &EntityUid) -> bool {
    let within = |group: &EntityUid| group == action || actions.is_ancestor_of(group, action);
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => uid == *action,
        ActionConstraint::In(groups) => groups.iter().any(within),
    }
}

fn can_be_between(policy: &Policy, principal: &EntityTypeName, resource: &EntityTypeName) -> bool {
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
