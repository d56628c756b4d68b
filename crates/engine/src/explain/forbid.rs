//! For a denial by forbids, the smallest changes with which none of them forbids.

use std::sync::Arc;

use super::cedar::conditions;
use super::check::Checking;
use super::lacks::{Steps, few, then, ways};
use super::permit::MissingConditions;
use super::reach::asked_tags;
use super::world::World;
use crate::policy::PolicyInfo;

/// The ways out of all forbids together.
pub(super) fn ways_out(
    world: &World<'_>,
    forbids: &[&Arc<PolicyInfo>],
) -> Result<Vec<MissingConditions>, String> {
    let mut found = vec![Steps::new()];
    for info in forbids {
        let conditions = conditions(&info.policy)?;
        found = then(found, world, |world| {
            let each = conditions.iter();
            few(each.flat_map(|(expression, want)| ways(expression, !want, world)))
        });
    }
    let before = asked_tags(world);
    let checking = Checking {
        world,
        goal: &|world| are_silent(forbids, world),
        before: before.as_ref(),
    };
    Ok(checking.told(found))
}

/// Returns true if no policy applies or fails; false also where that is too much work to tell.
fn are_silent(policies: &[&Arc<PolicyInfo>], world: &World<'_>) -> bool {
    if policies.iter().any(|info| world.satisfies(&info.policy)) {
        return false;
    }
    let reasons = world.decide().reasons;
    let mut named = reasons.iter().filter_map(|reason| reason.policy.as_ref());
    let is_named = named.any(|id| policies.iter().any(|info| info.id == *id));
    !is_named && !world.basis.is_tired()
}
