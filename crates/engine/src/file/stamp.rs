//! The state of a file as the file system tells it, without reading the file.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The place, size and times of a file. Where two are equal, hardly anything was written between
/// them; where they are not, something may have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    /// No program can set this time to an earlier one.
    changed: (i64, i64),
}

impl FileStamp {
    /// The stamp of what is at a path; `None` if there is nothing that can be seen.
    #[must_use]
    pub fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().as_ref().map(Self::of)
    }

    fn of(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }

    /// The length, in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// True if nothing was changed for so long.
    #[must_use]
    pub fn rests_for(&self, time: Duration) -> bool {
        let (seconds, nanoseconds) = self.changed;
        let changed = u64::try_from(seconds).unwrap_or(0);
        let changed = Duration::new(changed, u32::try_from(nanoseconds).unwrap_or(0));
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.is_ok_and(|now| now.checked_sub(changed).is_some_and(|age| age > time))
    }
}
