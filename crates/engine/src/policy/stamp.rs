//! The state of files as the file system tells it, without reading them.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::directory::counts;

/// The names, places, sizes and times of files. Where two are equal, hardly anything was written
/// between them; where they are not, something may have been.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp(Vec<(PathBuf, Option<FileStamp>)>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct FileStamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    /// No program can set this time to an earlier one.
    changed: (i64, i64),
}

impl Stamp {
    /// Adds a file; it need not be there.
    pub fn add_file(&mut self, path: &Path) {
        let found = fs::metadata(path).ok();
        self.0
            .push((path.to_owned(), found.as_ref().map(FileStamp::of)));
    }

    /// Adds a policy directory, with the entries that can change the policies.
    pub fn add_policies(&mut self, path: &Path) {
        self.add_entries(path, counts);
    }

    /// Adds a directory with all of its entries, but not those inside of them.
    pub fn add_directory(&mut self, path: &Path) {
        self.add_entries(path, |_| true);
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
        let Ok(now) = SystemTime::now().duration_since(UNIX_EPOCH) else {
            return false;
        };
        self.0
            .iter()
            .filter_map(|(_, found)| found.as_ref())
            .all(|found| {
                let (seconds, nanoseconds) = found.changed;
                let changed = u64::try_from(seconds).unwrap_or(0);
                let changed = Duration::new(changed, u32::try_from(nanoseconds).unwrap_or(0));
                now.checked_sub(changed).is_some_and(|age| age > time)
            })
    }
}

impl FileStamp {
    fn of(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}
