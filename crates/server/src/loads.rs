//! The history of what was loaded: policies, entities, keys, certificates, each taken or refused, and why.
//!
//! It is kept in memory, for people. Nothing is decided by it. The decision log has a line of each load after the start.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::Notify;

use peppol_authz_engine::text::cut;

/// Loads that are kept; older ones are forgotten.
const KEPT: usize = 100;

/// Loads that wait for a line of the decision log, as it takes none at present.
const UNLOGGED: usize = 1000;

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
    /// The keys by which an issuer signs tokens.
    TokenKeys,
}

/// Something that was loaded, or refused.
#[derive(Clone, Debug)]
pub struct Load {
    /// When.
    pub at: SystemTime,
    /// What.
    pub part: LoadedPart,
    /// Its name among those of its kind, as a file; empty if there is one alone.
    pub name: String,
    /// The revision of what was taken, which is a digest; `Err` with the reasons of a refusal.
    pub outcome: Result<String, Vec<String>>,
    /// Faults that are not kept.
    pub more: usize,
}

/// The newest loads of this process.
#[derive(Debug, Default)]
pub struct Loads {
    all: Mutex<VecDeque<Load>>,
    /// Those without a line, where there is a decision log.
    unlogged: Option<Mutex<VecDeque<Load>>>,
    /// There is one without a line.
    is_unlogged: Notify,
}

impl LoadedPart {
    /// As the decision log has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Policies => "policies",
            Self::Entities => "entities",
            Self::Shadow => "shadow",
            Self::CallerPolicies => "policies of callers",
            Self::Keys => "keys",
            Self::Certificate => "certificate",
            Self::TokenKeys => "keys of tokens",
        }
    }
}

impl Loads {
    /// A history whose loads have lines in a decision log.
    #[must_use]
    pub fn logged() -> Self {
        Self {
            unlogged: Some(Mutex::default()),
            ..Self::default()
        }
    }

    /// Notes that the program began with something, by its name and its revision.
    pub fn begun(&self, part: LoadedPart, name: &str, revision: &str) {
        self.note(Load::new(part, name, Ok(revision.to_owned()), 0));
    }

    /// Notes that something is in force from now on, by its name and its revision.
    pub fn taken(&self, part: LoadedPart, name: &str, revision: &str) {
        let load = Load::new(part, name, Ok(revision.to_owned()), 0);
        self.note_for_log(&load);
        self.note(load);
    }

    /// Notes that something was refused, and why: what was in force before stays.
    pub fn refused(&self, part: LoadedPart, name: &str, faults: &[String]) {
        let kept = faults.iter().take(FAULTS);
        let kept = kept.map(|fault| cut(fault, FAULT).into_owned()).collect();
        let load = Load::new(part, name, Err(kept), faults.len().saturating_sub(FAULTS));
        self.note_for_log(&load);
        self.note(load);
    }

    /// The oldest load without a line, once there is one.
    pub(crate) async fn next_unlogged(&self) -> Load {
        loop {
            let waiting = self
                .unlogged
                .as_ref()
                .and_then(|loads| locked(loads).pop_front());
            match waiting {
                Some(load) => return load,
                None => self.is_unlogged.notified().await,
            }
        }
    }

    fn note_for_log(&self, load: &Load) {
        let Some(unlogged) = &self.unlogged else {
            return;
        };
        let mut unlogged = locked(unlogged);
        if unlogged.len() >= UNLOGGED {
            unlogged.pop_front();
            tracing::error!(
                "a load has no line in the decision log, which takes none: too many wait"
            );
        }
        unlogged.push_back(load.clone());
        drop(unlogged);
        self.is_unlogged.notify_one();
    }

    /// All that are kept, the newest first.
    #[must_use]
    pub fn newest_first(&self) -> Vec<Load> {
        self.all().iter().rev().cloned().collect()
    }

    fn note(&self, load: Load) {
        let mut all = self.all();
        while all.len() >= KEPT {
            all.pop_front();
        }
        all.push_back(load);
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<Load>> {
        locked(&self.all)
    }
}

impl Load {
    fn new(
        part: LoadedPart,
        name: &str,
        outcome: Result<String, Vec<String>>,
        more: usize,
    ) -> Self {
        Self {
            at: SystemTime::now(),
            part,
            name: cut(name, FAULT).into_owned(),
            outcome,
            more,
        }
    }

    /// The number of its faults.
    #[must_use]
    pub fn faults(&self) -> usize {
        let kept = self.outcome.as_ref().err().map_or(0, Vec::len);
        kept + self.more
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_with_a_few_faults_each() {
        let loads = Loads::default();
        for number in 0..KEPT + 5 {
            loads.taken(LoadedPart::Policies, "", &number.to_string());
        }
        let faults: Vec<String> = (0..FAULTS + 3).map(|_| "x".repeat(2 * FAULT)).collect();
        loads.refused(LoadedPart::Entities, "", &faults);
        let all = loads.newest_first();
        assert_eq!(all.len(), KEPT);
        let refused = all[0].outcome.as_ref().unwrap_err();
        assert_eq!((refused.len(), all[0].more), (FAULTS, 3));
        assert_eq!(all[0].faults(), FAULTS + 3);
        assert!(refused.iter().all(|fault| fault.len() <= FAULT));
        assert_eq!(all[1].outcome.as_deref().unwrap(), (KEPT + 4).to_string());
    }

    #[tokio::test]
    async fn loads_after_the_start_wait_in_their_order_for_a_log_that_takes_none() {
        let loads = Loads::logged();
        loads.begun(LoadedPart::Policies, "", "at the start");
        for number in 0..UNLOGGED + 2 {
            loads.taken(LoadedPart::Keys, "callers", &number.to_string());
        }
        // The oldest are lost, and the program's log says so.
        for number in 2..UNLOGGED + 2 {
            let load = loads.next_unlogged().await;
            assert_eq!(load.outcome.unwrap(), number.to_string());
        }
        loads.refused(LoadedPart::Keys, "callers", &["bad".to_owned()]);
        assert_eq!(loads.next_unlogged().await.faults(), 1);
    }
}
