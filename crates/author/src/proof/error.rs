//! Why there is no proof.

use std::path::PathBuf;
use std::time::Duration;

use cedar_policy_symcc::err::Error as SymccError;

/// The reasons why nothing is proved and nothing refuted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProofError {
    /// There is no solver.
    #[error(
        "the solver `{}` cannot be run: {cause}; `apt-get install cvc5` (Debian, Ubuntu) or \
         https://cvc5.github.io gets it, and the variable `CVC5` says where it is",
        path.display()
    )]
    NoSolver {
        /// The program that was tried.
        path: PathBuf,
        /// The reason.
        cause: String,
    },
    /// It has reached its time limit.
    #[error("the solver has not answered within {0:?}")]
    TimedOut(Duration),
    /// It does not know.
    #[error("the solver cannot say")]
    Unknown,
    /// It has failed.
    #[error("the solver has failed: {0}")]
    Failed(String),
    /// The policies use what cannot be made a formula.
    #[error("the policies cannot be made a formula: {0}")]
    Unsupported(String),
    /// A policy may fail, which is a denial that the formulas do not know.
    #[error("a policy may fail")]
    MayFail,
}

impl ProofError {
    /// The same, where it concerns one question alone. `Err` where no other question can be
    /// answered either: there is no solver.
    pub(super) fn into_finding(self) -> Result<Self, Self> {
        match self {
            Self::NoSolver { .. } => Err(self),
            other => Ok(other),
        }
    }
}

impl From<&SymccError> for ProofError {
    fn from(error: &SymccError) -> Self {
        let text = error.to_string();
        match error {
            SymccError::SolverUnknown => Self::Unknown,
            SymccError::CompileError(_)
            | SymccError::PolicyNotWellTyped { .. }
            | SymccError::ActionNotInSchema(_)
            | SymccError::IncompleteSchema(_)
            | SymccError::EncodeError(_)
            | SymccError::NoPolicies => Self::Unsupported(text),
            SymccError::SolverError(_)
            | SymccError::DecodeModel(_)
            | SymccError::ConcretizeError(_)
            | SymccError::ModelInvalid { .. } => Self::Failed(text),
        }
    }
}
