//! Kinds of request: an action, a type of principal, a type of resource.

use std::fmt;

use cedar_policy::{EntityUid, Policy, PolicySet, RequestEnv};

use peppol_authz_engine::policy::{Bundle, Shard};

/// A kind of request, with the policies that can apply to it.
#[derive(Clone, Debug)]
pub struct RequestKind {
    /// As the symbolic compiler wants it.
    pub(super) env: RequestEnv,
    /// The policies that can apply.
    pub(super) policies: PolicySet,
}

impl RequestKind {
    /// All kinds of request of a schema, by action.
    pub(super) fn all(bundle: &Bundle) -> Vec<Self> {
        let mut kinds: Vec<Self> = bundle
            .shards()
            .map(|(action, shard)| {
                let (principal, resource) = (shard.principal.clone(), shard.resource.clone());
                Self {
                    env: RequestEnv::new(principal, action.clone(), resource),
                    policies: of_all(shard),
                }
            })
            .collect();
        kinds.sort_by_cached_key(ToString::to_string);
        kinds
    }

    /// The policies of another set for this kind of request, empty where it has none.
    pub(super) fn of(&self, bundle: &Bundle) -> PolicySet {
        let env = &self.env;
        bundle
            .shard(env.action(), env.principal(), env.resource())
            .map_or_else(PolicySet::new, of_all)
    }

    /// True if the schema of a Bundle knows this kind of request.
    pub(super) fn is_known_to(&self, bundle: &Bundle) -> bool {
        let env = &self.env;
        let shard = bundle.shard(env.action(), env.principal(), env.resource());
        shard.is_some()
    }

    /// The action.
    #[must_use]
    pub fn action_uid(&self) -> &EntityUid {
        self.env.action()
    }

    /// The action's name.
    #[must_use]
    pub fn action(&self) -> &str {
        self.env.action().id().as_ref()
    }
}

/// `getOrganisation by Peppol::User on Peppol::Organisation`
impl fmt::Display for RequestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (principal, resource) = (self.env.principal(), self.env.resource());
        write!(f, "{} by {principal} on {resource}", self.action())
    }
}

/// The policies that can apply, also those for one principal or one resource.
fn of_all(shard: &Shard) -> PolicySet {
    let policies: Vec<&Policy> = shard.sets().flat_map(PolicySet::policies).collect();
    // INVARIANT: a Bundle has each id once.
    PolicySet::from_policies(policies.into_iter().cloned()).unwrap_or_default()
}
