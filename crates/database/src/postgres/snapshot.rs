//! One read: a transaction on one connection.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cedar_policy::EntityUid;
use tokio_postgres::types::ToSql;

use super::changes::PostgresState;
use super::description::Description;
use super::failure::{AFTER_A_REFUSAL, BeginFailure, limited};
use super::lease::Lease;
use super::rewritten::unless_rewritten;
use super::{candidates, changes, few_tags, read};
use crate::select::statement;
use peppol_authz_engine::schema::{Row, Schema};
use peppol_authz_engine::store::{
    Candidates, Changes, LinkRow, Revision, Snapshot, StoreError, StoreFuture, TagKeys, Tags,
};

/// A statement of a search may look dear, and would be compiled for longer than it runs.
const NO_JIT: &str = "SET LOCAL jit = off";

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

pub(super) struct PostgresSnapshot {
    /// `None` once it has failed or has not answered in time: what a later query
    /// would read on it is anyone's guess.
    connection: Option<Lease>,
    timeout: Duration,
    schema: Arc<Schema>,
    description: Arc<Description>,
    revision: Revision,
    lag: Duration,
    changes: Changes,
    /// Why the server refused a statement, which ends the transaction.
    refusal: Option<String>,
}

impl PostgresSnapshot {
    /// One round trip: the transaction, its state and what has changed are asked for
    /// together.
    pub(super) async fn begin(
        connection: Lease,
        timeout: Duration,
        schema: &Arc<Schema>,
        description: Arc<Description>,
        since: Option<&Revision>,
    ) -> Result<Self, BeginFailure> {
        // Of a number, as of any name that is no snapshot, the records cannot be told.
        let since = since.filter(|since| since.is_snapshot());
        let ask_changes = description.ask_changes.as_ref().filter(|_| since.is_some());
        let name = since.map_or("", Revision::state);
        let limit = changes::LIMIT;
        let [text, int8] = changes::SINCE_TYPES;
        let parameters: [(&(dyn ToSql + Sync), _); 2] = [(&name, text), (&limit, int8)];
        let client = connection.get()?;
        // A little more than is waited for here: it ends what nobody waits for any more.
        let most = timeout.as_millis() + 100;
        let path = &description.search_path;
        let begin = format!(
            "{BEGIN}; SET LOCAL statement_timeout = {most}; {NO_JIT}; SET LOCAL search_path = {path}"
        );
        let asked = async {
            let records = async {
                match ask_changes {
                    Some(sql) => client.query_typed(sql, &parameters).await,
                    None => Ok(Vec::new()),
                }
            };
            // In this order: the first to be polled is the first to be sent.
            let (begun, state, records) = tokio::join!(
                biased;
                client.batch_execute(&begin),
                async {
                    // Prepared: to plan it takes longer than to run it.
                    let statement = client.prepare_cached(&description.ask_state).await?;
                    client.query_one(&statement, &[]).await
                },
                records
            );
            begun?;
            Ok((state?, records?))
        };
        let (state, records) = limited(timeout, asked).await?;
        let PostgresState {
            revision,
            lag,
            is_as_described,
        } = changes::state(&state, &description)?;
        if !is_as_described {
            return Err(BeginFailure::moved());
        }
        let changes = match since {
            _ if !description.told => Changes::Untold,
            Some(_) => changes::changes(&records, &description)?,
            None => Changes::Everything,
        };
        Ok(Self {
            connection: Some(connection),
            timeout,
            schema: Arc::clone(schema),
            description,
            revision,
            lag,
            changes,
            refusal: None,
        })
    }

    /// Runs a query within the time limit; one that fails is the last.
    async fn query<T, F>(
        &mut self,
        query: impl FnOnce(Arc<Lease>, Arc<Schema>, Arc<Description>) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let lost = || StoreError::Unavailable("the connection was lost".to_owned());
        let connection = Arc::new(self.connection.take().ok_or_else(lost)?);
        let asked = query(
            Arc::clone(&connection),
            Arc::clone(&self.schema),
            Arc::clone(&self.description),
        );
        let answered = tokio::time::timeout(self.timeout, asked).await;
        let connection = Arc::into_inner(connection).ok_or_else(lost)?;
        match answered {
            Ok(Ok(found)) => {
                self.connection = Some(connection);
                Ok(found)
            }
            // Contents that do not fit are no fault of the connection. Of several statements that
            // the server refuses, the first one names the problem.
            Ok(Err(StoreError::Misfit(text))) => {
                self.description.doubt();
                self.connection = Some(connection);
                let text = match &self.refusal {
                    Some(first) if text == AFTER_A_REFUSAL => first.clone(),
                    _ => text,
                };
                self.refusal = Some(text.clone());
                Err(StoreError::Misfit(text))
            }
            Ok(Err(error @ StoreError::Moved(_))) => {
                self.connection = Some(connection);
                Err(error)
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(StoreError::Unavailable("no answer in time".to_owned())),
        }
    }
}

impl Snapshot for PostgresSnapshot {
    fn revision(&self) -> &Revision {
        &self.revision
    }

    fn changes(&self) -> &Changes {
        &self.changes
    }

    fn lag(&self) -> Duration {
        self.lag
    }

    fn entities<'a>(&'a mut self, uids: &'a [EntityUid]) -> StoreFuture<'a, Vec<Option<Row>>> {
        Box::pin(self.query(move |client, schema, description| async move {
            let client = client.get()?;
            let read = read::entities(client, &schema, &description, uids);
            unless_rewritten(client, &description.rewritten, read).await
        }))
    }

    fn tags<'a>(&'a mut self, wanted: &'a [(EntityUid, TagKeys)]) -> StoreFuture<'a, Vec<Tags>> {
        Box::pin(self.query(move |client, schema, description| async move {
            let client = client.get()?;
            let read = read::tags(client, &schema, &description, wanted);
            unless_rewritten(client, &description.rewritten, read).await
        }))
    }

    fn few_tags<'a>(
        &'a mut self,
        uids: &'a [EntityUid],
        most: usize,
    ) -> StoreFuture<'a, Vec<Option<Tags>>> {
        Box::pin(self.query(move |client, schema, description| async move {
            let client = client.get()?;
            // Before the read, which is then sent at once, and before what checks it.
            let prepared = few_tags::prepare(client, &schema, &description, uids, most).await?;
            let wanted = (uids, most);
            let read = few_tags::few_tags(client, &schema, &description, &prepared, wanted);
            if prepared.is_empty() {
                return read.await;
            }
            unless_rewritten(client, &description.rewritten, read).await
        }))
    }

    fn links(&mut self, most: usize) -> StoreFuture<'_, Vec<LinkRow>> {
        Box::pin(self.query(move |client, _, description| async move {
            let client = client.get()?;
            let read = read::links(client, most);
            unless_rewritten(client, &description.rewritten, read).await
        }))
    }

    fn candidates<'a>(&'a mut self, wanted: &'a Candidates) -> StoreFuture<'a, Vec<String>> {
        if !self.description.serves(&wanted.of) {
            return Box::pin(std::future::ready(Ok(Vec::new())));
        }
        Box::pin(self.query(move |client, _, description| async move {
            let statement = statement(&candidates::PostgresDialect(&description), wanted);
            let client = client.get()?;
            let read = candidates::ids(client, &statement);
            unless_rewritten(client, &description.rewritten, read).await
        }))
    }

    fn statement(&self, wanted: &Candidates) -> Option<String> {
        let dialect = candidates::PostgresDialect(&self.description);
        Some(statement(&dialect, wanted).sql)
    }
}

impl Drop for PostgresSnapshot {
    /// Ends the transaction and gives the connection back, beside whatever goes on.
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let timeout = self.timeout;
        runtime.spawn(async move {
            let ended = match connection.get() {
                Ok(client) => limited(timeout, client.batch_execute("ROLLBACK"))
                    .await
                    .is_ok(),
                Err(_) => false,
            };
            if ended {
                connection.give_back();
            }
        });
    }
}
