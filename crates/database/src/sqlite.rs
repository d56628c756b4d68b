//! The embedded tenancy store: SQLite, read through one view per entity type.
//!
//! WAL lets readers and one writer go on beside each other. A read is one
//! transaction on a connection from a small pool; `PRAGMA data_version` tells,
//! without reading a page, whether any other connection or process has changed
//! the database since the connection last looked; [`WalIndex`] tells it of the whole
//! database, without a connection.

mod candidates;
mod changes;
mod connection;
mod read;
mod wal_index;
mod write;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cedar_policy::{EntityTypeName, EntityUid};
use rusqlite::{Connection, InterruptHandle};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use wal_index::WalIndex;

use super::select::statement;
use super::views;
#[cfg(test)]
pub(super) use candidates::Sqlite as SqliteDialect;
use peppol_authz_engine::schema::{Row, Schema};
use peppol_authz_engine::store::{
    Answer, Candidates, Changes, Mark, Revision, Snapshot, Store, StoreError, TagKeys, Tags,
};

/// How a database is opened.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// Reads that go on at once; a further one waits.
    pub readers: usize,
    /// How long a lock of another process is waited for.
    pub busy_timeout: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            readers: 16,
            busy_timeout: Duration::from_secs(5),
        }
    }
}

/// A database file.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    options: SqliteOptions,
    is_ours: bool,
    views: Arc<HashMap<String, HashSet<String>>>,
    pool: Arc<Pool>,
    /// `None` where the database has none.
    wal_index: Option<WalIndex>,
    /// Keeps the index in being, see [`WalIndex`].
    _open: Mutex<Connection>,
}

/// Idle readers, and the number of those that may be in use.
#[derive(Debug)]
struct Pool {
    idle: Mutex<Vec<Reader>>,
    permits: Arc<Semaphore>,
}

/// A connection that only reads, and what it saw last.
#[derive(Debug)]
struct Reader {
    connection: Connection,
    data_version: Option<i64>,
    revision: Revision,
}

impl Sqlite {
    /// Opens a database; one that is missing is created, an older one upgraded.
    ///
    /// A database that another program has made is taken as it is, if it has the
    /// views: see [`Store::check`].
    ///
    /// # Errors
    /// A file that cannot be opened or is no database, and one that a newer
    /// version of this program has made.
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let mut connection = connection::open_writer(path, &options)?;
        connection::prepare_schema(path, &mut connection)?;
        let views = Arc::new(connection::views(&connection)?);
        let is_ours = connection::is_ours(&connection)
            .and_then(|ours| {
                if ours {
                    changes::prune_where_many(&mut connection)?;
                }
                Ok(ours)
            })
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let permits = Arc::new(Semaphore::new(options.readers.max(1)));
        let pool = Arc::new(Pool {
            idle: Mutex::new(Vec::new()),
            permits,
        });
        let mut store = Self {
            path: path.to_owned(),
            options,
            is_ours,
            views,
            pool,
            wal_index: None,
            _open: Mutex::new(connection),
        };
        // A reader that cannot be opened should stop the start, not a question.
        let mut reader = store.reader()?;
        reader
            .begin()
            .and_then(|()| reader.end())
            .map_err(|error| {
                StoreError::Misfit(format!(
                    "`{}`: its revision cannot be read: {error}",
                    path.display()
                ))
            })?;
        store.pool.put_back(reader);
        store.wal_index = WalIndex::open(path);
        Ok(store)
    }

    fn reader(&self) -> Result<Reader, StoreError> {
        let idle = self
            .pool
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
}

impl Pool {
    fn put_back(&self, reader: Reader) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(reader);
    }
}

impl Reader {
    /// Begins a transaction and names the state that it sees.
    fn begin(&mut self) -> rusqlite::Result<()> {
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

    fn end(&self) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("COMMIT")?
            .execute([])
            .map(|_| ())
    }
}

impl Store for Sqlite {
    fn serves(&self, entity_type: &EntityTypeName) -> bool {
        self.views.contains_key(&entity_type.to_string())
    }

    fn names(&self, revision: &Revision) -> bool {
        revision.is_number()
    }

    fn mark(&self) -> Option<Mark> {
        self.wal_index.as_ref()?.mark()
    }

    fn check(&self, schema: &Arc<Schema>) -> Result<(), StoreError> {
        views::check(schema, &self.views).map(|_| ())
    }

    fn snapshot(
        &self,
        schema: &Arc<Schema>,
        since: Option<&Revision>,
    ) -> Answer<'_, Box<dyn Snapshot>> {
        let schema = Arc::clone(schema);
        let since = since.cloned();
        Box::pin(async move {
            let unavailable =
                |error: &dyn std::fmt::Display| StoreError::Unavailable(error.to_string());
            let permit = Arc::clone(&self.pool.permits)
                .acquire_owned()
                .await
                .map_err(|error| unavailable(&error))?;
            let mut reader = self.reader()?;
            // A few microseconds, and no page of the file: not worth a thread.
            reader.begin().map_err(|error| unavailable(&error))?;
            let changes = match since {
                // Another program may keep its revision as it likes.
                _ if !self.is_ours => Changes::Untold,
                Some(since) if since == reader.revision => Changes::Nothing,
                Some(since) => changes::since(&reader.connection, &since)
                    .map_err(|error| unavailable(&error))?,
                None => Changes::Everything,
            };
            let snapshot = Reading {
                revision: reader.revision.clone(),
                reader: Some(reader),
                changes,
                schema,
                views: Arc::clone(&self.views),
                pool: Arc::clone(&self.pool),
                _permit: permit,
            };
            Ok(Box::new(snapshot) as Box<dyn Snapshot>)
        })
    }
}

/// A transaction on one reader. The reader is away while a blocking thread uses
/// it; one that does not come back is not used again.
struct Reading {
    reader: Option<Reader>,
    revision: Revision,
    changes: Changes,
    schema: Arc<Schema>,
    views: Arc<HashMap<String, HashSet<String>>>,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Reading {
    /// Runs a query, which may read pages, on a thread for such work.
    async fn query<T: Send + 'static>(
        &mut self,
        query: impl FnOnce(&Connection, &Schema) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let lost = || StoreError::Unavailable("a reader was lost".to_owned());
        let reader = self.reader.take().ok_or_else(lost)?;
        let schema = Arc::clone(&self.schema);
        let interrupt = reader.connection.get_interrupt_handle();
        let task = tokio::task::spawn_blocking(move || {
            let result = query(&reader.connection, &schema);
            (reader, result)
        });
        let mut given_up = GivenUp {
            task: task.abort_handle(),
            interrupt: Some(interrupt),
        };
        let (reader, result) = task.await.map_err(|_| lost())?;
        given_up.interrupt = None;
        self.reader = Some(reader);
        result
    }
}

/// Ends a query that nobody waits for any more, begun or not: a scan would keep a
/// thread and a core for as long as it takes.
struct GivenUp {
    task: tokio::task::AbortHandle,
    /// `None` once the query has ended by itself.
    interrupt: Option<InterruptHandle>,
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        if let Some(interrupt) = self.interrupt.take() {
            self.task.abort();
            interrupt.interrupt();
        }
    }
}

impl Snapshot for Reading {
    fn revision(&self) -> &Revision {
        &self.revision
    }

    fn changes(&self) -> &Changes {
        &self.changes
    }

    fn entities<'a>(&'a mut self, uids: &'a [EntityUid]) -> Answer<'a, Vec<Option<Row>>> {
        let (uids, views) = (uids.to_vec(), Arc::clone(&self.views));
        Box::pin(self.query(move |connection, schema| {
            let serves = |name: &EntityTypeName| views.contains_key(&name.to_string());
            uids.iter()
                .map(|uid| read::entity(connection, schema, &serves, uid))
                .collect()
        }))
    }

    fn tags<'a>(&'a mut self, wanted: &'a [(EntityUid, TagKeys)]) -> Answer<'a, Vec<Tags>> {
        let wanted = wanted.to_vec();
        Box::pin(self.query(move |connection, schema| {
            wanted
                .iter()
                .map(|(uid, keys)| read::tags(connection, schema, uid, keys))
                .collect()
        }))
    }

    fn candidates<'a>(&'a mut self, wanted: &'a Candidates) -> Answer<'a, Vec<String>> {
        let view = wanted.of.to_string();
        if !self.views.contains_key(&view) {
            return Box::pin(std::future::ready(Ok(Vec::new())));
        }
        let statement = statement(&candidates::Sqlite, wanted);
        Box::pin(self.query(move |connection, _| candidates::ids(connection, &view, &statement)))
    }

    fn statement(&self, wanted: &Candidates) -> Option<String> {
        Some(statement(&candidates::Sqlite, wanted).sql)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take()
            && reader.end().is_ok()
        {
            self.pool.put_back(reader);
        }
    }
}
