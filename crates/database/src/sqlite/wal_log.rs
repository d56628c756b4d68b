//! The log of the pages that commits write, `…-wal`: which pages each commit has written.
//!
//! Each record takes the next number, and so its commit writes the page of the numbers. One that
//! does not has written something else without a record. See "WAL Format" in SQLite's documentation:
//! 32 bytes, then frames of a head of 24 bytes and a page. A log that is full and was copied into the
//! database is begun anew from its start, with other salts.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::wal_index::LogEnd;

/// More pages than this are not looked at.
const MOST: u32 = 10_000;

/// The log of one database. No locks are held on it, so that it may be closed at any time.
#[derive(Debug)]
pub(super) struct WalLog(File);

/// The pages that the commits between two looks have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Commits {
    /// Each has a record.
    Recorded,
    /// One has none.
    Unrecorded,
    /// They are too many, or not in the log any more.
    Unseen,
}

/// The commits in a part of the log.
#[derive(Debug, Default)]
struct FoundCommits {
    count: u32,
    has_unrecorded: bool,
}

impl WalLog {
    /// # Errors
    /// There is none.
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        File::open(path).map(Self)
    }

    /// The commits between two ends of the log, by the page that each of them should have written.
    pub(super) fn commits(&self, from: LogEnd, to: LogEnd, page: u32) -> Commits {
        let wanted = to.commits.wrapping_sub(from.commits);
        let mut found = FoundCommits::default();
        let mut first = from.frames;
        if from.salts != to.salts {
            // The rest are pages from before it was begun anew.
            self.look(&mut found, from, from.frames..from.frames + MOST, page);
            first = 0;
        }
        if to.frames.saturating_sub(first) > MOST {
            return Commits::Unseen;
        }
        self.look(&mut found, to, first..to.frames, page);
        match found {
            FoundCommits {
                has_unrecorded: true,
                ..
            } => Commits::Unrecorded,
            FoundCommits { count, .. } if count == wanted => Commits::Recorded,
            _ => Commits::Unseen,
        }
    }

    /// Looks at frames, until one is not of the same log.
    fn look(&self, found: &mut FoundCommits, of: LogEnd, frames: std::ops::Range<u32>, page: u32) {
        let mut has_record = false;
        for frame in frames {
            let at = 32 + u64::from(frame) * (24 + u64::from(of.page_size));
            let mut head = [[0; 4]; 6];
            if self.0.read_exact_at(head.as_flattened_mut(), at).is_err() {
                return;
            }
            let [number, size, salts @ .., _, _] = head;
            if salts.as_flattened() != of.salts {
                return;
            }
            has_record |= u32::from_be_bytes(number) == page;
            // The last page of a commit has the size of the database.
            if u32::from_be_bytes(size) != 0 {
                found.count += 1;
                found.has_unrecorded |= !has_record;
                has_record = false;
            }
        }
    }
}
