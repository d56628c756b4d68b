//! A file that was read, and need not be read again while it is as it was.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::stamp::FileStamp;
use super::{Length, read_file};
use crate::moment::Moment;

/// Two writes within the resolution of a file system's clock leave one stamp. So a stamp is
/// believed only once it is older than that.
const CLOCK_RESOLUTION: Duration = Duration::from_secs(2);

/// A file of at most so many bytes is read in less than a tenth of a millisecond. Its stamp is not
/// believed: a write through a map of the file into memory may leave the stamp as it is.
const READ_ANYWAY: u64 = 256 << 10;

/// How long the stamp of a longer one is believed, at least and as a multiple of the time that a
/// reading takes.
const BELIEVED: Duration = Duration::from_secs(1);
const BELIEVED_READINGS: u32 = 100;

/// A file as it was when it was read.
#[derive(Clone, Debug)]
pub struct SeenFile {
    /// `None` where it tells nothing: the file was being written, was written just before, or is
    /// read faster than it is looked at.
    stamp: Option<FileStamp>,
    /// When the reading began.
    read: Moment,
    took: Duration,
}

impl SeenFile {
    /// Reads a regular file of at most that length.
    ///
    /// # Errors
    /// As [`read_file`].
    pub fn read(path: &Path, longest: Length) -> io::Result<(Vec<u8>, Self)> {
        let read = Moment::now();
        let stamp = FileStamp::at(path);
        let text = read_file(path, longest)?;
        let is_whole = stamp == FileStamp::at(path);
        let rests = |stamp: &FileStamp| {
            is_whole && stamp.length() > READ_ANYWAY && stamp.rests_for(CLOCK_RESOLUTION)
        };
        let seen = Self {
            stamp: stamp.filter(rests),
            read,
            took: read.elapsed(),
        };
        Ok((text, seen))
    }

    /// True if the file is as it was when it was read, as far as can be told without reading it.
    #[must_use]
    pub fn is_unchanged(&self, path: &Path) -> bool {
        let believed = BELIEVED.max(self.took.saturating_mul(BELIEVED_READINGS));
        self.stamp.is_some() && self.read.elapsed() < believed && FileStamp::at(path) == self.stamp
    }

    /// When the reading began.
    #[must_use]
    pub fn read_at(&self) -> Moment {
        self.read
    }
}
