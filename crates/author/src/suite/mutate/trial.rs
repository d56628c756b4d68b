//! Mutants against the answers of the suites, on several threads.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cedar_policy::{Policy, Validator};
use tokio::runtime::Handle;

use super::fate::MutantFate;
use super::questions::SuiteQuestions;
use crate::mutant::Mutant;
use crate::suite::error::SuiteError;
use peppol_authz_engine::policy::Bundle;

/// The fate of a mutant, as far as the answers show it.
#[derive(Clone)]
pub(super) enum FateByAnswers {
    Known(MutantFate),
    /// No answer shows it. Holds the policies that are changed, each with what it becomes; `None` where it
    /// is left out.
    Unnoticed(Vec<(Policy, Option<Policy>)>),
}

/// All mutants, which threads take one by one.
pub(super) struct MutantTrial<'a> {
    bundle: &'a Arc<Bundle>,
    questions: SuiteQuestions<'a>,
    runtime: &'a Handle,
    next: AtomicUsize,
    done: AtomicUsize,
    fates: Mutex<Vec<Option<FateByAnswers>>>,
    progress: &'a (dyn Fn(usize, usize) + Sync),
}

impl<'a> MutantTrial<'a> {
    pub(super) fn new(
        bundle: &'a Arc<Bundle>,
        questions: SuiteQuestions<'a>,
        runtime: &'a Handle,
        mutants: usize,
        progress: &'a (dyn Fn(usize, usize) + Sync),
    ) -> Self {
        Self {
            bundle,
            questions,
            runtime,
            next: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            fates: Mutex::new(vec![None; mutants]),
            progress,
        }
    }

    /// The fates, in the order of the mutants; `None` for one that was not tried.
    pub(super) fn into_fates(self) -> Vec<Option<FateByAnswers>> {
        let fates = self.fates.into_inner();
        fates.unwrap_or_else(PoisonError::into_inner)
    }

    /// Tries mutants until there are no more. Several threads may run it at once.
    pub(super) fn run(&self, mutants: &[Mutant]) -> Result<(), SuiteError> {
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

    fn one(&self, mutant: &Mutant, validator: &Validator) -> Result<FateByAnswers, SuiteError> {
        let failed = |problem: String| SuiteError::new(mutant.policy.file.name.as_ref(), problem);
        let made = mutant
            .make(self.bundle, validator)
            .map_err(|error| failed(error.to_string()))?;
        let Some(made) = made else {
            return Ok(FateByAnswers::Known(MutantFate::Invalid));
        };
        let mut reached = HashSet::new();
        let changed = made.changed.iter().flat_map(|(_, new)| new);
        // Of a template its links reach no further.
        for policy in std::iter::once(&mutant.policy.policy).chain(changed) {
            let found = self.bundle.reach(policy);
            reached.extend(found.map_err(|error| failed(error.to_string()))?);
        }
        let bundle = Arc::new(made.bundle);
        let noticed = self
            .runtime
            .block_on(self.questions.notice(&bundle, &reached))?;
        Ok(if noticed {
            FateByAnswers::Known(MutantFate::Killed)
        } else {
            FateByAnswers::Unnoticed(made.changed)
        })
    }
}
