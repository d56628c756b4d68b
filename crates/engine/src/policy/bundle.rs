//! Policies and schema, checked and ready to decide with.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{Entities, EntityTypeName, EntityUid, Policy, PolicyId};

use super::fault::Fault;
use super::info::PolicyInfo;
use super::reading_plan::ReadingPlanError;
use super::routes::Routes;
use super::rules::Rules;
use super::scope::{applies_to, can_be_between};
use super::shard::Shard;
use super::source_file::SourceFile;
use super::stored::{LinkedSet, StoredLink, StoredLinks};
use super::template::PolicyTemplate;
use crate::schema::{LINKS_VIEW, Map, Schema, SharedEntity};

/// A valid set of policies with its schema. Immutable: a change is a new Bundle.
#[derive(Debug)]
pub struct Bundle {
    /// The schema.
    pub schema: Arc<Schema>,
    /// The digest of the texts that this was made of.
    pub revision: Arc<str>,
    /// The number of references that a policy may follow from a question's own entities. The
    /// slice is loaded to this depth.
    pub level: u32,
    /// The list of rules and codes, where there is one.
    pub rules: Option<Rules>,
    /// The table of requests at a gateway; without one, all of them are denied.
    pub routes: Option<Arc<Routes>>,
    /// The warnings of Cedar for which no set is refused.
    pub warnings: Vec<Fault>,
    /// The text of the schema, where it was read from one.
    pub source: Option<Arc<SourceFile>>,
    /// The templates. Those of their links that the store does not hold are among the policies.
    pub templates: Vec<Arc<PolicyTemplate>>,
    stored: StoredLinks,
    policies: Map<PolicyId, Arc<PolicyInfo>>,
    shards: Map<EntityUid, Vec<Shard>>,
}

/// A kind of questions: action, type of principal and type of resource.
pub type QuestionKind = (EntityUid, EntityTypeName, EntityTypeName);

/// The templates of a set.
#[derive(Debug)]
pub(super) struct Templates {
    pub(super) all: Vec<Arc<PolicyTemplate>>,
    /// True if the store holds links of them; `None` where the set does not say.
    pub(super) stored: Option<bool>,
}

/// A Bundle that cannot be made out of valid policies.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A policy whose expressions cannot be read.
    #[error(transparent)]
    Plan(#[from] ReadingPlanError),
    /// Cedar refuses it, with this message.
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
        Templates {
            all: templates,
            stored,
        }: Templates,
    ) -> Result<Self, BundleError> {
        let action_entities = action_entities(&schema)?;
        let is_linked = stored == Some(true);
        let linked = templates.iter().filter(|_| is_linked);
        let linked: Vec<&PolicyInfo> = linked.map(|template| &template.info).collect();
        let mut shards: Map<EntityUid, Vec<Shard>> = Map::default();
        for action in schema.actions() {
            for principal in &action.principals {
                for resource in &action.resources {
                    let mut shard = Shard::new(principal, resource);
                    shard.plan.level = level;
                    // Policies that links make of one template have one plan.
                    let mut joined = HashSet::new();
                    for info in &policies {
                        if applies_to(&info.policy, &action_entities, &action.uid)
                            && can_be_between(&info.policy, principal, resource)
                        {
                            if joined.insert(Arc::as_ptr(&info.plan)) {
                                shard.plan.join(&info.plan);
                            }
                            let added = shard.add(info.policy.clone());
                            added.map_err(|error| BundleError::Cedar(error.to_string()))?;
                        }
                    }
                    // Its scope says as much, whatever its slots hold.
                    for info in &linked {
                        if applies_to(&info.policy, &action_entities, &action.uid)
                            && can_be_between(&info.policy, principal, resource)
                        {
                            shard.plan.join(&info.plan);
                        }
                    }
                    let looked_into = shard.plan.literals_for(None, None);
                    let actions = std::iter::once(&action.uid).chain(looked_into);
                    shard.actions = with_groups(&action_entities, actions);
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
            warnings: Vec::new(),
            source: None,
            stored: StoredLinks::new(stored, &action_entities),
            templates,
            policies,
            shards,
        })
    }

    /// Returns true if the store holds links of its templates.
    #[must_use]
    pub fn reads_links(&self) -> bool {
        self.stored.declared == Some(true)
    }

    /// Returns true if it has templates, and nothing says if the store holds links of them.
    #[must_use]
    pub fn leaves_links_open(&self) -> bool {
        self.says_nothing_of_links() && !self.templates.is_empty()
    }

    /// Returns true if it has no templates, and nothing says if the store holds links: what links there are,
    /// nobody reads. They may be those of another set over the same store, or of the next one.
    #[must_use]
    pub fn passes_over_links(&self) -> bool {
        self.says_nothing_of_links() && self.templates.is_empty()
    }

    fn says_nothing_of_links(&self) -> bool {
        self.stored.declared.is_none() && self.schema.entity_type_named(LINKS_VIEW).is_none()
    }

    /// The policy that a link of the store makes.
    ///
    /// # Errors
    /// A link that misfits: which, and why.
    pub(crate) fn stored_policy(&self, link: &Arc<StoredLink>) -> Result<Arc<PolicyInfo>, String> {
        self.stored
            .policy(link, self.linked_set(&|id| self.is_taken(id)))
    }

    /// Checks what no other link of the same template with slots of the same types tells of a link.
    ///
    /// # Errors
    /// A link that misfits: which, and why.
    pub(crate) fn check_stored(&self, link: &StoredLink) -> Result<(), String> {
        self.linked_set(&|id| self.is_taken(id)).check(link)
    }

    /// Returns true if the policy of a link is for an action, and for what a shard is for.
    pub(crate) fn links_apply(&self, policy: &Policy, action: &EntityUid, shard: &Shard) -> bool {
        self.stored.apply_to(policy, action)
            && can_be_between(policy, &shard.principal, &shard.resource)
    }

    fn linked_set<'a>(&'a self, is_taken: &'a dyn Fn(&str) -> bool) -> LinkedSet<'a> {
        LinkedSet {
            schema: &self.schema,
            templates: &self.templates,
            is_taken,
        }
    }

    fn is_taken(&self, id: &str) -> bool {
        self.policies.contains_key(&PolicyId::new(id))
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

    /// Returns true if some policy names an entity and looks into it.
    pub(crate) fn looks_into(&self, uid: &EntityUid) -> bool {
        let mut policies = self.policies.values();
        policies.any(|info| info.plan.literals_for(None, None).any(|it| it == uid))
    }

    /// A policy by its id.
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

    /// All that is written in policy files: policies and templates, and not what links make of these.
    pub fn written(&self) -> impl Iterator<Item = &PolicyInfo> {
        let policies = self.policies().into_iter().map(|info| &**info);
        let templates = self.templates.iter().map(|template| &template.info);
        policies.filter(|info| info.link.is_none()).chain(templates)
    }

    /// The same Bundle without one of its policies.
    ///
    /// # Errors
    /// None that the Bundle itself would not have had.
    pub fn without(&self, id: &PolicyId) -> Result<Self, BundleError> {
        let others = self.policies_but(id).collect();
        self.with_policies(others, &format!("without-{id}"))
    }

    /// The same Bundle with other policies in the place of some, by their ids; one without another is left
    /// out.
    ///
    /// # Errors
    /// Another policy that cannot be analysed.
    pub fn replacing(
        &self,
        others: &HashMap<PolicyId, Option<Policy>>,
    ) -> Result<Self, BundleError> {
        let mut policies = Vec::with_capacity(self.policies.len());
        let mut names: Vec<&str> = Vec::new();
        for info in self.policies.values() {
            let Some(other) = others.get(info.policy.id()) else {
                policies.push((**info).clone());
                continue;
            };
            names.push(&info.id);
            if let Some(other) = other {
                let (name, place) = (Arc::clone(&info.id), info.place.clone());
                policies.push(PolicyInfo {
                    link: info.link.clone(),
                    ..PolicyInfo::new(other.clone(), name, &info.file, place)?
                });
            }
        }
        names.sort_unstable();
        self.with_policies(policies, &format!("with-other-{}", names.join("-")))
    }

    fn policies_but(&self, id: &PolicyId) -> impl Iterator<Item = PolicyInfo> {
        let all = self.policies.values();
        all.filter(move |info| info.policy.id() != id)
            .map(|info| (**info).clone())
    }

    fn with_policies(&self, policies: Vec<PolicyInfo>, change: &str) -> Result<Self, BundleError> {
        let revision = format!("{}-{change}", self.revision);
        let schema = Arc::clone(&self.schema);
        let rules = self.rules.clone();
        let templates = Templates {
            all: self.templates.clone(),
            stored: self.stored.declared,
        };
        let mut bundle = Self::new(schema, revision, self.level, rules, policies, templates)?;
        bundle.routes.clone_from(&self.routes);
        bundle.source.clone_from(&self.source);
        Ok(bundle)
    }

    /// The actions that a policy does not apply to, but could: they can be asked for some
    /// principal and some resource of its scope.
    ///
    /// # Errors
    /// A schema whose actions cannot be read.
    pub fn other_actions(&self, policy: &Policy) -> Result<Vec<EntityUid>, BundleError> {
        let entities = action_entities(&self.schema)?;
        let others = self.schema.actions().into_iter().filter(|action| {
            let between = |principal| {
                let mut resources = action.resources.iter();
                resources.any(|resource| can_be_between(policy, principal, resource))
            };
            !applies_to(policy, &entities, &action.uid) && action.principals.iter().any(between)
        });
        Ok(others.map(|action| action.uid.clone()).collect())
    }

    /// The kinds of questions that a policy can affect: action, type of principal, type of
    /// resource. The Bundle decides all others alike with it and without it.
    ///
    /// # Errors
    /// A schema whose actions cannot be read.
    pub fn reach(&self, policy: &Policy) -> Result<Vec<QuestionKind>, BundleError> {
        let entities = action_entities(&self.schema)?;
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

fn action_entities(schema: &Schema) -> Result<Entities, BundleError> {
    let entities = schema.cedar().action_entities();
    entities.map_err(|error| BundleError::Cedar(error.to_string()))
}

/// Those of some entities that are actions, and all groups above them, each with its own ancestors.
fn with_groups<'a>(
    action_entities: &'a Entities,
    actions: impl Iterator<Item = &'a EntityUid>,
) -> Vec<SharedEntity> {
    let mut seen = HashSet::new();
    let all = actions.flat_map(|action| {
        let groups = action_entities.ancestors(action).into_iter().flatten();
        std::iter::once(action).chain(groups)
    });
    all.filter(|uid| seen.insert(*uid))
        .filter_map(|uid| action_entities.get(uid))
        .cloned()
        .map(SharedEntity::from)
        .collect()
}
