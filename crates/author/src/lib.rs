//! Tools for policy authors: lints, suites with coverage, mutants, proofs, and policies of a
//! revision of git.

mod git;
mod lint;
mod mutant;
pub mod proof;
pub mod suite;

pub use git::{GitError, SourcePlaces, sources_at};
pub use lint::{fix_format, lint};
pub use mutant::{Mutant, MutantError, MutationOperator, ValidMutant, mutants};
