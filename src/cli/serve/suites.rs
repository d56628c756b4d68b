//! Suites that policies have to pass before they are taken.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cli::exit::Exit;
use crate::cli::output::AnyError;
use crate::cli::source::import_of;
use crate::cli::worker::in_worker;
use peppol_authz_author::suite::{self, Suites};
use peppol_authz_database::Import;
use peppol_authz_engine::policy::{Bundle, Stamp};
use peppol_authz_engine::text::counted;
use peppol_authz_server::config::Config;

/// Failed cases that are named; more of them say no more.
const NAMED: usize = 20;

/// How long suites may go on changing, beside the time to settle.
const UNREST: Duration = Duration::from_secs(10);

/// The suites of the setting `reload.suites`; they are read anew for each set.
#[derive(Clone, Debug)]
pub(super) struct SuiteGate {
    directory: Option<PathBuf>,
    settle: Duration,
    schema: Option<PathBuf>,
    additions: Option<PathBuf>,
}

/// The reason why policies are not taken.
pub(super) struct GateFault {
    /// The end of a program that starts with them.
    pub(super) exit: Exit,
    /// Failed cases, or why there are none.
    pub(super) faults: Vec<String>,
}

impl SuiteGate {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            directory: config.reload.suites.clone(),
            settle: config.reload.settle,
            schema: config.schema.clone(),
            additions: config.additions.clone(),
        }
    }

    /// Checks that a set passes all suites, as `test` does.
    ///
    /// # Errors
    /// The failed cases, or why the suites cannot be run.
    pub(super) fn check(&self, bundle: &Arc<Bundle>) -> Result<(), GateFault> {
        let Some(directory) = self.directory.clone() else {
            return Ok(());
        };
        let (bundle, settle) = (Arc::clone(bundle), self.settle);
        let import = import_of(self.schema.as_deref(), self.additions.as_deref());
        let failed = import.and_then(|import| {
            in_worker(async move { settled_failures(&directory, settle, &import, &bundle).await })
        });
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

/// The failures by suites that were at rest, as policies have to be, before they were read and
/// until they were run.
async fn settled_failures(
    directory: &Path,
    settle: Duration,
    import: &Import,
    bundle: &Arc<Bundle>,
) -> Result<Vec<String>, AnyError> {
    let started = Instant::now();
    let mut beside = BTreeSet::new();
    let mut before = None;
    loop {
        let stamp = stamp(directory, &beside);
        if stamp.rests_for(settle) || before.as_ref() == Some(&stamp) {
            let (read, failures) = match Suites::read(&[directory.to_owned()], import) {
                Ok(suites) => {
                    let mut beside = suites.beside();
                    beside.retain(|file| !is_inside(directory, file));
                    (beside, failures(&suites, bundle).await)
                }
                Err(error) => (BTreeSet::new(), Err(error.into())),
            };
            // They may lie elsewhere, and have to be at rest too.
            let known = read.is_subset(&beside);
            beside.extend(read);
            if known && stamp == self::stamp(directory, &beside) {
                return failures;
            }
        }
        if started.elapsed() > UNREST + settle {
            let name = directory.display();
            return Err(format!("`{name}`: the suites are being written without end").into());
        }
        before = Some(stamp);
        tokio::time::sleep(settle).await;
    }
}

fn stamp(directory: &Path, beside: &BTreeSet<PathBuf>) -> Stamp {
    let mut stamp = Stamp::default();
    stamp.add_tree(directory);
    beside.iter().for_each(|file| stamp.add_file(file));
    stamp
}

/// True if the tree of a directory holds a file, by its path.
fn is_inside(directory: &Path, file: &Path) -> bool {
    let inside = file.strip_prefix(directory);
    inside.is_ok_and(|rest| rest.components().all(|part| part != Component::ParentDir))
}

async fn failures(suites: &Suites, bundle: &Arc<Bundle>) -> Result<Vec<String>, AnyError> {
    for note in suites.left_out() {
        tracing::warn!("a suite is not run: {note}");
    }
    let outcomes = suites.run(bundle).await?;
    let failed = suite::failures(&outcomes);
    let mut failures: Vec<String> = failed.iter().map(|text| text.trim().to_owned()).collect();
    let matrices = suites.matrices(bundle, false).await?;
    // A directory that was emptied, or is being written, would let everything pass.
    if outcomes.is_empty() && matrices.is_empty() {
        failures.push("`reload.suites`: there is no case in them".to_owned());
    }
    for matrix in matrices {
        if !matrix.differences.is_empty() {
            let differ = counted(matrix.differences.len(), "line differs", "lines differ");
            failures.push(format!("FAILED {}: {differ}", matrix.golden.display()));
        }
    }
    let all = failures.len();
    if all > NAMED {
        failures.truncate(NAMED);
        failures.push(format!("and {} more", all - NAMED));
    }
    Ok(failures)
}
