//! The embedded tenancy store: SQLite, read through one view per entity type.
//!
//! WAL lets readers and one writer go on beside each other. A read is one
//! transaction on a connection from a small pool; `PRAGMA data_version` tells,
//! without reading a page, if any other connection or process has changed
//! the database since the connection last looked; [`Opened::mark`] tells it of the whole
//! database, without a connection.
//!
//! The database is the file at its path: where that is another one, or its views are
//! changed, it is opened anew before anything is answered.

mod additions;
mod announced;
mod applied;
mod candidates;
mod changes;
mod connection;
mod copy;
mod dependence;
mod export;
mod failure;
mod few_tags;
mod made;
mod migrate;
mod noted;
mod of_entities;
mod opened;
mod options;
mod place;
mod pool;
mod read;
mod reads;
mod revision;
mod shape;
mod shipped;
mod snapshot;
mod triggers;
mod upgrade;
mod wal_index;
mod wal_log;
mod worker_read;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use cedar_policy::EntityTypeName;

use crate::migration::Upgrade;
use crate::views;
pub(super) use candidates::SqliteDialect;
pub(super) use made::{MadeDatabase, Unmade, made};
pub(super) use of_entities::make_of_entities;
use opened::Opened;
pub use options::SqliteOptions;
use peppol_authz_engine::schema::Schema;
use peppol_authz_engine::store::{
    Changes, LinksView, Mark, Revision, Snapshot, Store, StoreError, StoreFuture,
};
use pool::Begun;
use snapshot::SqliteSnapshot;
use tempfile::TempDir;
use wal_log::Commits;

/// How long a file that could not be opened is not tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// How long the reads of a file are waited for that is to be opened anew.
const CLOSING: Duration = Duration::from_secs(1);

/// A database file.
#[derive(Debug)]
pub struct Sqlite {
    inner: Arc<Inner>,
    upgrade: Upgrade,
    /// Holds the copy for as long as it is read, if it is one.
    _copy: Option<TempDir>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    options: SqliteOptions,
    opened: RwLock<Arc<Opened>>,
    /// The schemas that it was checked for.
    schemas: Mutex<Vec<Weak<Schema>>>,
    /// Held while it is opened anew: why that failed last, and when.
    failed: Mutex<Option<(Instant, StoreError)>>,
}

impl Sqlite {
    /// Opens a database; one that is missing is made, if [`SqliteOptions::makes`] says so, an older
    /// one upgraded.
    ///
    /// A database that another program has made is taken as it is, if it has the
    /// views: see [`Store::check`].
    ///
    /// # Errors
    /// A file that cannot be opened or is no database, and one that a newer
    /// version of this program has made.
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let (opened, upgrade) = Opened::open(path, &options)?;
        Ok(Self {
            upgrade,
            _copy: None,
            inner: Arc::new(Inner {
                path: path.to_owned(),
                options,
                opened: RwLock::new(Arc::new(opened)),
                schemas: Mutex::default(),
                failed: Mutex::default(),
            }),
        })
    }

    /// Opens a database to read it for a moment. One that may not be written is copied: nobody needs
    /// the right to write in order to look into it. SQLite does, to take part in its log.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn open_to_read(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let refused = match Self::open(path, options.clone()) {
            Err(StoreError::Unavailable(text)) if path.exists() => StoreError::Unavailable(text),
            opened => return opened,
        };
        let Ok((directory, copy)) = copy::copied(path, options.busy_timeout) else {
            return Err(refused);
        };
        let mut store = Self::open(&copy, options).map_err(|_| refused)?;
        store._copy = Some(directory);
        Ok(store)
    }

    /// The result of opening it.
    #[must_use]
    pub fn upgrade(&self) -> &Upgrade {
        &self.upgrade
    }
}

impl Inner {
    fn opened(&self) -> Arc<Opened> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&opened)
    }

    fn check(&self, schema: &Arc<Schema>) -> Result<(), StoreError> {
        self.opened().check(schema)?;
        let mut schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        schemas.retain(|known| known.strong_count() > 0);
        if !schemas
            .iter()
            .any(|known| known.as_ptr() == Arc::as_ptr(schema))
        {
            schemas.push(Arc::downgrade(schema));
        }
        Ok(())
    }

    /// Opens the file that is at the path now, unless another thread has done it.
    ///
    /// # Errors
    /// No such file, and one that cannot be opened or does not fit the schemas. The one
    /// before is not read any more either way.
    fn open_anew(&self) -> Result<Arc<Opened>, StoreError> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.opened();
        if before.is_current() {
            return Ok(before);
        }
        before.retire();
        if let Some((at, error)) = failed.as_ref()
            && at.elapsed() < PAUSE
        {
            return Err(error.clone());
        }
        let result = self.try_open(&before);
        match result {
            Ok(opened) => {
                tracing::info!(
                    path = %self.path.display(),
                    "another file is at the path of the database, or its views were changed, or \
                     more was written than is followed: it was opened anew"
                );
                *failed = None;
                let opened = Arc::new(opened);
                *self.opened.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&opened);
                Ok(opened)
            }
            Err(error) => {
                *failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn try_open(&self, before: &Opened) -> Result<Opened, StoreError> {
        // Somebody may be about to put a file there: none is made.
        if !self.path.exists() {
            return Err(StoreError::Unavailable(format!(
                "there is no file `{}` any more",
                self.path.display()
            )));
        }
        if before.has_lost_its_index(&self.path) {
            let started = Instant::now();
            while !before.is_closed() {
                if started.elapsed() > CLOSING {
                    let text = "a read of the file goes on".to_owned();
                    return Err(StoreError::Unavailable(text));
                }
                std::thread::sleep(CLOSING / 200);
            }
        }
        let opened = Opened::open_again(&self.path, &self.options)?;
        let schemas: Vec<_> = {
            let schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
            schemas.iter().filter_map(Weak::upgrade).collect()
        };
        for schema in &schemas {
            // Callers may describe entities that the store does not serve: while the program
            // runs, no type may become theirs.
            let mut types = schema.entity_types().into_iter().map(|found| &found.name);
            if let Some(name) = types.find(|name| before.serves(name) && !opened.serves(name)) {
                return Err(StoreError::Misfit(format!(
                    "the view `{name}` is not there any more; if it is not to be, restart the \
                     program"
                )));
            }
            opened.check(schema)?;
        }
        Ok(opened)
    }

    /// Begins a read of the file that is at the path, with the changes since a state.
    fn begin(&self, since: Option<&Revision>) -> Result<Option<BegunRead>, StoreError> {
        let opened = self.opened();
        let before = opened.log_end();
        let read = Self::read(&opened, since);
        if opened.is_told() && read.is_ok() {
            match opened.commits_since(before) {
                Commits::Recorded => {}
                Commits::Unrecorded => {
                    tracing::warn!(
                        "something was written without a record, by `VACUUM` or with triggers off: \
                         the entities in memory are dropped"
                    );
                    opened.doubt();
                }
                Commits::Unseen => opened.doubt(),
            }
        }
        // Looked at when the transaction has its state: what was read before is of this file, and
        // what will be too. A file that came in between would share an index with this one.
        if opened.is_current() {
            read.map(Some)
        } else {
            Ok(None)
        }
    }

    fn read(opened: &Arc<Opened>, since: Option<&Revision>) -> Result<BegunRead, StoreError> {
        let unavailable = |error: rusqlite::Error| StoreError::Unavailable(error.to_string());
        let mut reader = opened.pool.reader()?;
        // A few microseconds, and no page of the file: not worth a thread.
        if reader.begin().map_err(unavailable)? == Begun::Changed {
            opened.doubt();
        }
        let changes = match since {
            // Another program may keep its revision as it likes.
            _ if !opened.is_told() => Changes::Untold,
            Some(since) if *since == reader.revision => Changes::Nothing,
            Some(since) => changes::since(&reader.connection, since).map_err(unavailable)?,
            None => Changes::Everything,
        };
        Ok(BegunRead {
            opened: Arc::clone(opened),
            reader,
            changes,
        })
    }
}

/// A transaction that was begun.
struct BegunRead {
    opened: Arc<Opened>,
    reader: pool::ReadingConnection,
    changes: Changes,
}

impl Store for Sqlite {
    fn serves(&self, entity_type: &EntityTypeName) -> bool {
        self.inner.opened().serves(entity_type)
    }

    fn links_view(&self) -> LinksView {
        views::links(&self.inner.opened().views)
    }

    fn names(&self, revision: &Revision) -> bool {
        if self.inner.opened().is_ours {
            revision.as_record().is_some()
        } else {
            revision.is_number() && revision.history().is_none()
        }
    }

    fn mark(&self) -> Option<Mark> {
        self.inner.opened().mark()
    }

    fn readers(&self) -> Option<(usize, usize)> {
        Some(self.inner.opened().pool.used())
    }

    fn check(&self, schema: &Arc<Schema>) -> Result<(), StoreError> {
        self.inner.check(schema)
    }

    fn snapshot(
        &self,
        schema: &Arc<Schema>,
        since: Option<&Revision>,
    ) -> StoreFuture<'_, Box<dyn Snapshot>> {
        let schema = Arc::clone(schema);
        let since = since.cloned();
        Box::pin(async move {
            loop {
                let permits = Arc::clone(&self.inner.opened().pool.permits);
                let permit = permits
                    .acquire_owned()
                    .await
                    .map_err(|error| StoreError::Unavailable(error.to_string()))?;
                let Some(read) = self.inner.begin(since.as_ref())? else {
                    drop(permit);
                    let inner = Arc::clone(&self.inner);
                    tokio::task::spawn_blocking(move || inner.open_anew())
                        .await
                        .map_err(|error| StoreError::Unavailable(error.to_string()))??;
                    continue;
                };
                let snapshot = SqliteSnapshot {
                    revision: read.reader.revision.clone(),
                    reader: Some(read.reader),
                    changes: read.changes,
                    schema,
                    views: Arc::clone(&read.opened.views),
                    by_id: Arc::clone(&read.opened.by_id),
                    pool: Arc::clone(&read.opened.pool),
                    _permit: permit,
                };
                return Ok(Box::new(snapshot) as Box<dyn Snapshot>);
            }
        })
    }
}
