//! A mark of a database's state, for the price of one small read.
//!
//! In WAL mode every commit writes the header of the index that the connections
//! share, `…-shm`: the first 48 bytes, with a counter of transactions, the number of
//! frames, salts and checksums. See "WAL-Index File Format" in SQLite's
//! documentation. If two reads of them find the same, nothing was committed in
//! between, in this process or another.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::unix::fs::FileExt;
use std::path::Path;

use peppol_authz_engine::store::Mark;

/// The index of one database.
///
/// INVARIANT: it is never closed, since closing any descriptor of a file takes the
/// locks from the process that SQLite holds on it; and a connection stays open
/// beside it, or SQLite would remove the file.
#[derive(Debug)]
pub(super) struct WalIndex(ManuallyDrop<File>);

impl WalIndex {
    /// The index of a database that is open; `None` where there is no such file.
    pub(super) fn open(database: &Path) -> Option<Self> {
        let mut path = database.canonicalize().ok()?.into_os_string();
        path.push("-shm");
        File::open(path).ok().map(ManuallyDrop::new).map(Self)
    }

    pub(super) fn mark(&self) -> Option<Mark> {
        let mut header = [0; 48];
        self.0.read_exact_at(&mut header, 0).ok()?;
        Some(Mark(header))
    }
}
