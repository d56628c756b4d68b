//! The questions that prove an invariant, and the decisions that confirm a refutation.

use std::sync::Arc;

use cedar_policy::{Decision, PolicySet};

use crate::proof::counterexample::Counterexample;
use crate::proof::invariant::{Invariant, InvariantStatement};
use crate::proof::policy_sets::{as_permits, forbids_alone};
use crate::proof::scenario::Scenario;
use peppol_authz_engine::schema::Schema;

/// A question to the solver about one kind of request.
pub(super) enum SolverQuestion {
    /// Nothing is allowed by both.
    Disjoint(PolicySet, PolicySet),
    /// All that the first allows, the second allows.
    Implies(PolicySet, PolicySet),
}

/// The decision by which the engine confirms a counterexample.
pub(super) enum Confirmation {
    Allowed,
    Denied,
    /// Allowed, or denied without this code.
    Without(Arc<str>),
}

/// The questions about one kind of request; `None` where a policy has no other form.
pub(super) fn questions(
    invariant: &Invariant,
    policies: &PolicySet,
    own: &PolicySet,
) -> Option<Vec<(SolverQuestion, Confirmation)>> {
    let own = if invariant.statement.is_of_forbids() {
        as_permits(own)?
    } else {
        own.clone()
    };
    let theirs = policies.clone();
    let only_ours = (
        SolverQuestion::Implies(theirs.clone(), own.clone()),
        Confirmation::Allowed,
    );
    let only_theirs = (
        SolverQuestion::Implies(own.clone(), theirs.clone()),
        Confirmation::Denied,
    );
    Some(match invariant.statement {
        InvariantStatement::NeverAllows | InvariantStatement::IsDisjointFrom => {
            vec![(SolverQuestion::Disjoint(theirs, own), Confirmation::Allowed)]
        }
        InvariantStatement::AlwaysDenies => {
            let code = invariant.code.clone()?;
            let forbids = forbids_alone(policies, &code)?;
            let question = SolverQuestion::Disjoint(forbids, own);
            vec![(question, Confirmation::Without(code))]
        }
        InvariantStatement::Implies => vec![only_ours],
        InvariantStatement::IsImpliedBy => vec![only_theirs],
        InvariantStatement::Equals => vec![only_ours, only_theirs],
    })
}

impl SolverQuestion {
    /// True if a scenario shows by Cedar's decisions that the answer is no.
    pub(super) fn is_refuted_by(&self, scenario: &Scenario, schema: &Schema) -> bool {
        let (sets, second) = match self {
            Self::Disjoint(a, b) => ([a, b], Decision::Allow),
            Self::Implies(a, b) => ([a, b], Decision::Deny),
        };
        scenario.decisions(sets, schema) == Some([Decision::Allow, second])
    }
}

impl Confirmation {
    /// True if the engine decides a counterexample as the solver has it.
    pub(super) fn is_given_by(&self, found: &Counterexample) -> bool {
        match self {
            Self::Allowed => found.is_allowed(),
            Self::Denied => found.is_denied(),
            Self::Without(code) => {
                let is_decided = found.decision.as_ref().is_ok_and(|d| d.errors.is_empty());
                is_decided && !found.codes().contains(&&**code)
            }
        }
    }
}
