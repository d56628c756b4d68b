//! Connections that read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::connection;
use super::options::SqliteOptions;
use peppol_authz_engine::store::{Revision, StoreError};

/// Idle readers, and the number of those that may be in use.
#[derive(Debug)]
pub(super) struct Pool {
    path: PathBuf,
    options: SqliteOptions,
    idle: Mutex<Vec<Reader>>,
    pub(super) permits: Arc<Semaphore>,
}

/// A connection that only reads, and what it saw last.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) connection: Connection,
    data_version: Option<i64>,
    pub(super) revision: Revision,
}

impl Pool {
    pub(super) fn new(path: &Path, options: SqliteOptions) -> Self {
        Self {
            path: path.to_owned(),
            permits: Arc::new(Semaphore::new(options.readers.max(1))),
            options,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// An idle reader, or a new one.
    pub(super) fn reader(&self) -> Result<Reader, StoreError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        match idle {
            Some(reader) => Ok(reader),
            None => Ok(Reader {
                connection: connection::open_reader(&self.path, &self.options)?,
                data_version: None,
                revision: Revision::number(0),
            }),
        }
    }

    pub(super) fn put_back(&self, reader: Reader) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(reader);
    }
}

impl Reader {
    /// Begins a transaction and names the state that it sees.
    pub(super) fn begin(&mut self) -> rusqlite::Result<()> {
        self.connection.prepare_cached("BEGIN")?.execute([])?;
        // The first read takes the snapshot, so this is its version.
        let version = self
            .connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get::<_, i64>(0))?;
        if self.data_version != Some(version) {
            self.revision = Revision::number(connection::revision(&self.connection)?);
            self.data_version = Some(version);
        }
        Ok(())
    }

    pub(super) fn end(&self) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("COMMIT")?
            .execute([])
            .map(|_| ())
    }
}
