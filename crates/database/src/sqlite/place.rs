//! The file that a path named when it was opened.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use peppol_authz_engine::store::StoreError;

/// The files of a database and of its index, at their paths.
///
/// INVARIANT: a connection to the file stays open as long as the paths are compared with it, so
/// that no other file gets its inode.
#[derive(Clone, Debug)]
pub(super) struct FilePlace {
    database: PathBuf,
    index: PathBuf,
    log: PathBuf,
    files: [FileId; 2],
}

/// The size of a file and the time of its last change. A checkpoint changes it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastChange([u64; 3]);

impl LastChange {
    /// The same as numbers.
    pub(super) fn numbers(self) -> [u64; 3] {
        self.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    fn of(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
        }
    }
}

impl FilePlace {
    /// The files that a path names now.
    ///
    /// # Errors
    /// A path that names nothing, and one beside which there is no index.
    pub(super) fn of(database: &Path) -> Result<Self, StoreError> {
        let failed = |error: std::io::Error| {
            StoreError::Unavailable(format!("`{}`: {error}", database.display()))
        };
        // SQLite follows links before it adds to the name.
        let whole = database.canonicalize().map_err(failed)?;
        let [log, index] = ["-wal", "-shm"].map(|suffix| {
            let mut path = whole.clone().into_os_string();
            path.push(suffix);
            PathBuf::from(path)
        });
        let files = [database, &index].map(|path| path.metadata().map(|file| FileId::of(&file)));
        let [file, of_index] = files;
        Ok(Self {
            database: database.to_owned(),
            files: [file.map_err(failed)?, of_index.map_err(failed)?],
            index,
            log,
        })
    }

    /// The path of the index.
    pub(super) fn index(&self) -> &Path {
        &self.index
    }

    /// The path of the log.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// Returns true if the paths still name these files.
    pub(super) fn is_named(&self) -> bool {
        self.look().is_some()
    }

    /// Returns true if another place has the same database, with another index.
    pub(super) fn differs_in_index(&self, other: &Self) -> bool {
        self.files[0] == other.files[0] && self.files[1] != other.files[1]
    }

    /// The size of the file and the time of its last change; `None` if the paths name other files
    /// now.
    pub(super) fn look(&self) -> Option<LastChange> {
        let [database, index] = [&self.database, &self.index].map(|path| path.metadata().ok());
        let (database, index) = (database?, index?);
        if [&database, &index].map(FileId::of) != self.files {
            return None;
        }
        // Nobody can set this time, unlike that of the last modification.
        let changed = [database.ctime(), database.ctime_nsec()].map(i64::cast_unsigned);
        Some(LastChange([database.size(), changed[0], changed[1]]))
    }

    /// A text that no other file has.
    pub(super) fn name(&self) -> String {
        let [database, index] = self.files;
        format!("{}/{}/{}", database.device, database.inode, index.inode)
    }

    /// The same as numbers.
    pub(super) fn numbers(&self) -> [u64; 3] {
        let [database, index] = self.files;
        [database.device, database.inode, index.inode]
    }
}

/// The path names another file, or none.
pub(super) fn moved(path: &Path) -> StoreError {
    StoreError::Unavailable(format!(
        "`{}` is not the file any more that was opened",
        path.display()
    ))
}
