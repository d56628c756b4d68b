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
mod options;
mod pool;
mod read;
mod snapshot;
mod wal_index;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cedar_policy::EntityTypeName;
use rusqlite::Connection;

use super::views::{self, Views};
#[cfg(test)]
pub(super) use candidates::SqliteDialect;
pub use options::SqliteOptions;
use peppol_authz_engine::schema::Schema;
use peppol_authz_engine::store::{
    Changes, Mark, Revision, Snapshot, Store, StoreError, StoreFuture,
};
use pool::Pool;
use snapshot::SqliteSnapshot;
use wal_index::WalIndex;

/// A database file.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    options: SqliteOptions,
    is_ours: bool,
    views: Arc<Views>,
    pool: Arc<Pool>,
    /// `None` where the database has none.
    wal_index: Option<WalIndex>,
    /// Keeps the index in being, see [`WalIndex`].
    _open: Mutex<Connection>,
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
        let pool = Arc::new(Pool::new(path, options.clone()));
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
        let mut reader = store.pool.reader()?;
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
    ) -> StoreFuture<'_, Box<dyn Snapshot>> {
        let schema = Arc::clone(schema);
        let since = since.cloned();
        Box::pin(async move {
            let unavailable =
                |error: &dyn std::fmt::Display| StoreError::Unavailable(error.to_string());
            let permit = Arc::clone(&self.pool.permits)
                .acquire_owned()
                .await
                .map_err(|error| unavailable(&error))?;
            let mut reader = self.pool.reader()?;
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
            let snapshot = SqliteSnapshot {
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
