//! The suite files that paths name.
//!
//! INVARIANT: nothing that may be a suite is passed over in silence. It is read, or it is an error,
//! or it is named as left out: a suite that is not run lets everything pass.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use super::error::SuiteError;
use peppol_authz_engine::file::kind_of;

/// The ending of a suite.
const SUITE: &str = ".toml";

/// Directories inside directories that are read.
const DEEPEST: usize = 16;

/// A directory that file systems make of themselves, which only the system can read.
const LOST_AND_FOUND: &str = "lost+found";

/// The files that paths name.
#[derive(Debug, Default)]
pub(super) struct FoundFiles {
    /// The suites, in the order of their paths.
    pub(super) suites: Vec<PathBuf>,
    /// The entries that may be suites and are left out, each with the reason.
    pub(super) left_out: Vec<String>,
}

impl FoundFiles {
    /// The files themselves, and all `….toml` files of directories and those inside them.
    pub(super) fn of(paths: &[PathBuf]) -> Result<Self, SuiteError> {
        let mut found = Self::default();
        for path in paths {
            if path.is_dir() {
                found.add_directory(path, DEEPEST)?;
            } else {
                found.suites.push(path.clone());
            }
        }
        found.suites.sort();
        found.suites.dedup();
        if found.suites.is_empty() {
            let first = paths.first().cloned().unwrap_or_default();
            return Err(SuiteError::new(&first, "there are no suites"));
        }
        Ok(found)
    }

    fn add_directory(&mut self, directory: &Path, deepest: usize) -> Result<(), SuiteError> {
        let failed = |error: io::Error| SuiteError::new(directory, error);
        let entries: io::Result<Vec<DirEntry>> =
            fs::read_dir(directory).and_then(Iterator::collect);
        let mut entries = entries.map_err(failed)?;
        entries.sort_by_key(DirEntry::file_name);
        for entry in entries {
            self.add_entry(&entry, directory, deepest)?;
        }
        Ok(())
    }

    fn add_entry(
        &mut self,
        entry: &DirEntry,
        directory: &Path,
        deepest: usize,
    ) -> Result<(), SuiteError> {
        let path = entry.path();
        let failed = |error: io::Error| SuiteError::new(&path, error);
        let name = entry.file_name().to_string_lossy().into_owned();
        let lower = name.trim().to_lowercase();
        if name.starts_with('.') {
            // Links of a mount lead through hidden directories, and editors keep hidden files.
            if lower.contains(SUITE) || path.is_dir() {
                self.leave_out(&path, "its name begins with `.`");
            }
            return Ok(());
        }
        if name.ends_with(SUITE) {
            // A pipe or a directory of that name is an error where it is read.
            self.suites.push(path);
            return Ok(());
        }
        if lower.ends_with(SUITE) {
            let text = "is `….toml` meant? such a name is not read, and its cases would not count";
            return Err(SuiteError::new(&path, text));
        }
        let found = fs::metadata(&path).map_err(failed)?;
        if found.is_dir() {
            if name == LOST_AND_FOUND {
                return Ok(());
            }
            let real = fs::canonicalize(directory).map_err(failed)?;
            if real.starts_with(fs::canonicalize(&path).map_err(failed)?) {
                let text = "it is a link to a directory that it lies in";
                return Err(SuiteError::new(&path, text));
            }
            let Some(deepest) = deepest.checked_sub(1) else {
                return Err(SuiteError::new(&path, "it is too deep"));
            };
            return self.add_directory(&path, deepest);
        }
        if !found.is_file() {
            self.leave_out(
                &path,
                &format!("it is {}, and no file", kind_of(found.file_type())),
            );
        } else if lower.contains(SUITE) {
            self.leave_out(&path, "it is no `….toml`");
        }
        Ok(())
    }

    fn leave_out(&mut self, path: &Path, reason: &str) {
        let text = format!("`{}` is left out: {reason}", path.display());
        self.left_out.push(text);
    }
}
