//! The policies that links of the store make where one side of a question is open.
//!
//! They are found as those of a question are, by the side that is known and all that it is in; the other side may
//! be anything of its type. So a link that misfits is an error of each search that it could be meant for.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{Effect, EntityUid, Policy, PolicyId, PrincipalConstraint, ResourceConstraint};

use super::{Search, Sought};
use crate::decide::{EXPLANATION_STACK_BYTES, Failure, require_stack};
use crate::policy::{Bundle, PolicyInfo, Shard, StoredLink};
use crate::schema::Map;
use crate::slice::{LinkTable, SeenEntity};
use crate::turn::Turn;

/// The policies of links that can match a search, beside those of its shard.
#[derive(Debug)]
pub(crate) struct LinkedShard {
    shard: Shard,
    infos: Map<PolicyId, Arc<PolicyInfo>>,
    /// The entities that single permits are for, of which no policy was made.
    pub(super) named: Vec<EntityUid>,
    /// True if there are others, of which nothing was made.
    pub(crate) is_cut: bool,
}

/// The policies that links make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkUse {
    /// False if of those that are for one entity of the open side only that entity is wanted: a search decides it
    /// by itself.
    pub(crate) single: bool,
    /// The most policies that are made.
    pub(crate) most: usize,
}

/// The parts that are the same for all links of one template whose slots hold entities of the same types.
#[derive(Clone, Copy)]
struct LinkKind {
    /// True if their policies are among those of the shard.
    applies: bool,
    /// True if each is for one entity of the open side.
    is_single: bool,
    effect: Effect,
}

impl LinkedShard {
    /// Those of a search whose known side has these entities.
    ///
    /// # Errors
    /// A link that misfits and could be meant for it.
    pub(super) async fn of(
        search: &Search,
        shard: &Shard,
        known: &[SeenEntity],
        table: &LinkTable,
        bundle: &Bundle,
        wanted: LinkUse,
    ) -> Result<Self, Failure> {
        require_stack(EXPLANATION_STACK_BYTES)?;
        let mut found = Self {
            shard: Shard::new(&shard.principal, &shard.resource),
            infos: Map::default(),
            named: Vec::new(),
            is_cut: false,
        };
        let open_type = bundle.schema.entity_type(&search.of);
        let may_be_in = |uid: &EntityUid| {
            let of = uid.type_name();
            *of == search.of || open_type.is_some_and(|open| open.ancestors.contains(of))
        };
        let mut kinds: HashMap<_, LinkKind> = HashMap::new();
        let mut turn = Turn::begin();
        for link in matching(search, known, table) {
            turn.pass().await;
            let open = match search.sought {
                Sought::Principals => &link.principal,
                Sought::Resources => &link.resource,
            };
            if !open.as_ref().is_none_or(may_be_in) {
                continue;
            }
            let [principal, resource] = [&link.principal, &link.resource]
                .map(|slot| slot.as_ref().map(EntityUid::type_name));
            let key = (&*link.template, principal, resource);
            let kind = match kinds.get(&key) {
                Some(kind) => {
                    bundle.check_stored(link).map_err(Failure::Tenancy)?;
                    *kind
                }
                None => {
                    let info = bundle.stored_policy(link).map_err(Failure::Tenancy)?;
                    let kind = LinkKind {
                        applies: bundle.links_apply(&info.policy, &search.action, shard),
                        is_single: is_single(&info.policy, search.sought),
                        effect: info.effect,
                    };
                    kinds.insert(key, kind);
                    kind
                }
            };
            if !kind.applies {
                continue;
            }
            match open {
                Some(open) if kind.is_single && !wanted.single => {
                    if kind.effect == Effect::Permit {
                        found.named.push(open.clone());
                    }
                }
                _ if found.infos.len() >= wanted.most => found.is_cut = true,
                _ => found.add(bundle.stored_policy(link).map_err(Failure::Tenancy)?)?,
            }
        }
        Ok(found)
    }

    fn add(&mut self, info: Arc<PolicyInfo>) -> Result<(), Failure> {
        let added = self.shard.add(info.policy.clone());
        added.map_err(|error| Failure::Tenancy(error.to_string()))?;
        self.infos.insert(info.policy.id().clone(), info);
        Ok(())
    }

    /// The policies.
    pub(super) fn shard(&self) -> &Shard {
        &self.shard
    }

    /// One of them by its id.
    pub(super) fn policy(&self, id: &PolicyId) -> Option<&Arc<PolicyInfo>> {
        self.infos.get(id)
    }
}

/// The links that can match what is known, whatever the other side is.
fn matching<'t>(
    search: &Search,
    known: &[SeenEntity],
    table: &'t LinkTable,
) -> Vec<&'t Arc<StoredLink>> {
    let uid = &search.known;
    let above = ancestors(search, known);
    let all: Vec<&EntityUid> = std::iter::once(uid).chain(above).collect();
    match search.sought {
        Sought::Resources => table.of_principals(&all),
        Sought::Principals => table.of_resources(&all),
    }
}

/// All that the known entity is in.
pub(super) fn ancestors<'a>(search: &Search, known: &'a [SeenEntity]) -> &'a [EntityUid] {
    let mut rows = known.iter().map(|seen| &seen.loaded.row);
    let row = rows.find(|row| row.uid == search.known);
    row.map(|row| &*row.ancestors).unwrap_or_default()
}

/// Returns true if a policy is for one entity of the open side.
fn is_single(policy: &Policy, sought: Sought) -> bool {
    match sought {
        Sought::Principals => {
            matches!(policy.principal_constraint(), PrincipalConstraint::Eq(_))
        }
        Sought::Resources => matches!(policy.resource_constraint(), ResourceConstraint::Eq(_)),
    }
}
