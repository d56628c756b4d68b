//! The state of several files as the file system tells it, without reading them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::directory::counts;
use crate::file::FileStamp;

/// The names of files, each with its stamp.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp(Vec<(PathBuf, Option<FileStamp>)>);

impl Stamp {
    /// Adds a file; it need not be there.
    pub fn add_file(&mut self, path: &Path) {
        self.0.push((path.to_owned(), FileStamp::at(path)));
    }

    /// Adds a policy directory, with the entries that can change the policies.
    pub fn add_policies(&mut self, path: &Path) {
        self.add_entries(path, counts);
    }

    /// Adds a directory with all that is in it, also in directories inside.
    pub fn add_tree(&mut self, path: &Path) {
        let mut seen = BTreeSet::new();
        let mut directories = vec![path.to_owned()];
        while let Some(directory) = directories.pop() {
            let Ok(found) = fs::metadata(&directory) else {
                self.add_file(&directory);
                continue;
            };
            // Links can lead to where they lie.
            if !seen.insert((found.dev(), found.ino())) {
                continue;
            }
            let before = self.0.len();
            self.add_entries(&directory, |_| true);
            let entries = self.0.get(before..).unwrap_or_default().iter();
            let paths = entries.map(|(path, _)| path).filter(|path| path.is_dir());
            directories.extend(paths.cloned());
        }
    }

    fn add_entries(&mut self, path: &Path, counts: impl Fn(&Path) -> bool) {
        let Ok(entries) = fs::read_dir(path) else {
            return self.add_file(path);
        };
        let paths = entries.flatten().map(|entry| entry.path());
        let mut paths: Vec<_> = paths.filter(|path| counts(path)).collect();
        paths.sort();
        // Where it is another directory, its entries may still have the same inodes.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        self.0.push((real, None));
        paths.iter().for_each(|path| self.add_file(path));
    }

    /// True if nothing was changed for so long.
    #[must_use]
    pub fn rests_for(&self, time: Duration) -> bool {
        let mut found = self.0.iter().filter_map(|(_, found)| found.as_ref());
        found.all(|found| found.rests_for(time))
    }
}
