//! The result of a proof.

use std::sync::Arc;
use std::time::Duration;

use crate::proof::case::WantedDecision;
use crate::proof::counterexample::Counterexample;
use crate::proof::error::ProofError;
use crate::proof::invariant::InvariantStatement;
use crate::proof::kind::RequestKind;

/// The result for one invariant.
#[derive(Debug)]
pub struct InvariantResult {
    /// The invariant's name.
    pub name: Arc<str>,
    /// The rule that it is about.
    pub rule: Option<Arc<str>>,
    /// The statement about the policies; `None` where it is built in.
    pub statement: Option<InvariantStatement>,
    /// Its comment, in one line.
    pub text: String,
    /// The number of kinds of request that it is about.
    pub kinds: usize,
    /// The reasons why it is not proved; none where it is.
    pub findings: Vec<InvariantFinding>,
    /// The time that it took.
    pub elapsed: Duration,
}

/// A reason why an invariant is not proved.
#[derive(Debug)]
pub struct InvariantFinding {
    /// The kind of request; `None` where the finding is about the invariant as a whole.
    pub kind: Option<RequestKind>,
    /// The reason itself.
    pub wrong: NotProvedReason,
    /// The decision of a counterexample that the invariant wants.
    pub wanted: WantedDecision,
}

/// Why an invariant is not proved.
#[derive(Debug)]
pub enum NotProvedReason {
    /// It does not hold, as the engine confirms.
    Refuted(Box<Counterexample>),
    /// It does not hold by the solver, and the engine decides otherwise.
    Unconfirmed(Box<Counterexample>),
    /// It may hold or not.
    NotProved(ProofError),
    /// These policies of it are about no request at all.
    Empty(Vec<Arc<str>>),
}

impl InvariantFinding {
    pub(super) fn new(kind: &RequestKind, wrong: NotProvedReason, wanted: WantedDecision) -> Self {
        Self {
            kind: Some(kind.clone()),
            wrong,
            wanted,
        }
    }
}

impl InvariantResult {
    /// True if it is proved.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
    }
}

impl NotProvedReason {
    /// A counterexample, confirmed by the engine or not.
    pub(super) fn refuted(found: Counterexample, is_confirmed: bool) -> Self {
        let found = Box::new(found);
        if is_confirmed {
            Self::Refuted(found)
        } else {
            Self::Unconfirmed(found)
        }
    }
}
