//! What the policies do on *all* requests and entities of the schema, proved.
//!
//! Cedar's own symbolic compiler turns policies into formulas, and the solver
//! `cvc5`, a program of its own, says whether anything fulfils them. A proof is made
//! for one kind of request at a time: an action, a type of principal and a type of
//! resource. What the solver finds in place of a proof becomes a [`Counterexample`]:
//! a question and entities that a person can read, decided by the engine to confirm
//! it. What it cannot say is a failure, never a proof.
//!
//! The formulas take it that entities which are referred to exist; the engine
//! refuses whatever is otherwise.

mod answers;
mod case;
mod counterexample;
mod diff;
mod invariant;
mod kind;
mod prove;
mod prover;
mod world;

pub use answers::same_answers;
pub use case::{CaseError, Wanted, write_case};
pub use counterexample::Counterexample;
pub use diff::{Compared, Difference, Found, Side, diff};
pub use invariant::{Invariant, Statement, read_invariants};
pub use kind::Kind;
pub use prove::{Finding, Proved, Wrong, never_fails, prove};
pub use prover::{ProofError, ProofOptions, Prover};
