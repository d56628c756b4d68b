//! The permits that could have applied, and what each of them lacks.

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, Clause, Expr};
use cedar_policy::{
    Effect, EntityUid, PartialEntities, PartialEntityUid, PartialRequest, Policy, PolicySet,
};

use super::cedar::{shown, text};
use super::lacks::{Lacking, Steps, then, ways};
use super::place::Place;
use super::reach::{Asked, asked, covers};
use super::values::{Read, values};
use super::words::say;
use super::world::{Touched, World};
use crate::engine::decision::{Reason, Verdict};
use crate::policy::PolicyInfo;
use crate::schema::Value;

/// Ways that are told of one permit.
const TOLD: usize = 6;

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
    /// What the attribute or tag takes, as Cedar writes it.
    #[must_use]
    pub fn value(&self) -> Option<String> {
        match self {
            Self::Attribute(_, value) | Self::Tag(_, value) => value.as_ref().map(shown),
            Self::Parent(uid) => Some(uid.to_string()),
        }
    }
}

/// The permits that could have applied, those that lack least first.
pub(super) fn near(world: &World<'_>) -> Result<Vec<Near>, String> {
    let before = asked(world);
    let mut found = Vec::new();
    for (info, residual) in residuals(world)? {
        found.push(one(world, info, &residual, before.as_ref())?);
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
    let holds = holds.map(|(_, part)| text(part)).collect();
    let checking = Checking {
        world,
        policy: &info.policy,
        before,
    };
    Ok(Near {
        values: values(&info.policy, world)?,
        ways: checking.told(found),
        residual: left.join(" && "),
        holds,
        info,
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

/// Decides again.
struct Checking<'a> {
    world: &'a World<'a>,
    policy: &'a Policy,
    /// The tags that were asked for; `None` where that is not known.
    before: Option<&'a BTreeSet<Asked>>,
}

impl Checking<'_> {
    /// The ways that hold true, the shortest of them.
    fn told(&self, found: Vec<Steps>) -> Vec<Way> {
        let mut checked: Vec<(Steps, Remedy)> = Vec::new();
        for steps in found {
            let Some((steps, remedy)) = self.checked(steps) else {
                continue;
            };
            let known = |(_, other): &(Steps, Remedy)| other.changes == remedy.changes;
            if !checked.iter().any(known) {
                checked.push((steps, remedy));
            }
        }
        let fewest = checked.iter().map(|(steps, _)| steps.len()).min();
        checked.retain(|(steps, _)| Some(steps.len()) == fewest);
        let mut told: Vec<Way> = Vec::new();
        for (steps, remedy) in checked {
            let lacks: Vec<Lack> = steps.iter().map(|step| self.lack(step)).collect();
            let same = |way: &Way| {
                let mut pairs = way.lacks.iter().zip(&lacks);
                pairs.all(|(a, b)| a.condition == b.condition)
            };
            let is_full = told.len() == TOLD;
            let known = told.iter().position(same);
            match known.and_then(|known| told.get_mut(known)) {
                Some(way) => {
                    for (known, lack) in way.lacks.iter_mut().zip(lacks) {
                        let new = lack.words.into_iter();
                        let new: Vec<_> = new.filter(|w| !known.words.contains(w)).collect();
                        known.words.extend(new);
                    }
                    way.met.push(remedy);
                }
                None if is_full => {}
                None => {
                    let met = vec![remedy];
                    told.push(Way { lacks, met });
                }
            }
        }
        told
    }

    fn lack(&self, step: &Lacking) -> Lack {
        Lack {
            condition: text(&self.world.resolved(&step.condition)),
            expected: step.want,
            words: vec![say(step, self.world)],
        }
    }

    /// Steps without those that are not needed, and what is decided when they are
    /// made; `None` where the policy does not permit then.
    fn checked(&self, mut steps: Steps) -> Option<(Steps, Remedy)> {
        let mut place = 0;
        self.permits(&steps)?;
        while place < steps.len() {
            let mut fewer = steps.clone();
            fewer.remove(place);
            if self.permits(&fewer).is_some() {
                steps = fewer;
                // What was needed before may be so no longer.
                place = 0;
            } else {
                place += 1;
            }
        }
        let world = self.permits(&steps)?;
        let decision = world.decide();
        let changes = world.touched.iter().map(|touched| change(touched, &world));
        let remedy = Remedy {
            changes: changes.collect(),
            verdict: decision.verdict,
            reasons: decision.reasons,
        };
        (!steps.is_empty()).then_some((steps, remedy))
    }

    /// What is decided over once the steps are made, if that is sound and the policy
    /// permits then.
    fn permits(&self, steps: &Steps) -> Option<World<'_>> {
        if self.world.basis.is_tired() {
            return None;
        }
        let world = self.world.with(steps.iter().flat_map(|step| &step.edits))?;
        let sound = world.fits() && covers(self.before?, &asked(&world)?);
        (sound && world.satisfies(self.policy)).then_some(world)
    }
}

fn change(touched: &Touched, world: &World<'_>) -> Change {
    match touched {
        Touched::Parent(child, parent) => Change {
            of: Some(child.clone()),
            what: Changed::Parent(parent.clone()),
        },
        Touched::Place(place) => {
            let value = world.root(place).cloned();
            match place {
                Place::Attribute(uid, name) => Change {
                    of: Some(uid.clone()),
                    what: Changed::Attribute(Arc::clone(name), value),
                },
                Place::Tag(uid, key) => Change {
                    of: Some(uid.clone()),
                    what: Changed::Tag(Arc::clone(key), value),
                },
                Place::Context(name) => Change {
                    of: None,
                    what: Changed::Attribute(Arc::clone(name), value),
                },
            }
        }
    }
}
