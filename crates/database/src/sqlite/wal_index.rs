//! The header of the index that the connections of a database share, for the price of one
//! small read.
//!
//! In WAL mode every commit writes the header of the index, `…-shm`: the first 48 bytes, with
//! a counter of transactions, the number of frames, salts and checksums. See "WAL-Index File
//! Format" in SQLite's documentation. If two reads of them find the same, nothing was committed
//! in between, in this process or another.

use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Bytes of the header.
const HEADER: usize = 48;

/// The header, as bytes.
type Header = [u8; HEADER];

/// The count of transactions, which is in the header. A checkpoint leaves it as it is.
pub(super) type Commits = [u8; 4];

/// The indexes that are open in this process.
static OPEN: Mutex<Vec<Weak<WalIndex>>> = Mutex::new(Vec::new());

/// The index of one database.
///
/// INVARIANT: it is opened once in a process, and closed after the last connection to its
/// database: closing any descriptor of a file takes the locks from the process that SQLite holds
/// on it. So each connection goes together with an [`Arc`] of it, which is dropped after it.
#[derive(Debug)]
pub(super) struct WalIndex {
    file: File,
    /// Device and inode.
    id: (u64, u64),
}

fn id(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

impl WalIndex {
    /// Opens an index, or takes the one that is open.
    ///
    /// # Errors
    /// There is no such file, or it was replaced meanwhile.
    pub(super) fn open(path: &Path) -> std::io::Result<Arc<Self>> {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|index| index.strong_count() > 0);
        let wanted = id(&path.metadata()?);
        let known = open.iter().filter_map(Weak::upgrade);
        if let Some(index) = known.into_iter().find(|index| index.id == wanted) {
            return Ok(index);
        }
        let file = File::open(path)?;
        if id(&file.metadata()?) != wanted {
            // It may be one that is open; see above.
            std::mem::forget(file);
            return Err(std::io::Error::other("the index was replaced"));
        }
        let index = Arc::new(Self { file, id: wanted });
        open.push(Arc::downgrade(&index));
        Ok(index)
    }

    pub(super) fn commits(&self) -> Option<Commits> {
        let mut commits = Commits::default();
        self.file.read_exact_at(&mut commits, 8).ok()?;
        Some(commits)
    }

    pub(super) fn header(&self) -> Option<Header> {
        let mut header = [0; HEADER];
        self.file.read_exact_at(&mut header, 0).ok()?;
        Some(header)
    }
}
