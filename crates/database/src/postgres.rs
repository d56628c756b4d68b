//! PostgreSQL as tenancy store, read through one view per entity type.
//!
//! A read is one transaction at `REPEATABLE READ` on a connection from a pool; its
//! state is named by `pg_current_snapshot()`. What has changed since another state
//! is said by the records that triggers write: each has its transaction's id, and a
//! snapshot tells of any id whether it saw it, so that none is missed in whatever
//! order transactions commit. Everything has a time limit, and a connection on which
//! one ran out is closed and not used again.

mod additions;
mod applied;
mod by_id;
mod candidates;
mod changes;
mod check;
mod connect;
mod dependence;
mod description;
mod digest;
mod entities;
mod export;
mod failure;
mod few_tags;
mod gate;
mod lease;
mod listen;
mod migrate;
mod notes;
mod of_entities;
mod options;
mod others;
mod parents;
mod password;
mod prune;
mod read;
mod records;
mod refusal;
mod relations;
mod rewritten;
mod session;
mod shipped;
mod snapshot;
mod tags;
mod upgrade;
mod write;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use cedar_policy::EntityTypeName;
use deadpool_postgres::{Pool, PoolError};

use connect::Connector;
use description::Description;
use failure::{BeginFailure, limited, said, store_error};
use gate::Gate;
use lease::Lease;
use listen::Listener;
use session::Sessions;
use snapshot::PostgresSnapshot;

use crate::migration::Upgrade;
use crate::views;
pub(super) use candidates::like_pattern;
pub use options::PostgresOptions;
use peppol_authz_engine::schema::{LINKS_VIEW, Schema};
use peppol_authz_engine::store::{LinksView, Revision, Snapshot, Store, StoreError, StoreFuture};
use peppol_authz_engine::text::causes;

/// A database.
pub struct Postgres {
    connector: Connector,
    pool: Pool,
    options: PostgresOptions,
    description: RwLock<Option<Arc<Description>>>,
    sessions: Arc<Sessions>,
    gate: Gate,
    listener: Listener,
}

impl Postgres {
    /// A database at a URL. No connection is made yet: the database may come up later.
    ///
    /// # Errors
    /// A URL or certificates that cannot be used.
    pub fn new(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        let connector = Connector::new(url, &options)?;
        let pool = connector.pool(&options)?;
        Ok(Self {
            connector,
            pool,
            options,
            description: RwLock::new(None),
            sessions: Arc::default(),
            gate: Gate::default(),
            listener: Listener::default(),
        })
    }

    /// Makes the tables in an empty database, or brings older ones up to date.
    ///
    /// # Errors
    /// A database that cannot be reached, may not be changed, or is of a newer
    /// version.
    pub async fn migrate(&self) -> Result<Upgrade, StoreError> {
        upgrade::upgrade(&self.connector, &self.options).await
    }

    /// Returns when the server takes a connection.
    ///
    /// # Errors
    /// A server that cannot be reached, or refuses the role.
    pub async fn reach(&self) -> Result<(), StoreError> {
        let connected = limited(self.options.timeout, self.connector.connect()).await;
        connected.map(drop).map_err(|failed| failed.error)
    }

    /// Returns true if the database has all that this program would give it; none where another program
    /// has made it. Nothing is changed.
    ///
    /// # Errors
    /// One that has other additions, or cannot be read.
    pub async fn is_up_to_date(&self) -> Result<Option<bool>, StoreError> {
        let (client, connection) = self.connector.connect().await.map_err(store_error)?;
        let task = tokio::spawn(connection);
        let found = upgrade::is_up_to_date(&client, &self.options).await;
        drop(client);
        task.abort();
        found
    }

    /// The clock of the server.
    ///
    /// # Errors
    /// A server that cannot be reached.
    pub async fn clock(&self) -> Result<SystemTime, StoreError> {
        let connection = self.connection().await?;
        let sql = "SELECT extract(epoch FROM clock_timestamp())::float8";
        let asked = connection.get()?.query_typed_one(sql, &[]);
        let row = limited(self.options.timeout, asked).await;
        let row = row.map_err(|failed| failed.error)?;
        let seconds: f64 = row.try_get(0).map_err(store_error)?;
        let since = Duration::try_from_secs_f64(seconds);
        let since = since.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(SystemTime::UNIX_EPOCH + since)
    }

    /// The description of the views; `None` before the first read.
    fn description(&self) -> Option<Arc<Description>> {
        self.description
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Statements prepared before were planned for the views and the sizes of tables of that time.
    fn set_description(&self, description: Arc<Description>) {
        self.pool.manager().statement_caches.clear();
        *self
            .description
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(description);
    }

    async fn connection(&self) -> Result<Lease, StoreError> {
        self.pool
            .get()
            .await
            .map(Lease::new)
            .map_err(|error| match error {
                PoolError::Backend(error) => StoreError::Unavailable(said(&error)),
                other => StoreError::Unavailable(causes(&other)),
            })
    }

    /// Begins a read, on a connection that may turn out to be dead.
    async fn begin(
        &self,
        schema: &Arc<Schema>,
        since: Option<&Revision>,
    ) -> Result<PostgresSnapshot, BeginFailure> {
        let connection = self.connection().await?;
        let timeout = self.options.timeout;
        let before = self.description();
        let known = before
            .clone()
            .filter(|known| known.holds() && known.describes(schema));
        let description = match known {
            Some(description) => description,
            None => {
                if self.options.migrate && before.is_none() {
                    self.migrate().await?;
                }
                let mut names: BTreeSet<String> = views::names(schema).collect();
                names.insert(LINKS_VIEW.to_owned());
                names.extend(before.iter().flat_map(|before| before.described().clone()));
                let described = Description::read(connection.get()?, names, before.as_deref());
                let described = Arc::new(limited(timeout, described).await?);
                // Behind it: views that were made anew meanwhile are another state.
                let additions = self.options.additions.as_deref();
                let compared = additions::check_complete(connection.get()?, additions);
                let late = |_| StoreError::Unavailable("no answer in time".to_owned());
                tokio::time::timeout(timeout, compared)
                    .await
                    .map_err(late)??;
                described
            }
        };
        description.check(schema)?;
        let is_new = !matches!(&before, Some(before) if Arc::ptr_eq(before, &description));
        if is_new {
            if let Some(before) = &before {
                description.check_after(before, schema)?;
            }
            self.set_description(Arc::clone(&description));
        }
        let of = (description, Arc::clone(&self.sessions));
        let snapshot = PostgresSnapshot::begin(connection, timeout, schema, of, since).await?;
        if snapshot.has_many_changes() {
            // So were the plans for tables that much was added to.
            self.pool.manager().statement_caches.clear();
        }
        Ok(snapshot)
    }
}

impl Store for Postgres {
    fn serves(&self, entity_type: &EntityTypeName) -> bool {
        // Before it is known, nobody else may describe anything.
        self.description()
            .is_none_or(|found| found.serves(entity_type))
    }

    fn readers(&self) -> Option<(usize, usize)> {
        let pool = self.pool.status();
        let used = pool.size.saturating_sub(pool.available);
        Some((used, pool.max_size))
    }

    fn links_view(&self) -> LinksView {
        let description = self.description();
        description.map_or(LinksView::NotKnown, |found| {
            views::links(&found.relations.columns)
        })
    }

    fn names(&self, revision: &Revision) -> bool {
        let is_ours = self
            .description()
            .and_then(|known| Some(known.records.as_ref()?.has_history));
        let fits = is_ours.is_none_or(|ours| ours == revision.history().is_some());
        fits && (revision.is_number() || revision.is_snapshot())
    }

    fn check(&self, schema: &Arc<Schema>) -> Result<(), StoreError> {
        match self.description() {
            Some(description) => description.check(schema),
            // With the first read.
            None => Ok(()),
        }
    }

    fn snapshot(
        &self,
        schema: &Arc<Schema>,
        since: Option<&Revision>,
    ) -> StoreFuture<'_, Box<dyn Snapshot>> {
        let (schema, since) = (Arc::clone(schema), since.cloned());
        Box::pin(async move {
            let pass = self.gate.enter()?;
            // Connections that idled while the server went away are found out one by
            // one.
            let mut tries = self.options.readers + 1;
            let result = loop {
                match self.begin(&schema, since.as_ref()).await {
                    Err(BeginFailure { stale: true, .. }) if tries > 0 => tries -= 1,
                    Err(BeginFailure { error, .. }) => break Err(error),
                    Ok(reading) => break Ok(Box::new(reading) as Box<dyn Snapshot>),
                }
            };
            if matches!(result, Err(StoreError::Misfit(_) | StoreError::Version(_)))
                && let Some(description) = self.description()
            {
                description.doubt();
            }
            pass.leave(result.as_ref().err());
            result
        })
    }

    fn woken(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.listener.woken(&self.connector))
    }
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").finish_non_exhaustive()
    }
}
