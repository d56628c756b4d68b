//! Proofs about the policies, for *all* requests and entities of the schema.
//!
//! 1. [`read_invariants`] reads each file of `policies/invariants/` as a bundle of its own: valid by
//!    the schema, in shards by kind of request. Invariants are no part of the policies' revision.
//! 2. A proof is made for one kind of request at a time: an action, a type of principal and a type
//!    of resource. `prove` makes one or two formulas of a statement, of two forms: no request is
//!    allowed by both sets, or each request that one set allows is allowed by the other.
//!    Cedar's symbolic compiler writes them, and the solver `cvc5`, a process of its own, looks for
//!    a request that fulfils them. [`never_fails`] proves that no policy can fail: the engine denies
//!    where one does, and the formulas pass over it.
//! 3. A finding of the solver is made small and gets names, for as long as Cedar says that it shows
//!    the same. Then the engine decides it: a [`Counterexample`].
//! 4. `diff` asks the same of two sets, [`same_answers`] of one policy in another's place.
//!
//! An unknown answer of the solver is a failure, never a proof. The formulas assume that entities
//! which are referred to exist; the engine denies where one does not.

mod answers;
mod case;
mod counterexample;
mod diff;
mod error;
mod invariant;
mod kind;
mod policy_sets;
mod prove;
mod prover;
mod readable;
mod scenario;

pub use answers::same_answers;
pub use case::{CaseError, WantedDecision, write_case};
pub use counterexample::Counterexample;
pub use diff::{ComparedSets, DifferenceSide, DifferingRequest, KindDifference, diff};
pub use error::ProofError;
pub use invariant::{Invariant, InvariantStatement, read_invariants};
pub use kind::RequestKind;
pub use prove::{InvariantFinding, InvariantResult, NotProvedReason, never_fails, prove};
pub use prover::{ProofOptions, Prover};
