//! The header of the index that the connections of a database share, for the price of one
//! small read.
//!
//! In WAL mode every commit writes the header of the index, `…-shm`: the first 48 bytes, with
//! a counter of transactions, the number of frames, salts and checksums. See "WAL-Index File
//! Format" in SQLite's documentation. If two reads of them find the same, nothing was committed
//! in between, in this process or another.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes of the header.
pub(super) const HEADER: usize = 48;

/// The index of one database.
///
/// INVARIANT: it is never closed, since closing any descriptor of a file takes the
/// locks from the process that SQLite holds on it; and a connection stays open
/// beside it, or SQLite would remove the file.
#[derive(Debug)]
pub(super) struct WalIndex(ManuallyDrop<File>);

impl WalIndex {
    /// Opens an index; `None` where there is no such file.
    pub(super) fn open(path: &Path) -> Option<Self> {
        File::open(path).ok().map(ManuallyDrop::new).map(Self)
    }

    pub(super) fn header(&self) -> Option<[u8; HEADER]> {
        let mut header = [0; HEADER];
        self.0.read_exact_at(&mut header, 0).ok()?;
        Some(header)
    }
}
