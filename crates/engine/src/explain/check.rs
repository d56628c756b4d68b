//! Checking the conditions that seem to be missing: it is decided again with the changes made.

use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, Expr};

use super::brief::{EXPRESSION, brief};
use super::cedar::text;
use super::lacks::{LackingCondition, Steps};
use super::permit::{Change, ChangeKind, MissingCondition, MissingConditions, Remedy};
use super::place::ValuePlace;
use super::reach::{AskedTags, asked_tags, covers};
use super::words::say;
use super::world::{MadeChange, World};

/// Ways that are told of one goal.
const TOLD: usize = 6;

/// Decides again.
pub(super) struct Checking<'a> {
    pub(super) world: &'a World<'a>,
    /// True of a world in which the goal is reached.
    pub(super) goal: &'a dyn Fn(&World<'_>) -> bool,
    /// The tags that were asked for; `None` where that is not known.
    pub(super) before: Option<&'a AskedTags>,
}

impl Checking<'_> {
    /// The ways that hold true, the shortest of them.
    pub(super) fn told(&self, found: Vec<Steps>) -> Vec<MissingConditions> {
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
        let mut told: Vec<MissingConditions> = Vec::new();
        for (steps, remedy) in checked {
            let lacks: Vec<MissingCondition> = steps.iter().map(|step| self.lack(step)).collect();
            let same = |way: &MissingConditions| {
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
                    told.push(MissingConditions { lacks, met });
                }
            }
        }
        // Not before: what begins alike need not be the same.
        for lack in told.iter_mut().flat_map(|way| &mut way.lacks) {
            lack.condition = brief(&lack.condition, EXPRESSION);
        }
        told
    }

    fn lack(&self, step: &LackingCondition) -> MissingCondition {
        let (condition, expected) = affirmed(self.world.resolved(&step.condition), step.want);
        MissingCondition {
            condition: text(&condition),
            expected,
            words: vec![say(step, self.world)],
        }
    }

    /// Steps without those that are not needed, and what is decided when they are
    /// made; `None` where the goal is not reached then.
    fn checked(&self, mut steps: Steps) -> Option<(Steps, Remedy)> {
        let mut place = 0;
        self.reached(&steps)?;
        while place < steps.len() {
            let mut fewer = steps.clone();
            fewer.remove(place);
            if self.reached(&fewer).is_some() {
                steps = fewer;
                // A step that was needed before may be needed no longer.
                place = 0;
            } else {
                place += 1;
            }
        }
        let world = self.reached(&steps)?;
        let decision = world.decide();
        let changes = world.touched.iter().map(|touched| change(touched, &world));
        let remedy = Remedy {
            changes: changes.collect(),
            verdict: decision.verdict,
            reasons: decision.reasons,
        };
        (!steps.is_empty()).then_some((steps, remedy))
    }

    /// The world once the steps are made, if it is sound and the goal is reached then.
    fn reached(&self, steps: &Steps) -> Option<World<'_>> {
        if self.world.basis.is_tired() {
            return None;
        }
        let world = self.world.with(steps.iter().flat_map(|step| &step.edits))?;
        let sound = world.fits() && covers(self.before?, &asked_tags(&world)?);
        (sound && (self.goal)(&world)).then_some(world)
    }
}

fn change(touched: &MadeChange, world: &World<'_>) -> Change {
    match touched {
        MadeChange::Parent(child, parent) => Change {
            of: Some(child.clone()),
            what: ChangeKind::Parent(parent.clone()),
        },
        MadeChange::Place(place) => {
            let value = world.root(place).cloned();
            match place {
                ValuePlace::Attribute(uid, name) => Change {
                    of: Some(uid.clone()),
                    what: ChangeKind::Attribute(Arc::clone(name), value),
                },
                ValuePlace::Tag(uid, key) => Change {
                    of: Some(uid.clone()),
                    what: ChangeKind::Tag(Arc::clone(key), value),
                },
                ValuePlace::Context(name) => Change {
                    of: None,
                    what: ChangeKind::Attribute(Arc::clone(name), value),
                },
            }
        }
    }
}

/// A comparison that has to fail, as the opposite one that has to hold.
fn affirmed(mut condition: Expr, want: bool) -> (Expr, bool) {
    let Expr::BinaryOp { op, .. } = &mut condition else {
        return (condition, want);
    };
    let opposite = match op {
        BinaryOp::Less => BinaryOp::GreaterEq,
        BinaryOp::LessEq => BinaryOp::Greater,
        BinaryOp::Greater => BinaryOp::LessEq,
        BinaryOp::GreaterEq => BinaryOp::Less,
        BinaryOp::Eq => BinaryOp::NotEq,
        BinaryOp::NotEq => BinaryOp::Eq,
        _ => return (condition, want),
    };
    if !want {
        *op = opposite;
    }
    (condition, true)
}
