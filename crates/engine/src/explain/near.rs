//! For each permit that nearly matched, the smallest missing condition.

use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, Expr};
use cedar_policy::{Effect, PartialEntities, PartialEntityUid, PartialRequest, Policy, PolicySet};

use super::brief::{EXPRESSION, brief};
use super::cedar::{conditions, text};
use super::check::Checking;
use super::lacks::{Steps, then, ways};
use super::permit::NearPermit;
use super::reach::{AskedTags, asked_tags};
use super::values::{ReadValue, values};
use super::world::World;
use crate::policy::PolicyInfo;

/// The permits that nearly matched, those with the fewest missing conditions first.
pub(super) fn near(world: &World<'_>) -> Result<Vec<NearPermit>, String> {
    let before = asked_tags(world);
    let mut found = Vec::new();
    let residuals = residuals(world)?;
    // Before all else: it is little work.
    let read = residuals
        .iter()
        .map(|(info, _)| values(&info.policy, world));
    let read = read.collect::<Result<Vec<_>, _>>()?;
    for ((info, residual), read) in residuals.into_iter().zip(read) {
        found.push(one(world, info, &residual, read, before.as_ref())?);
    }
    // The nearer it is, the less it lacks and the more of it holds.
    let distance = |near: &NearPermit| {
        let lacks = near.ways.first().map_or(usize::MAX, |way| way.lacks.len());
        (lacks, std::cmp::Reverse(near.holds.len()))
    };
    found.sort_by(|a, b| (distance(a), &a.info.id).cmp(&(distance(b), &b.info.id)));
    Ok(found)
}

/// The residual of each permit, where only principal, action and resource are known.
fn residuals(world: &World<'_>) -> Result<Vec<(Arc<PolicyInfo>, Policy)>, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let basis = world.basis;
    let (question, schema) = (basis.question, basis.decider.bundle.schema.cedar());
    let request = PartialRequest::new(
        PartialEntityUid::from_concrete(question.principal.clone()),
        question.action.clone(),
        PartialEntityUid::from_concrete(question.resource.clone()),
        None,
        schema,
    )
    .map_err(|error| said(&error))?;
    let nothing = PartialEntities::empty();
    let mut found = Vec::new();
    let (shard, linked) = (basis.decider.shard, world.linked());
    let near = shard.policies_near(&question.principal, &question.resource, world.entities());
    for set in near.into_iter().chain(linked.set()) {
        let permits = set.policies().filter(|p| p.effect() == Effect::Permit);
        let permits = PolicySet::from_policies(permits.cloned()).map_err(|error| said(&error))?;
        let response = permits
            .tpe(&request, &nothing, schema)
            .map_err(|error| said(&error))?;
        for residual in response.residual_policies() {
            let info = basis.decider.bundle.policy(residual.id());
            if let Some(info) = info.or_else(|| linked.policy(residual.id())) {
                found.push((Arc::clone(info), residual));
            }
        }
    }
    Ok(found)
}

fn one(
    world: &World<'_>,
    info: Arc<PolicyInfo>,
    residual: &Policy,
    values: Vec<ReadValue>,
    before: Option<&AskedTags>,
) -> Result<NearPermit, String> {
    let conditions = conditions(residual)?;
    let mut found = vec![Steps::new()];
    for (expression, want) in &conditions {
        found = then(found, world, |world| ways(expression, *want, world));
    }
    let mut parts = Vec::new();
    let mut left = Vec::new();
    for (expression, want) in conditions {
        let resolved = world.resolved(&expression);
        left.push(match want {
            true => text(&resolved),
            false => format!("!({})", text(&resolved)),
        });
        if want {
            conjuncts(resolved, &mut parts);
        }
    }
    let holds = parts.iter().enumerate().filter(|(place, part)| {
        let mut others = parts.iter().enumerate();
        world.is(part, true)
            && !others.any(|(other, used)| other != *place && says_more(part, used))
    });
    let holds = holds.map(|(_, part)| brief(&text(part), EXPRESSION));
    let holds = holds.collect();
    let checking = Checking {
        world,
        goal: &|world| world.satisfies(&info.policy),
        before,
    };
    Ok(NearPermit {
        values,
        ways: checking.told(found),
        residual: brief(&left.join(" && "), EXPRESSION),
        holds,
        info,
        cut: world.basis.is_tired(),
    })
}

/// The parts of a conjunction.
fn conjuncts(expression: Expr, parts: &mut Vec<Expr>) {
    if let Expr::BinaryOp {
        op: BinaryOp::And,
        left,
        right,
    } = expression
    {
        conjuncts(Arc::unwrap_or_clone(left), parts);
        conjuncts(Arc::unwrap_or_clone(right), parts);
    } else {
        parts.push(expression);
    }
}

/// Returns true if one part only asks for the presence of a tag, and another reads the tag.
fn says_more(part: &Expr, other: &Expr) -> bool {
    let Expr::BinaryOp {
        op: BinaryOp::HasTag,
        left,
        right,
    } = part
    else {
        return false;
    };
    let tag = Expr::BinaryOp {
        op: BinaryOp::GetTag,
        left: Arc::clone(left),
        right: Arc::clone(right),
    };
    text(other).contains(&text(&tag))
}
