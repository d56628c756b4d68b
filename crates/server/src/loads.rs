//! The history of what was loaded: policies, entities, keys, certificates, each taken or refused, and why.
//!
//! It is kept in memory, for people. Nothing is decided by it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use peppol_authz_engine::text::cut;

/// Loads that are kept; older ones are forgotten.
const KEPT: usize = 100;

/// Faults of one load that are kept.
const FAULTS: usize = 10;

/// The most bytes of a fault.
const FAULT: usize = 1000;

/// The thing that was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadedPart {
    /// Policies, schema and routes.
    Policies,
    /// The file of entities.
    Entities,
    /// The policies of the shadow.
    Shadow,
    /// Policies by which callers may ask.
    CallerPolicies,
    /// A file of keys.
    Keys,
    /// The certificate of a listener, with its key and its authorities.
    Certificate,
}

/// Something that was loaded, or refused.
#[derive(Clone, Debug)]
pub struct Load {
    /// When.
    pub at: SystemTime,
    /// What.
    pub part: LoadedPart,
    /// The revision or another name of what was taken; `Err` with the reasons of a refusal.
    pub outcome: Result<String, Vec<String>>,
    /// Faults that are not kept.
    pub more: usize,
}

/// The newest loads of this process.
#[derive(Debug, Default)]
pub struct Loads {
    all: Mutex<VecDeque<Load>>,
}

impl Loads {
    /// Notes that something is in force, by its revision or another name.
    pub fn taken(&self, part: LoadedPart, name: &str) {
        self.note(part, Ok(cut(name, FAULT).into_owned()), 0);
    }

    /// Notes that something was refused, and why: what was in force before stays.
    pub fn refused(&self, part: LoadedPart, faults: &[String]) {
        let kept = faults.iter().take(FAULTS);
        let kept = kept.map(|fault| cut(fault, FAULT).into_owned()).collect();
        self.note(part, Err(kept), faults.len().saturating_sub(FAULTS));
    }

    /// All that are kept, the newest first.
    #[must_use]
    pub fn newest_first(&self) -> Vec<Load> {
        self.all().iter().rev().cloned().collect()
    }

    fn note(&self, part: LoadedPart, outcome: Result<String, Vec<String>>, more: usize) {
        let mut all = self.all();
        while all.len() >= KEPT {
            all.pop_front();
        }
        all.push_back(Load {
            at: SystemTime::now(),
            part,
            outcome,
            more,
        });
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<Load>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_with_a_few_faults_each() {
        let loads = Loads::default();
        for number in 0..KEPT + 5 {
            loads.taken(LoadedPart::Policies, &number.to_string());
        }
        let faults: Vec<String> = (0..FAULTS + 3).map(|_| "x".repeat(2 * FAULT)).collect();
        loads.refused(LoadedPart::Entities, &faults);
        let all = loads.newest_first();
        assert_eq!(all.len(), KEPT);
        let refused = all[0].outcome.as_ref().unwrap_err();
        assert_eq!((refused.len(), all[0].more), (FAULTS, 3));
        assert!(refused.iter().all(|fault| fault.len() <= FAULT));
        assert_eq!(all[1].outcome.as_deref().unwrap(), (KEPT + 4).to_string());
    }
}
