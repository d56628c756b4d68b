//! The solver's process.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use cedar_policy_symcc::CedarSymCompiler;
use cedar_policy_symcc::solver::{LocalSolver, SolverError};
use tokio::process::Command;

use crate::proof::error::ProofError;

/// Names the solver, where it is not `cvc5` on the `PATH`.
const VARIABLE: &str = "CVC5";

/// Starts a solver that may think about one formula for `timeout`.
pub(super) fn compiler(timeout: Duration) -> Result<CedarSymCompiler<LocalSolver>, ProofError> {
    let path = std::env::var_os(VARIABLE).map_or_else(|| PathBuf::from("cvc5"), PathBuf::from);
    let none = |cause: &dyn std::fmt::Display| ProofError::NoSolver {
        path: path.clone(),
        cause: cause.to_string(),
    };
    let mut command = Command::new(&path);
    command
        // `like "*…*"` needs `--strings-exp`.
        .args(["--lang", "smt", "--strings-exp"])
        .arg(format!("--tlimit-per={}", timeout.as_millis()))
        .stdin(Stdio::piped())
        .kill_on_drop(true);
    let solver = LocalSolver::from_command(&mut command).map_err(|error| match &error {
        SolverError::Io(cause) => none(cause),
        _ => none(&error),
    })?;
    CedarSymCompiler::new(solver).map_err(|error| none(&error))
}
