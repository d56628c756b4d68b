//! Groups of actions, of which two schemas may make other ones.

use std::collections::BTreeSet;

use cedar_policy::{EntityUid, Policy, PolicySet};

use super::compared::ComparedSets;
use crate::proof::kind::RequestKind;
use peppol_authz_engine::policy::Bundle;

/// True if a policy names a group of actions that is another set under the new schema. The
/// old policies cannot be compared under it then.
pub(super) fn regrouped(kind: &RequestKind, compared: &ComparedSets) -> bool {
    let groups = |bundle: &Bundle| {
        let entities = bundle.schema.cedar().action_entities().unwrap_or_default();
        let groups = entities.ancestors(kind.env.action());
        let groups: BTreeSet<EntityUid> = groups.into_iter().flatten().cloned().collect();
        groups
    };
    if !compared.has_two_schemas() || !kind.is_known_to(&compared.old) {
        return false;
    }
    let (before, after) = (groups(&compared.old), groups(&compared.new));
    let moved: BTreeSet<&EntityUid> = before.symmetric_difference(&after).collect();
    let bundles = [&compared.old, &compared.old_under_new, &compared.new];
    let sets = bundles.map(|bundle| kind.of(bundle));
    let mut named = sets
        .iter()
        .flat_map(PolicySet::policies)
        .flat_map(Policy::entity_literals);
    named.any(|uid| moved.contains(&uid))
}
