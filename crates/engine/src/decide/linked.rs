//! The policies that links of the store make for one question.

use std::iter::once;
use std::sync::Arc;

use cedar_policy::{Entities, EntityUid, PolicyId, PolicySet};

use super::failure::Failure;
use super::question::Question;
use crate::policy::{Bundle, PolicyInfo, StoredLink};
use crate::slice::LinkTable;

/// The policies of the links whose slots can match a question.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkedPolicies {
    links: Vec<Arc<StoredLink>>,
    infos: Vec<Arc<PolicyInfo>>,
    set: PolicySet,
}

impl LinkedPolicies {
    /// Those for a question, whose entities have these ancestors.
    ///
    /// # Errors
    /// A link that misfits and could be meant for it; a set whose links were not read.
    pub(crate) fn of(
        bundle: &Bundle,
        table: Option<&LinkTable>,
        question: &Question,
        entities: &Entities,
    ) -> Result<Self, Failure> {
        if !bundle.reads_links() {
            return Ok(Self::default());
        }
        let unread = || Failure::Tenancy("the links of the store were not read".to_owned());
        let table = table.ok_or_else(unread)?;
        // As the policies of a shard are found.
        let with_above = |uid| -> Vec<&EntityUid> {
            let above = entities.ancestors(uid).into_iter().flatten();
            once(uid).chain(above).collect()
        };
        let (principals, resources) = (
            with_above(&question.principal),
            with_above(&question.resource),
        );
        let links = table.matching(&principals, &resources);
        let infos = links.iter().map(|link| bundle.stored_policy(link));
        let infos: Vec<_> = infos.collect::<Result<_, _>>().map_err(Failure::Tenancy)?;
        let policies = infos.iter().map(|info| info.policy.clone());
        let set = PolicySet::from_policies(policies);
        let set = set.map_err(|error| Failure::Tenancy(error.to_string()))?;
        Ok(Self { links, infos, set })
    }

    /// Cedar's set of them; `None` where there are none.
    pub(crate) fn set(&self) -> Option<&PolicySet> {
        (!self.infos.is_empty()).then_some(&self.set)
    }

    /// All of them.
    pub(crate) fn infos(&self) -> &[Arc<PolicyInfo>] {
        &self.infos
    }

    /// One of them by its id.
    pub(crate) fn policy(&self, id: &PolicyId) -> Option<&Arc<PolicyInfo>> {
        self.infos.iter().find(|info| info.policy.id() == id)
    }

    /// The links that they are made by.
    pub(super) fn links(&self) -> &[Arc<StoredLink>] {
        &self.links
    }
}
