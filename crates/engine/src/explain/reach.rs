//! The tags that the policies ask for, where entities or context are changed. A slice holds the
//! tags that they asked for as it was, and the entities that they came to. For Cedar, what is not
//! loaded is absent, so a changed world may lead nowhere else.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use cedar_policy::EntityUid;

use super::world::World;
use crate::schema::Row;
use crate::slice::{NamedEntities, RowSource, RowState, Walked, walk};
use crate::store::TagKeys;

/// The tags that the policies ask for, by entity.
pub(super) type AskedTags = BTreeMap<EntityUid, TagKeys>;

/// The tags that the policies ask for; `None` where they come to an entity that is not
/// at hand.
pub(super) fn asked_tags(world: &World<'_>) -> Option<AskedTags> {
    let basis = world.basis;
    let named = NamedEntities {
        context: &world.context,
        ..basis.question.named()
    };
    let plan = &basis.decider.shard.plan;
    let mut source = WorldRows(&world.rows);
    let Ok(walked) = walk(named, plan, &basis.decider.bundle.schema, &mut source);
    let Walked::Whole { reached, .. } = walked else {
        return None;
    };
    let asked = reached.into_iter().filter_map(|reached| {
        let tags = reached.tags?;
        Some((reached.kept.uid.clone(), tags))
    });
    Some(asked.collect())
}

/// True if all that is asked for was asked for before.
pub(super) fn covers(before: &AskedTags, now: &AskedTags) -> bool {
    now.iter().all(|(uid, keys)| match (before.get(uid), keys) {
        (Some(TagKeys::All), _) => true,
        (Some(TagKeys::Only(before)), TagKeys::Only(keys)) => {
            keys.iter().all(|key| before.contains(key))
        }
        (Some(TagKeys::Only(_)), TagKeys::All) | (None, _) => false,
    })
}

/// The entities of a world, with all of their tags that are at hand.
struct WorldRows<'a>(&'a BTreeMap<EntityUid, Arc<Row>>);

impl<'a> RowSource for WorldRows<'a> {
    type Kept = &'a Row;
    type Error = Infallible;

    fn row<'k>(kept: &'k &'a Row) -> &'k Row {
        kept
    }

    fn entity(&mut self, uid: &EntityUid) -> Result<RowState<&'a Row>, Infallible> {
        Ok(match self.0.get(uid) {
            Some(row) => RowState::Here(row, None),
            None => RowState::Absent,
        })
    }

    /// Of an entity that is not at hand it is not told if there is one.
    fn is_none(&self, _: &EntityUid, _: &EntityUid) -> bool {
        false
    }

    fn tagged(&mut self, kept: &&'a Row, _: &TagKeys) -> Result<Option<&'a Row>, Infallible> {
        Ok(Some(kept))
    }
}
