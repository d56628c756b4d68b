//! PostgreSQL as tenancy store, read through one view per entity type.
//!
//! A read is one transaction at `REPEATABLE READ` on a connection from a pool; its
//! state is named by `pg_current_snapshot()`. What has changed since another state
//! is said by the records that triggers write: each has its transaction's id, and a
//! snapshot tells of any id whether it saw it, so that none is missed in whatever
//! order transactions commit. Everything has a time limit, and a connection on which
//! one ran out is closed and not used again.

mod candidates;
mod changes;
mod connect;
mod description;
mod gate;
mod lease;
mod listen;
mod migrate;
mod read;
mod snapshot;
mod write;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use cedar_policy::EntityTypeName;
use deadpool_postgres::Pool;
use tokio_postgres::error::SqlState;

use connect::Connector;
use description::Description;
use gate::Gate;
use lease::Lease;
use listen::Listener;
use snapshot::Reading;

use peppol_authz_engine::schema::Schema;
use peppol_authz_engine::store::{Answer, Revision, Snapshot, Store, StoreError};
use peppol_authz_engine::text::causes;

/// How a database is used.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Connections that read at once; a further read waits.
    pub readers: usize,
    /// How long connecting, and any one query of a read, may take.
    pub timeout: Duration,
    /// Certificates that vouch for the server, in PEM, in place of the system's.
    pub ca_certificate: Option<std::path::PathBuf>,
    /// Whether the tables of an empty or older database are brought up to date.
    pub migrate: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            readers: 16,
            timeout: Duration::from_secs(2),
            ca_certificate: None,
            migrate: true,
        }
    }
}

/// A database.
pub struct Postgres {
    connector: Connector,
    pool: Pool,
    options: PostgresOptions,
    description: RwLock<Option<Arc<Description>>>,
    gate: Gate,
    listener: Listener,
}

impl Postgres {
    /// A database at a URL. It is not connected to yet: one that is away is waited
    /// for.
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
            gate: Gate::default(),
            listener: Listener::default(),
        })
    }

    /// Makes the tables in an empty database, or brings older ones up to date.
    ///
    /// # Errors
    /// A database that cannot be reached, may not be changed, or is of a newer
    /// version.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migrate::migrate(&self.connector, self.options.timeout).await
    }

    /// What is known of the views; `None` before the first read.
    fn description(&self) -> Option<Arc<Description>> {
        self.description
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_description(&self, description: Arc<Description>) {
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
            .map_err(|error| StoreError::Unavailable(causes(&error)))
    }

    /// Begins a read, on a connection that may turn out to be dead.
    async fn begin(
        &self,
        schema: &Arc<Schema>,
        since: Option<&Revision>,
    ) -> Result<Reading, Failed> {
        let connection = self.connection().await?;
        let timeout = self.options.timeout;
        let before = self.description();
        let description = match before.clone().filter(|known| known.holds()) {
            Some(description) => description,
            None => {
                if self.options.migrate && before.is_none() {
                    self.migrate().await?;
                }
                let described = Description::read(connection.get()?);
                Arc::new(limited(timeout, described).await?)
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
        Reading::begin(connection, timeout, schema, description, since).await
    }
}

/// Why a read did not begin.
struct Failed {
    error: StoreError,
    /// The connection was dead before anything was asked: another may do.
    stale: bool,
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self {
            error,
            stale: false,
        }
    }
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        Self {
            stale: error.is_closed(),
            error: store_error(error),
        }
    }
}

impl Store for Postgres {
    fn serves(&self, entity_type: &EntityTypeName) -> bool {
        // Before it is known, nobody else may describe anything.
        self.description()
            .is_none_or(|found| found.serves(entity_type))
    }

    fn names(&self, revision: &Revision) -> bool {
        revision.is_number() || revision.is_snapshot()
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
    ) -> Answer<'_, Box<dyn Snapshot>> {
        let (schema, since) = (Arc::clone(schema), since.cloned());
        Box::pin(async move {
            let pass = self.gate.enter()?;
            // Connections that idled while the server went away are found out one by
            // one.
            let mut tries = self.options.readers + 1;
            let result = loop {
                match self.begin(&schema, since.as_ref()).await {
                    Err(Failed { stale: true, .. }) if tries > 0 => tries -= 1,
                    Err(Failed { error, .. }) => break Err(error),
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

/// Waits for a query no longer than that.
async fn limited<T>(
    timeout: Duration,
    query: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Failed> {
    match tokio::time::timeout(timeout, query).await {
        Ok(result) => result.map_err(Failed::from),
        Err(_) => Err(StoreError::Unavailable("no answer in time".to_owned()).into()),
    }
}

/// What is said of a statement behind one that was refused.
const AFTER_A_REFUSAL: &str = "an earlier statement was refused";

/// An error of the server as one of a store.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is the argument of `map_err`"
)]
fn store_error(error: tokio_postgres::Error) -> StoreError {
    let text = causes(&error);
    match error.code() {
        Some(&SqlState::IN_FAILED_SQL_TRANSACTION) => {
            StoreError::Misfit(AFTER_A_REFUSAL.to_owned())
        }
        // The views are not as they were described, or a right is missing.
        Some(code)
            if [
                &SqlState::UNDEFINED_TABLE,
                &SqlState::UNDEFINED_COLUMN,
                &SqlState::UNDEFINED_FUNCTION,
                &SqlState::INSUFFICIENT_PRIVILEGE,
                &SqlState::DATATYPE_MISMATCH,
            ]
            .contains(&code) =>
        {
            StoreError::Misfit(text)
        }
        _ => StoreError::Unavailable(text),
    }
}
