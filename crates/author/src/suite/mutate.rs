//! Finds out if the suites would notice a mistake in a policy. Every mutant decides the
//! suites' questions until an answer is not the expected one.
//!
//! A mutant that no answer gives away is a survivor, unless it is proved that no answer
//! could. Only a proof counts: where none is had, there is a mistake that could be made
//! unnoticed.

mod fate;
mod questions;
mod tally;
mod trial;

use std::sync::Arc;

use cedar_policy::Policy;
use tokio::runtime::Handle;

use super::error::SuiteError;
use super::run::Suites;
use crate::mutant::{Mutant, mutants};
use peppol_authz_engine::policy::{Bundle, on_large_stack};

use questions::SuiteQuestions;
use trial::{FateByAnswers, MutantTrial};

pub use fate::{EquivalenceUnproved, MutantFate, TriedMutant};
pub use tally::{MutantCounts, tally};

/// The text for a mutant of a template with several links.
const SEVERAL: &str =
    "it is not proved that no answer changes: of a template with several links nothing is proved";

/// Threads that mutants are tried on.
const THREADS: usize = 2;

/// Proves that no answer changes where another policy stands in the place of one.
pub type EquivalenceProof<'a> =
    dyn FnMut(&Policy, &Policy) -> Result<(), EquivalenceUnproved> + Send + 'a;

/// Tries every mutant of every policy. The suites have to pass on the policies as they
/// are. Mutants come in the order of files and places, whatever order they were tried in.
///
/// Calls `progress` with the number of mutants that were tried and the number of all.
///
/// # Errors
/// Suites that cannot be run, and policies of which no mutants can be made.
pub fn mutate(
    suites: &Suites,
    bundle: &Arc<Bundle>,
    runtime: &Handle,
    prove: &mut EquivalenceProof<'_>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Vec<TriedMutant>, SuiteError> {
    let mutants = mutants(bundle).map_err(|error| SuiteError::new("policies".as_ref(), error))?;
    let questions = runtime.block_on(SuiteQuestions::prepare(suites, bundle))?;
    let trial = MutantTrial::new(bundle, questions, runtime, mutants.len(), progress);
    let ended: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| on_large_stack(|| trial.run(&mutants))))
            .collect();
        threads.into_iter().map(|thread| thread.join()).collect()
    });
    for ended in ended {
        match ended {
            Ok(Some(Ok(()))) => {}
            Ok(Some(Err(error))) => return Err(error),
            Ok(None) | Err(_) => return Err(no_thread()),
        }
    }
    let fates = trial.into_fates();
    on_large_stack(|| judge(mutants, fates, prove)).unwrap_or_else(|| Err(no_thread()))
}

/// Has `prove` tell which unnoticed mutants are equivalent to their policies.
fn judge(
    mutants: Vec<Mutant>,
    fates: Vec<Option<FateByAnswers>>,
    prove: &mut EquivalenceProof<'_>,
) -> Result<Vec<TriedMutant>, SuiteError> {
    let mut tried = Vec::new();
    for (mutant, fate) in mutants.into_iter().zip(fates) {
        let fate = match fate {
            Some(FateByAnswers::Known(fate)) => fate,
            Some(FateByAnswers::Unnoticed(changed)) => match one(changed)? {
                Some((policy, other)) => match prove(&policy, &other) {
                    Ok(()) => MutantFate::Equivalent,
                    Err(unproved) => MutantFate::Survived(unproved),
                },
                None => {
                    let unknown = EquivalenceUnproved::Unknown(SEVERAL.to_owned());
                    MutantFate::Survived(unknown)
                }
            },
            None => return Err(no_thread()),
        };
        tried.push(TriedMutant { mutant, fate });
    }
    Ok(tried)
}

/// The one policy that is changed, and what it becomes; `None` for several, as of a template with several
/// links.
fn one(changed: Vec<(Policy, Option<Policy>)>) -> Result<Option<(Policy, Policy)>, SuiteError> {
    let mut changed = changed.into_iter();
    let (Some((policy, other)), None) = (changed.next(), changed.next()) else {
        return Ok(None);
    };
    let other = match other {
        Some(other) => other,
        None => without_effect(&policy)?,
    };
    Ok(Some((policy, other)))
}

/// A policy that never applies, for one that is left out.
fn without_effect(policy: &Policy) -> Result<Policy, SuiteError> {
    let effect = policy.effect();
    let text = format!("{effect} (principal, action, resource) when {{ false }};");
    Policy::parse(Some(policy.id().clone()), text)
        .map_err(|error| SuiteError::new("policies".as_ref(), error))
}

fn no_thread() -> SuiteError {
    SuiteError::new(
        "policies".as_ref(),
        "a thread that was needed came to nothing",
    )
}
