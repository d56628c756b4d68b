//! Connections that read.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::Semaphore;

use super::options::SqliteOptions;
use super::place::{FilePlace, LastChange, moved};
use super::wal_index::WalIndex;
use super::worker_read::{ReadBudget, WorkerReads};
use super::{connection, revision};
use peppol_authz_engine::store::{Revision, StoreError};

/// How often files were opened.
static OPENED: AtomicU64 = AtomicU64::new(0);

/// Idle readers, and the number of those that may be in use.
#[derive(Debug)]
pub(super) struct Pool {
    path: PathBuf,
    options: SqliteOptions,
    is_ours: bool,
    /// The version of the views that this program has looked at.
    schema_version: i64,
    place: FilePlace,
    /// The file, that version, and the number of this opening.
    origin: Arc<str>,
    idle: Mutex<Vec<ReadingConnection>>,
    retired: AtomicBool,
    index: Arc<WalIndex>,
    pub(super) worker_reads: WorkerReads,
    pub(super) permits: Arc<Semaphore>,
}

/// A connection that only reads, and what it saw last.
#[derive(Debug)]
pub(super) struct ReadingConnection {
    pub(super) connection: Connection,
    pub(super) budget: Arc<ReadBudget>,
    data_version: Option<i64>,
    pub(super) revision: Revision,
    is_ours: bool,
    schema_version: i64,
    origin: Arc<str>,
    /// When the file was changed last, before this was opened.
    written: LastChange,
    /// Dropped after the connection, see [`WalIndex`].
    _index: Arc<WalIndex>,
}

/// A transaction was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// Over the views that were looked at.
    Known,
    /// The views have been changed meanwhile.
    Changed,
}

impl Pool {
    pub(super) fn new(
        path: &Path,
        options: SqliteOptions,
        is_ours: bool,
        schema_version: i64,
        place: &FilePlace,
        index: Arc<WalIndex>,
    ) -> Self {
        // A state that was read before the file was opened anew is another one.
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        Self {
            index,
            worker_reads: WorkerReads::new(),
            is_ours,
            schema_version,
            origin: format!("{}/{schema_version}/{number}", place.name()).into(),
            place: place.clone(),
            path: path.to_owned(),
            permits: Arc::new(Semaphore::new(options.readers.max(1))),
            options,
            idle: Mutex::new(Vec::new()),
            retired: AtomicBool::new(false),
        }
    }

    /// The readers that are in use, and how many may be.
    pub(super) fn used(&self) -> (usize, usize) {
        let all = self.options.readers.max(1);
        (all.saturating_sub(self.permits.available_permits()), all)
    }

    /// An idle reader, or a new one.
    pub(super) fn reader(&self) -> Result<ReadingConnection, StoreError> {
        let Some(written) = self.place.look() else {
            return Err(moved(&self.path));
        };
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        // Pages that it has kept may be others by now: somebody may have copied over the file.
        if let Some(reader) = idle.filter(|reader| reader.written == written) {
            return Ok(reader);
        }
        let connection = connection::open_reader(&self.path, &self.options)?;
        let budget = ReadBudget::of(&connection)
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let reader = ReadingConnection {
            written,
            connection,
            budget,
            data_version: None,
            revision: Revision::number(0),
            is_ours: self.is_ours,
            schema_version: self.schema_version,
            origin: Arc::clone(&self.origin),
            _index: Arc::clone(&self.index),
        };
        if self.place.is_named() {
            Ok(reader)
        } else {
            Err(moved(&self.path))
        }
    }

    /// Uses no reader again.
    pub(super) fn retire(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        self.retired.store(true, Ordering::Relaxed);
        idle.iter().for_each(|reader| keep_log(&reader.connection));
        idle.clear();
    }

    pub(super) fn put_back(&self, reader: ReadingConnection) {
        if self.retired.load(Ordering::Relaxed) {
            keep_log(&reader.connection);
            return;
        }
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(reader);
    }
}

impl ReadingConnection {
    /// Begins a transaction and names the state that it sees.
    pub(super) fn begin(&mut self) -> rusqlite::Result<Begun> {
        self.connection.prepare_cached("BEGIN")?.execute([])?;
        // The first read takes the snapshot, so this is its version.
        let version = self
            .connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get::<_, i64>(0))?;
        if self.data_version != Some(version) {
            if revision::schema_version(&self.connection)? != self.schema_version {
                return Ok(Begun::Changed);
            }
            let revision = if self.is_ours {
                revision::revision(&self.connection)?
            } else {
                revision::number(&self.connection)?
            };
            self.revision = revision.read_from(Arc::clone(&self.origin));
            self.data_version = Some(version);
        }
        Ok(Begun::Known)
    }

    pub(super) fn end(&self) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("COMMIT")?
            .execute([])
            .map(|_| ())
    }
}

/// The last connection to a file writes the log into it and removes the log when it is closed. If
/// another file is there now, the log at its path is of that file.
pub(super) fn keep_log(connection: &Connection) {
    if let Err(error) = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
        tracing::error!(%error, "the log of a replaced database may be removed");
    }
}
