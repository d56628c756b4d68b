//! Running suites.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::ask::ask;
use super::error::SuiteError;
use super::expect::{Expected, NoDecision};
use super::files::FoundFiles;
use super::fixture::Fixture;
use super::matrix::{MatrixOutcome, run_matrix};
use super::model::SuiteFile;
use super::question::questions;
use peppol_authz_database::Import;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::slice::Freshness;
use peppol_authz_engine::{CheckedLinks, Decision, Engine, EngineOptions};

/// Suites that have been read, with their fixtures.
pub struct Suites {
    files: Vec<(PathBuf, SuiteFile)>,
    /// By the file, and by the suite where it gives links.
    fixtures: BTreeMap<FixtureKey, Fixture>,
    left_out: Vec<String>,
}

type FixtureKey = (PathBuf, Option<PathBuf>);

/// The result of one question of a case.
#[derive(Debug)]
pub struct CaseOutcome {
    /// The suite file.
    pub suite: PathBuf,
    /// The case.
    pub case: String,
    /// The line of its name.
    pub line: usize,
    /// The question.
    pub question: Json,
    /// The decision; `Err` is a question that none could be made on.
    pub decision: Result<Decision, NoDecision>,
    /// The difference to the expected answer; `None` where there is none.
    pub difference: Option<String>,
    /// True if it cannot be asked before the suite has a context for the action, as other cases of it cannot.
    pub lacks_context: bool,
    /// The rules that the case says it is about.
    pub covers: Vec<String>,
    /// The time that it took.
    pub elapsed: Duration,
}

impl Suites {
    /// Reads suites: files, or all `.toml` files of directories and those inside them. Their fixtures
    /// are documents of that import, or entities.
    ///
    /// # Errors
    /// A suite or fixture that cannot be read.
    pub fn read(paths: &[PathBuf], import: &Import) -> Result<Self, SuiteError> {
        let found = FoundFiles::of(paths)?;
        let mut suites = Self {
            files: Vec::new(),
            fixtures: BTreeMap::new(),
            left_out: found.left_out,
        };
        for name in found.suites {
            let suite = SuiteFile::read(&name)?;
            let key = fixture_key(&name, &suite);
            if let Entry::Vacant(place) = suites.fixtures.entry(key) {
                let links = suite.link_rows(&name)?;
                let fixture = Fixture::open(&place.key().0, links, import)?;
                place.insert(fixture);
            }
            suites.files.push((name, suite));
        }
        Ok(suites)
    }

    /// The entries of directories that may be suites and are left out, for a reader.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The files that the suites rest on beside themselves: fixtures and golden matrices.
    #[must_use]
    pub fn beside(&self) -> BTreeSet<PathBuf> {
        let matrices = self.files.iter().filter_map(|(path, suite)| {
            let matrix = suite.matrix.as_ref()?;
            Some(beside(path, &matrix.golden))
        });
        let fixtures = self.fixtures.keys().map(|(file, _)| file.clone());
        fixtures.chain(matrices).collect()
    }

    /// Asks all questions of all cases.
    ///
    /// # Errors
    /// A fixture that does not fit the schema.
    pub async fn run(&self, bundle: &Arc<Bundle>) -> Result<Vec<CaseOutcome>, SuiteError> {
        let mut outcomes = Vec::new();
        for (path, suite) in &self.files {
            let engine = self.engine(path, suite, bundle)?;
            if suite.links.is_some() {
                check_links(path, suite, bundle, &engine).await?;
            }
            for case in &suite.cases {
                for (question, expected) in questions(case, suite, bundle) {
                    let started = Instant::now();
                    let decision = ask(&engine, &question).await;
                    outcomes.push(CaseOutcome {
                        suite: path.clone(),
                        case: case.name.clone(),
                        line: case.line,
                        difference: expected.difference(&decision),
                        lacks_context: matches!(expected, Expected::Needed(_)),
                        question,
                        decision,
                        covers: case.covers.clone(),
                        elapsed: started.elapsed(),
                    });
                }
            }
        }
        Ok(outcomes)
    }

    /// Regenerates the matrices and compares them with the files that are kept;
    /// with `update`, writes the files.
    ///
    /// # Errors
    /// A fixture that does not fit the schema, or a file that cannot be used.
    pub async fn matrices(
        &self,
        bundle: &Arc<Bundle>,
        update: bool,
    ) -> Result<Vec<MatrixOutcome>, SuiteError> {
        let mut outcomes = Vec::new();
        for (path, suite) in &self.files {
            if let Some(matrix) = &suite.matrix {
                let engine = self.engine(path, suite, bundle)?;
                let golden = beside(path, &matrix.golden);
                outcomes.push(run_matrix(&engine, bundle, matrix, (path, &golden), update).await?);
            }
        }
        Ok(outcomes)
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&Path, &SuiteFile)> {
        self.files
            .iter()
            .map(|(path, suite)| (path.as_path(), suite))
    }

    pub(super) fn engine(
        &self,
        path: &Path,
        suite: &SuiteFile,
        bundle: &Arc<Bundle>,
    ) -> Result<Engine, SuiteError> {
        let actions = bundle.schema.actions();
        // By its bare id, or as a Cedar literal where several have that.
        let is_known = |name: &str| {
            let mut uids = actions.iter().map(|action| &action.uid);
            uids.any(|uid| AsRef::<str>::as_ref(uid.id()) == name || uid.to_string() == name)
        };
        if let Some((unknown, line)) = suite.unknown_action(is_known) {
            let near = bundle.schema.action_meant(unknown);
            let problem = format!("there is no action `{unknown}`{near}");
            return Err(SuiteError::new(path, problem).on(line));
        }
        if suite.links.is_some() && !bundle.reads_links() {
            let problem =
                "it has links, and `links.toml` of the policies does not say `stored = true`";
            return Err(SuiteError::new(path, problem).on(suite.line_of_links()));
        }
        let key = fixture_key(path, suite);
        let found = self
            .fixtures
            .get(&key)
            .ok_or_else(|| SuiteError::new(path, "its fixture is missing"))?;
        let options = EngineOptions {
            cache_bytes: 16 << 20,
            decision_bytes: 0,
            freshness: Freshness::EACH,
        };
        Engine::new(Arc::clone(&found.store), Arc::clone(bundle), options)
            .map_err(|error| SuiteError::new(&key.0, error))
    }
}

fn fixture_key(path: &Path, suite: &SuiteFile) -> FixtureKey {
    let own = suite.links.is_some().then(|| path.to_owned());
    (beside(path, &suite.fixture), own)
}

/// Checks that the links of a suite fit the policies, also those that no case comes to.
async fn check_links(
    path: &Path,
    suite: &SuiteFile,
    bundle: &Arc<Bundle>,
    engine: &Engine,
) -> Result<(), SuiteError> {
    let failed =
        |problem: &dyn std::fmt::Display| SuiteError::new(path, problem).on(suite.line_of_links());
    let snapshot = engine.store().snapshot(&bundle.schema, None).await;
    let mut snapshot = snapshot.map_err(|error| failed(&error))?;
    let checked = CheckedLinks::of(&mut *snapshot, bundle).await;
    match checked.map_err(|error| failed(&error))?.faults.first() {
        Some(fault) => Err(failed(fault)),
        None => Ok(()),
    }
}

/// A file beside the suite that names it.
fn beside(suite: &Path, file: &Path) -> PathBuf {
    suite.parent().unwrap_or(Path::new("")).join(file)
}
