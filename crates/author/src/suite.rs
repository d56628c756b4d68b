//! Policy suites: the decisions that the policies are meant to make, as data.
//!
//! A suite is a TOML file of cases over a fixture of tenancy documents or Cedar
//! entities. It runs through the same store, slice and engine as a question on
//! the wire, so it tests the views as well.

mod ask;
mod coverage;
mod error;
mod expect;
mod files;
mod fixture;
mod lines;
mod matrix;
mod model;
mod mutate;
mod question;
mod report;
mod run;

pub(crate) use ask::ask;
pub use coverage::{Coverage, DroppedPolicy, coverage, drop_one};
pub use error::SuiteError;
pub use expect::NoDecision;
pub use matrix::MatrixOutcome;
pub use mutate::{
    EquivalenceProof, EquivalenceUnproved, MutantCounts, MutantFate, TriedMutant, mutate, tally,
};
pub use report::{failures, junit, text};
pub use run::{CaseOutcome, Suites};
