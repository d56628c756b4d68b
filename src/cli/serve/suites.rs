//! Suites that policies have to pass before they are taken.

use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::exit::Exit;
use crate::cli::output::AnyError;
use crate::cli::worker::in_worker;
use peppol_authz_author::suite::{Suites, text};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_server::config::Config;

/// Failed cases that are named; more of them say no more.
const NAMED: usize = 20;

/// The suites of the setting `reload.suites`; they are read anew for each set.
#[derive(Clone, Debug)]
pub(super) struct SuiteGate(Option<PathBuf>);

/// The reason why policies are not taken.
pub(super) struct GateFault {
    /// The end of a program that starts with them.
    pub(super) exit: Exit,
    /// Failed cases, or why there are none.
    pub(super) faults: Vec<String>,
}

impl SuiteGate {
    pub(super) fn new(config: &Config) -> Self {
        Self(config.reload.suites.clone())
    }

    /// Checks that a set passes all suites, as `test` does.
    ///
    /// # Errors
    /// The failed cases, or why the suites cannot be run.
    pub(super) fn check(&self, bundle: &Arc<Bundle>) -> Result<(), GateFault> {
        let Some(directory) = self.0.clone() else {
            return Ok(());
        };
        let bundle = Arc::clone(bundle);
        let failed = in_worker(async move { failures(directory, &bundle).await });
        let failed = failed.map_err(|error| GateFault {
            exit: Exit::Failed,
            faults: vec![format!("`reload.suites`: {error}")],
        })?;
        if failed.is_empty() {
            return Ok(());
        }
        Err(GateFault {
            exit: Exit::TestFailed,
            faults: failed,
        })
    }
}

async fn failures(directory: PathBuf, bundle: &Arc<Bundle>) -> Result<Vec<String>, AnyError> {
    let suites = Suites::read(&[directory])?;
    let outcomes = suites.run(bundle).await?;
    let failed = outcomes.iter().filter(|one| one.difference.is_some());
    let mut failures: Vec<String> = failed.map(|one| text(one).trim().to_owned()).collect();
    let matrices = suites.matrices(bundle, false).await?;
    // A directory that was emptied, or is being written, would let everything pass.
    if outcomes.is_empty() && matrices.is_empty() {
        failures.push("`reload.suites`: there is no case in them".to_owned());
    }
    for matrix in matrices {
        if !matrix.differences.is_empty() {
            let (golden, lines) = (matrix.golden.display(), matrix.differences.len());
            failures.push(format!("FAILED {golden}: {lines} lines differ"));
        }
    }
    let all = failures.len();
    if all > NAMED {
        failures.truncate(NAMED);
        failures.push(format!("and {} more", all - NAMED));
    }
    Ok(failures)
}
