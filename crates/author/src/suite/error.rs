//! Why a suite cannot be run.

use std::path::{Path, PathBuf};

/// A suite that cannot be run.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", place(path, *line))]
pub struct SuiteError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1; `None` for the whole file.
    pub line: Option<usize>,
    /// The error, for a reader.
    pub problem: String,
}

impl SuiteError {
    pub(super) fn new(path: &Path, problem: impl ToString) -> Self {
        Self {
            path: path.to_owned(),
            line: None,
            problem: problem.to_string(),
        }
    }

    /// The same, on a line.
    pub(super) fn on(mut self, line: impl Into<Option<usize>>) -> Self {
        self.line = line.into();
        self
    }
}

fn place(path: &Path, line: Option<usize>) -> String {
    match line {
        Some(line) => format!("{}:{line}", path.display()),
        None => format!("`{}`", path.display()),
    }
}
