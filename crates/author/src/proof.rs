//! Proofs about the policies, for *all* requests and entities of the schema.
//!
//! Cedar's own symbolic compiler turns policies into formulas, and the solver
//! `cvc5`, a program of its own, says whether anything fulfils them. A proof is made
//! for one kind of request at a time: an action, a type of principal and a type of
//! resource. A finding of the solver becomes a [`Counterexample`]:
//! a question and entities that a person can read, decided by the engine to confirm
//! it. A question that it cannot answer is a
//! failure, never a proof.
//!
//! The formulas assume that entities which are referred to exist. The engine denies
//! where one does not.

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
pub use case::{CaseError, Wanted, write_case};
pub use counterexample::Counterexample;
pub use diff::{Compared, Difference, Found, Side, diff};
pub use error::ProofError;
pub use invariant::{Invariant, Statement, read_invariants};
pub use kind::Kind;
pub use prove::{Finding, Proved, Wrong, never_fails, prove};
pub use prover::{ProofOptions, Prover};
