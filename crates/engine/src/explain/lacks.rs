//! Changes that make a condition hold.
//!
//! [`ways`] walks a condition as Cedar does, and where an expression is not what is
//! wanted it looks for a change that makes it so. What it finds is not believed: the
//! policy is decided again with the change made.

mod changes;

use cedar_policy::pst::{BinaryOp, Expr, UnaryOp};

use super::place::Edit;
use super::world::World;
use changes::{above_it, changes};

/// Ways that are followed at once.
const WAYS: usize = 24;

/// One condition that does not hold, and changes that may make it hold.
#[derive(Clone, Debug)]
pub(super) struct LackingCondition {
    /// The condition.
    pub(super) condition: Expr,
    /// The value that it has to have.
    pub(super) want: bool,
    /// The changes.
    pub(super) edits: Vec<Edit>,
}

/// Conditions that together may make a whole hold.
pub(super) type Steps = Vec<LackingCondition>;

/// The ways in which an expression may become what is wanted; none where it cannot be
/// told.
pub(super) fn ways(expression: &Expr, want: bool, world: &World<'_>) -> Vec<Steps> {
    if world.basis.is_tired() {
        return Vec::new();
    }
    if world.is(expression, want) {
        return vec![Vec::new()];
    }
    match expression {
        Expr::UnaryOp {
            op: UnaryOp::Not,
            expr,
        } => ways(expr, !want, world),
        Expr::BinaryOp {
            op: op @ (BinaryOp::And | BinaryOp::Or),
            left,
            right,
        } => {
            // The value of the left side with which the right side is evaluated.
            let passes = *op == BinaryOp::And;
            let both = then(ways(left, passes, world), world, |world| {
                ways(right, want, world)
            });
            if want == passes {
                both
            } else {
                few(ways(left, want, world).into_iter().chain(both))
            }
        }
        Expr::IfThenElse {
            cond,
            then_expr,
            else_expr,
        } => {
            let [yes, no] = [(true, then_expr), (false, else_expr)].map(|(is, branch)| {
                then(ways(cond, is, world), world, |world| {
                    ways(branch, want, world)
                })
            });
            few(yes.into_iter().chain(no))
        }
        Expr::Is {
            expr,
            entity_type,
            in_expr: Some(above),
        } => {
            let is_of_type = Expr::Is {
                expr: expr.clone(),
                entity_type: entity_type.clone(),
                in_expr: None,
            };
            match want && world.is(&is_of_type, true) {
                true => lacking(expression, want, above_it(expr, above, world)),
                false => Vec::new(),
            }
        }
        _ => lacking(expression, want, changes(expression, want, world)),
    }
}

/// The fewest steps first, and not more than can be followed.
pub(super) fn few(found: impl Iterator<Item = Steps>) -> Vec<Steps> {
    let mut found: Vec<Steps> = found.collect();
    found.sort_by_key(Vec::len);
    found.truncate(WAYS);
    found
}

/// Each way, and behind it what has to change once it was gone.
pub(super) fn then<'a>(
    first: Vec<Steps>,
    world: &World<'a>,
    further: impl Fn(&World<'a>) -> Vec<Steps>,
) -> Vec<Steps> {
    let both = first.into_iter().flat_map(|steps| {
        let changed = world.with(steps.iter().flat_map(|step| &step.edits));
        let rest = changed.map_or_else(Vec::new, |changed| further(&changed));
        // Each of them is behind a copy.
        let edits = steps.iter().flat_map(|step| &step.edits);
        let copied = edits.map(Edit::len).sum::<usize>();
        let spent = world.basis.spend(copied.saturating_mul(rest.len()) / 4);
        let rest = spent.map_or_else(Vec::new, |()| rest);
        rest.into_iter()
            .map(move |rest| steps.iter().cloned().chain(rest).collect())
    });
    few(both)
}

fn lacking(condition: &Expr, want: bool, changes: Vec<Vec<Edit>>) -> Vec<Steps> {
    let step = |edits| {
        vec![LackingCondition {
            condition: condition.clone(),
            want,
            edits,
        }]
    };
    changes.into_iter().take(WAYS).map(step).collect()
}
