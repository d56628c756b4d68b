//! Why a suite cannot be run.

use std::path::{Path, PathBuf};

/// A suite that cannot be run.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: {problem}", path.display())]
pub struct SuiteError {
    /// The file.
    pub path: PathBuf,
    /// The error, for a reader.
    pub problem: String,
}

impl SuiteError {
    pub(super) fn new(path: &Path, problem: impl ToString) -> Self {
        Self {
            path: path.to_owned(),
            problem: problem.to_string(),
        }
    }
}
