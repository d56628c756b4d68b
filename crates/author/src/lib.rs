//! Tools for policy authors: lints, suites with coverage, mutants, proofs, policies of a revision of
//! git, sets that other programs keep, and OpenAPI descriptions held against the route table.

pub mod brought;
mod git;
mod lint;
mod mutant;
pub mod openapi;
pub mod proof;
pub mod suite;

pub use git::{GitError, SourcePlaces, sources_at};
pub use lint::{fix_format, lint};
pub use mutant::{Mutant, MutantError, MutationOperator, ValidMutant, mutants};
