//! Explanations: why a decision is as it is. For a denial by forbids: the smallest change with which
//! none of them forbids. For one by default: for each permit that nearly matched, the smallest missing condition.
//!
//! 1. An explanation takes a decision and its own slice; the store is not asked again. [`values`]
//!    walks the policies that the decision rests on, as Cedar does, and has Cedar evaluate each
//!    access.
//! 2. For a denial that no permit would let through, [`near`] has Cedar evaluate the permits with the question alone
//!    (`tpe`): a permit that is false then could not have applied. [`lacks`] walks the residuals of
//!    the others and looks for changes ([`place`]) that make the failing conditions hold; of
//!    alternatives it follows the shortest. [`forbid`] does the same with the conditions of forbids, to make one of
//!    each fail.
//! 3. Each claim is then checked: [`check`] makes the changes ([`world`]), holds them to the schema,
//!    decides the permit or the forbids again, leaves out the changes that are not needed, and decides by all
//!    policies. [`reach`] refuses a change that would lead the policies to an entity or a tag that
//!    the slice was not asked for: Cedar would take it for absent, though it is only not loaded.
//!
//! So a fault in the search for changes can leave a condition untold, but can tell no wrong one.

mod brief;
mod cedar;
mod check;
mod forbid;
mod lacks;
mod near;
mod permit;
mod place;
mod reach;
mod values;
mod weight;
mod words;
mod world;

use std::cell::Cell;
use std::sync::Arc;

use cedar_policy::{Effect, EntityUid};

use crate::decide::{
    Decider, Decision, EXPLANATION_STACK_BYTES, Failure, Question, Verdict, require_stack,
};
use crate::policy::{Bundle, PolicyInfo};
use world::{ExplainedDecision, World};

pub use cedar::shown as shown_value;
pub use permit::{Change, ChangeKind, MissingCondition, MissingConditions, NearPermit, Remedy};
pub use values::ReadValue;

/// Why a decision is as it is.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    /// The policies that it rests on, failed ones among them, in the order of its reasons.
    pub policies: Vec<Explained>,
    /// Of a denial by forbids: the smallest sets of missing conditions with which none of them forbids, all of them
    /// checked. Empty where none could be found, and where a policy failed.
    pub ways: Vec<MissingConditions>,
    /// Of a denial by policies: the permits that would have let it through.
    pub permits: Vec<Arc<PolicyInfo>>,
    /// The entities of the question that are not there.
    pub absent: Vec<EntityUid>,
    /// Of a denial that no permit would have let through: the permits that nearly matched.
    pub near: Vec<NearPermit>,
    /// True if the work was limited, so that there may be more to tell.
    pub cut: bool,
}

/// A policy, and the values that it rests on.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The policy.
    pub info: Arc<PolicyInfo>,
    /// The values that it read, in order.
    pub values: Vec<ReadValue>,
    /// True if the work was limited, so that there may be others.
    pub cut: bool,
}

/// A decision that cannot be explained. It stands all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the decision cannot be explained: {0}")]
pub struct Unexplained(String);

impl Explanation {
    /// Explains a decision that was made by these policies. It keeps a thread busy for
    /// up to some tenths of a second, which needs [`EXPLANATION_STACK_BYTES`].
    ///
    /// # Errors
    /// A policy that Cedar cannot read or evaluate a second time, a stack that is too small.
    pub fn of(
        bundle: &Bundle,
        question: &Question,
        decision: &Decision,
    ) -> Result<Self, Unexplained> {
        let mut explanation = Self {
            absent: decision.absent.clone(),
            ..Self::default()
        };
        if !explanation.absent.is_empty() {
            return Ok(explanation);
        }
        if decision.policy_revision != bundle.revision {
            let other = "it was made by other policies".to_owned();
            return Err(Unexplained(other));
        }
        let unexplained = |failure: Failure| Unexplained(failure.to_string());
        require_stack(EXPLANATION_STACK_BYTES).map_err(unexplained)?;
        let decider = Decider::of(bundle, question).map_err(unexplained)?;
        let basis = ExplainedDecision {
            question,
            decider,
            slice: &decision.slice,
            link_table: decision.link_table.as_deref(),
            steps: Cell::new(0),
        };
        let world = World::new(&basis).map_err(Unexplained)?;
        let sets =
            decider
                .shard
                .policies_for(&question.principal, &question.resource, world.entities());
        let policies = sets.flat_map(cedar_policy::PolicySet::policies);
        let policies = policies.filter_map(|p| bundle.policy(p.id()));
        let policies: Vec<&Arc<PolicyInfo>> = policies.chain(world.linked().infos()).collect();
        for reason in &decision.reasons {
            let named = |info: &&&Arc<PolicyInfo>| Some(&info.id) == reason.policy.as_ref();
            if let Some(info) = policies.iter().find(named) {
                explanation.policies.push(Explained {
                    info: Arc::clone(info),
                    values: values::values(&info.policy, &world).map_err(Unexplained)?,
                    cut: basis.is_tired(),
                });
            }
        }
        if decision.verdict == Verdict::Deny {
            let deciding = explanation.policies.iter().map(|policy| &policy.info);
            let deciding: Vec<&Arc<PolicyInfo>> = deciding.collect();
            let applies = |info: &Arc<PolicyInfo>, effect| {
                info.effect == effect && world.satisfies(&info.policy)
            };
            // A policy that failed denies as well.
            let none_failed = deciding.iter().all(|info| applies(info, Effect::Forbid));
            if !deciding.is_empty() {
                let permits = policies.into_iter();
                let permits = permits.filter(|info| applies(info, Effect::Permit));
                explanation.permits = permits.cloned().collect();
                if none_failed {
                    let ways = forbid::ways_out(&world, &deciding);
                    explanation.ways = ways.map_err(Unexplained)?;
                }
            }
            if none_failed && explanation.permits.is_empty() {
                explanation.near = near::near(&world).map_err(Unexplained)?;
            }
        }
        explanation.cut = basis.is_tired();
        Ok(explanation)
    }
}
