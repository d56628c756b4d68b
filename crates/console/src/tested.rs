//! The results of the suites, as `test --coverage` has them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use peppol_authz_author::suite::{Coverage, Suites, coverage, failures};
use peppol_authz_engine::policy::Bundle;

/// Failed cases, and lines of a matrix, that are told in full.
const TOLD: usize = 50;

/// The results of all suites.
pub(crate) struct TestedSuites {
    pub(crate) suites: BTreeMap<PathBuf, SuiteTally>,
    pub(crate) matrices: Vec<MatrixTally>,
    /// The first failures.
    pub(crate) failures: Vec<String>,
    pub(crate) coverage: Coverage,
    /// Files that may be suites, and were not read.
    pub(crate) left_out: Vec<String>,
}

/// The results of one file.
#[derive(Default)]
pub(crate) struct SuiteTally {
    pub(crate) questions: usize,
    pub(crate) failed: usize,
    pub(crate) took: Duration,
}

/// The results of a golden matrix.
pub(crate) struct MatrixTally {
    pub(crate) golden: PathBuf,
    pub(crate) questions: usize,
    pub(crate) differing: usize,
    /// The first of them.
    pub(crate) lines: Vec<String>,
}

impl TestedSuites {
    /// Asks all questions of all suites.
    ///
    /// # Errors
    /// Suites that cannot be run.
    pub(crate) async fn of(suites: &Suites, bundle: &Arc<Bundle>) -> Result<Self, String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let outcomes = suites.run(bundle).await.map_err(|error| said(&error))?;
        let matrices = suites.matrices(bundle, false).await;
        let matrices = matrices.map_err(|error| said(&error))?;
        if outcomes.is_empty() && matrices.is_empty() {
            return Err("`reload.suites`: there is no case in them".to_owned());
        }
        let mut tallies: BTreeMap<PathBuf, SuiteTally> = BTreeMap::new();
        for outcome in &outcomes {
            let tally = tallies.entry(outcome.suite.clone()).or_default();
            tally.questions += 1;
            tally.failed += usize::from(outcome.difference.is_some());
            tally.took += outcome.elapsed;
        }
        let mut told = failures(&outcomes);
        told.truncate(TOLD);
        let matrices = matrices.into_iter().map(|matrix| MatrixTally {
            golden: matrix.golden,
            questions: matrix.questions,
            differing: matrix.differences.len(),
            lines: matrix.differences.into_iter().take(TOLD).collect(),
        });
        Ok(Self {
            failures: told,
            coverage: coverage(bundle, &outcomes),
            suites: tallies,
            matrices: matrices.collect(),
            left_out: suites.left_out().to_vec(),
        })
    }

    /// The questions that were asked.
    pub(crate) fn questions(&self) -> usize {
        let of_suites = self.suites.values().map(|it| it.questions);
        let of_matrices = self.matrices.iter().map(|it| it.questions);
        of_suites.chain(of_matrices).sum()
    }

    /// Those with another answer than the expected one, and lines of matrices that differ.
    pub(crate) fn failed(&self) -> usize {
        let of_suites = self.suites.values().map(|it| it.failed);
        of_suites
            .chain(self.matrices.iter().map(|it| it.differing))
            .sum()
    }

    /// True if a decision rests on a policy; `None` for what is no policy by itself.
    pub(crate) fn tests(&self, policy: &Arc<str>) -> Option<bool> {
        match self.coverage.policies.contains(policy) {
            true => Some(true),
            false => self
                .coverage
                .untested_policies
                .contains(policy)
                .then_some(false),
        }
    }
}
