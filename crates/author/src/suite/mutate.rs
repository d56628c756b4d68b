//! Whether the suites would notice a mistake in a policy: every mutant is decided by,
//! until some answer is not the expected one.
//!
//! A mutant that no answer gives away is a survivor, unless it is proved that no answer
//! could. Only a proof counts: where none is had, there is a mistake that could be made
//! unnoticed.

mod asked;
mod tally;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cedar_policy::{Policy, Validator};
use tokio::runtime::Handle;

use super::model::SuiteError;
use super::run::Suites;
use crate::mutant::{Mutant, mutants};
use peppol_authz_engine::policy::{Bundle, on_large_stack};

use asked::Asked;

pub use tally::{Numbers, tally};

/// Threads that mutants are tried on.
const THREADS: usize = 2;

/// A mutant, and what became of it.
#[derive(Debug)]
pub struct Tried {
    /// The mutant.
    pub mutant: Mutant,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It could never be in force.
    Invalid,
    /// Some answer was not the expected one.
    Killed,
    /// It is proved that no answer could.
    Equivalent,
    /// No answer gave it away, and nothing proves that none could.
    Survived(Unproved),
}

/// What is known where two policies are not proved to be answered by alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unproved {
    /// They are not: a request that shows it, for a reader.
    Different(String),
    /// Nothing, and why.
    Unknown(String),
}

/// Proves that no answer changes where another policy stands in the place of one.
pub type Prove<'a> = dyn FnMut(&Policy, &Policy) -> Result<(), Unproved> + Send + 'a;

/// Tries every mutant of every policy. The suites have to pass on the policies as they
/// are. Mutants come in the order of files and places, whatever order they were tried in.
///
/// `progress` is told how many of how many were tried.
///
/// # Errors
/// Suites that cannot be run, and policies of which no mutants can be made.
pub fn mutate(
    suites: &Suites,
    bundle: &Arc<Bundle>,
    runtime: &Handle,
    prove: &mut Prove<'_>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Vec<Tried>, SuiteError> {
    let mutants = mutants(bundle).map_err(|error| SuiteError::new("policies".as_ref(), error))?;
    let asked = runtime.block_on(Asked::prepare(suites, bundle))?;
    let trial = Trial {
        bundle,
        asked,
        runtime,
        next: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
        fates: Mutex::new(vec![None; mutants.len()]),
        progress,
    };
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
    let fates = trial.fates.into_inner();
    let fates = fates.unwrap_or_else(PoisonError::into_inner);
    on_large_stack(|| judge(mutants, fates, prove)).unwrap_or_else(|| Err(no_thread()))
}

/// Which of those that no answer gave away are none.
fn judge(
    mutants: Vec<Mutant>,
    fates: Vec<Option<Tentative>>,
    prove: &mut Prove<'_>,
) -> Result<Vec<Tried>, SuiteError> {
    let mut tried = Vec::new();
    for (mutant, fate) in mutants.into_iter().zip(fates) {
        let policy = &mutant.policy.policy;
        let fate = match fate {
            Some(Tentative::Known(fate)) => fate,
            Some(Tentative::Unnoticed(other)) => {
                let other = match other {
                    Some(other) => *other,
                    None => without_effect(policy)?,
                };
                match prove(policy, &other) {
                    Ok(()) => Fate::Equivalent,
                    Err(unproved) => Fate::Survived(unproved),
                }
            }
            None => return Err(no_thread()),
        };
        tried.push(Tried { mutant, fate });
    }
    Ok(tried)
}

/// What a policy is that is left out: one that never applies.
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

/// What the answers say of a mutant.
#[derive(Clone)]
enum Tentative {
    Known(Fate),
    /// The policy as it is then.
    Unnoticed(Option<Box<Policy>>),
}

/// All mutants, which threads take one by one.
struct Trial<'a> {
    bundle: &'a Arc<Bundle>,
    asked: Asked<'a>,
    runtime: &'a Handle,
    next: AtomicUsize,
    done: AtomicUsize,
    fates: Mutex<Vec<Option<Tentative>>>,
    progress: &'a (dyn Fn(usize, usize) + Sync),
}

impl Trial<'_> {
    fn run(&self, mutants: &[Mutant]) -> Result<(), SuiteError> {
        let validator = Validator::new(self.bundle.schema.cedar().clone());
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(mutant) = mutants.get(number) else {
                return Ok(());
            };
            let fate = self.one(mutant, &validator)?;
            let mut fates = self.fates.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = fates.get_mut(number) {
                *place = Some(fate);
            }
            drop(fates);
            let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
            (self.progress)(done, mutants.len());
        }
    }

    fn one(&self, mutant: &Mutant, validator: &Validator) -> Result<Tentative, SuiteError> {
        let failed = |problem: String| SuiteError::new(mutant.policy.file.name.as_ref(), problem);
        let made = mutant
            .make(self.bundle, validator)
            .map_err(|error| failed(error.to_string()))?;
        let Some(made) = made else {
            return Ok(Tentative::Known(Fate::Invalid));
        };
        let mut reached = HashSet::new();
        for policy in std::iter::once(&mutant.policy.policy).chain(&made.policy) {
            let found = self.bundle.reach(policy);
            reached.extend(found.map_err(|error| failed(error.to_string()))?);
        }
        let bundle = Arc::new(made.bundle);
        let noticed = self
            .runtime
            .block_on(self.asked.notice(&bundle, &reached))?;
        Ok(if noticed {
            Tentative::Known(Fate::Killed)
        } else {
            Tentative::Unnoticed(made.policy.map(Box::new))
        })
    }
}
