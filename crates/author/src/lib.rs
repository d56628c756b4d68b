//! Tools for policy authors: lints, suites with coverage, mutants, proofs, and policies of a
//! revision of git.

mod git;
mod lint;
mod mutant;
pub mod proof;
pub mod suite;

pub use git::{GitError, Places, sources_at};
pub use lint::{fix_format, lint};
pub use mutant::{Made, Mutant, MutantError, Operator, mutants};
