//! The permits that could have applied, and what each of them lacks.

mod check;

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, Clause, Expr};
use cedar_policy::{
    Effect, EntityUid, PartialEntities, PartialEntityUid, PartialRequest, Policy, PolicySet,
};

use super::brief::{EXPRESSION, VALUE, brief};
use super::cedar::{is_long, shown, text};
use super::lacks::{Steps, then, ways};
use super::reach::{Asked, asked};
use super::values::{Read, values};
use super::world::World;
use crate::decide::{Reason, Verdict};
use crate::policy::PolicyInfo;
use crate::schema::Value;
use check::Checking;

/// A permit that could have applied.
#[derive(Clone, Debug)]
pub struct Near {
    /// The policy.
    pub info: Arc<PolicyInfo>,
    /// What is left of it where only the question is known, in Cedar's syntax.
    pub residual: String,
    /// What of that holds.
    pub holds: Vec<String>,
    /// The values that it reads.
    pub values: Vec<Read>,
    /// Whether that was too much work, so that there may be other values, conditions
    /// that hold, and ways.
    pub cut: bool,
    /// The fewest conditions that it lacks, in each way in which they are as few, and
    /// each checked. Of a permit whose lacks cannot be told there are none.
    pub ways: Vec<Way>,
}

/// Conditions that a permit lacks: where they are met it permits, and where one of them
/// is left out it does not.
#[derive(Clone, Debug)]
pub struct Way {
    /// The conditions.
    pub lacks: Vec<Lack>,
    /// Changes that meet all of them; any one of these does.
    pub met: Vec<Remedy>,
}

/// A condition that a permit lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The condition, in Cedar's syntax, with ids in place of paths.
    pub condition: String,
    /// What it would have to be, which it is not.
    pub expected: bool,
    /// The same in words, for each of the changes that would meet it.
    pub words: Vec<String>,
}

/// Changes with which a permit permits, and what would be decided then.
#[derive(Clone, Debug)]
pub struct Remedy {
    /// The changes.
    pub changes: Vec<Change>,
    /// Whether it would be allowed.
    pub verdict: Verdict,
    /// The reasons of that: of a denial what would forbid it.
    pub reasons: Vec<Reason>,
}

/// One change of what is decided over.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The entity; `None` for the context.
    pub of: Option<EntityUid>,
    /// What of it.
    pub what: Changed,
}

/// What is changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Changed {
    /// An attribute takes a value, or is taken away.
    Attribute(Arc<str>, Option<Value>),
    /// The same of a tag.
    Tag(Arc<str>, Option<Value>),
    /// It becomes a child of an entity.
    Parent(EntityUid),
}

impl Changed {
    /// What the attribute or tag takes, as Cedar writes it; of what is long the
    /// beginning, and `…`.
    #[must_use]
    pub fn value(&self) -> Option<String> {
        match self {
            Self::Attribute(_, value) | Self::Tag(_, value) => value.as_ref().map(shown),
            Self::Parent(uid) => Some(brief(uid, VALUE)),
        }
    }

    /// Whether only the beginning of the value is told.
    #[must_use]
    pub fn is_long(&self) -> bool {
        match self {
            Self::Attribute(_, value) | Self::Tag(_, value) => value.as_ref().is_some_and(is_long),
            Self::Parent(_) => false,
        }
    }
}

/// The permits that could have applied, those that lack least first.
pub(super) fn near(world: &World<'_>) -> Result<Vec<Near>, String> {
    let before = asked(world);
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
    let distance = |near: &Near| {
        let lacks = near.ways.first().map_or(usize::MAX, |way| way.lacks.len());
        (lacks, std::cmp::Reverse(near.holds.len()))
    };
    found.sort_by(|a, b| (distance(a), &a.info.id).cmp(&(distance(b), &b.info.id)));
    Ok(found)
}

/// What is left of each permit where nothing is known but who asks what on what.
fn residuals(world: &World<'_>) -> Result<Vec<(Arc<PolicyInfo>, Policy)>, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let basis = world.basis;
    let (question, schema) = (basis.question, basis.bundle.schema.cedar());
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
    for set in basis
        .shard
        .policies_for(&question.principal, &question.resource)
    {
        let permits = set.policies().filter(|p| p.effect() == Effect::Permit);
        let permits = PolicySet::from_policies(permits.cloned()).map_err(|error| said(&error))?;
        let response = permits
            .tpe(&request, &nothing, schema)
            .map_err(|error| said(&error))?;
        for residual in response.residual_policies() {
            if let Some(info) = basis.bundle.policy(residual.id()) {
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
    values: Vec<Read>,
    before: Option<&BTreeSet<Asked>>,
) -> Result<Near, String> {
    let policy = residual.to_pst().map_err(|error| error.to_string())?;
    let clauses = policy.body().clauses().iter();
    let clauses: Vec<(&Expr, bool)> = clauses
        .map(|clause| match clause {
            Clause::When(expression) => (&**expression, true),
            Clause::Unless(expression) => (&**expression, false),
        })
        .collect();
    let mut found = vec![Steps::new()];
    for (expression, want) in &clauses {
        found = then(found, world, |world| ways(expression, *want, world));
    }
    let mut parts = Vec::new();
    let mut left = Vec::new();
    for (expression, want) in clauses {
        let resolved = world.resolved(expression);
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
        policy: &info.policy,
        before,
    };
    Ok(Near {
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

/// Whether one part asks only whether a tag is there, and another looks at it.
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
