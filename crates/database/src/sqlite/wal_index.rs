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

/// How often the header is read again that somebody is just writing.
const TRIES: usize = 1000;

/// The header, as bytes.
type Header = [u8; HEADER];

/// The end of the log: that of the last commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LogEnd {
    /// The count of commits, which goes on where the log is begun anew.
    pub(super) commits: u32,
    /// Pages in the log.
    pub(super) frames: u32,
    pub(super) page_size: u32,
    /// As each page in the log has them, until it is begun anew.
    pub(super) salts: [u8; 8],
}

impl LogEnd {
    fn of(header: &Header) -> Option<Self> {
        let part = |at: usize| -> Option<[u8; 4]> { header.get(at..at + 4)?.try_into().ok() };
        let [_, _, low, high] = part(12)?;
        let page_size = match u16::from_ne_bytes([low, high]) {
            1 => 1 << 16,
            size => u32::from(size),
        };
        Some(Self {
            commits: u32::from_ne_bytes(part(8)?),
            frames: u32::from_ne_bytes(part(16)?),
            page_size,
            salts: header.get(32..40)?.try_into().ok()?,
        })
    }
}

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

    /// The end of the log; `None` if it cannot be read.
    pub(super) fn end(&self) -> Option<LogEnd> {
        for _ in 0..TRIES {
            let mut both = [0; 2 * HEADER];
            self.file.read_exact_at(&mut both, 0).ok()?;
            // It is there twice, and written one after the other.
            if let Some((one, other)) = both.split_first_chunk::<HEADER>()
                && one == other
            {
                return LogEnd::of(one);
            }
            std::hint::spin_loop();
        }
        None
    }

    pub(super) fn header(&self) -> Option<Header> {
        let mut header = [0; HEADER];
        self.file.read_exact_at(&mut header, 0).ok()?;
        Some(header)
    }
}
