//! One read: a transaction on one connection.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cedar_policy::EntityUid;

use super::changes::PostgresState;
use super::description::Description;
use super::failure::{AFTER_A_REFUSAL, BeginFailure, limited};
use super::lease::Lease;
use super::read::ReadNeeds;
use super::records::STATE_TYPES;
use super::rewritten::unless_rewritten;
use super::session::{Session, Sessions};
use super::{candidates, changes, entities, few_tags, read, tags};
use crate::select::statement;
use peppol_authz_engine::schema::{Row, Schema};
use peppol_authz_engine::store::{
    Candidates, Changes, FoundTogether, LinkRow, Revision, Snapshot, StoreError, StoreFuture,
    TagKeys, Tags, Together,
};

/// A statement of a search may look dear, and would be compiled for longer than it runs.
const NO_JIT: &str = "SET LOCAL jit = off";

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

pub(super) struct PostgresSnapshot {
    /// `None` once it has failed or has not answered in time: nobody knows the state
    /// that a later query would read on it.
    connection: Option<Lease>,
    /// True if the connection has marked its session, which counts once the transaction is committed.
    marks: bool,
    timeout: Duration,
    schema: Arc<Schema>,
    description: Arc<Description>,
    sessions: Arc<Sessions>,
    revision: Revision,
    lag: Duration,
    changes: Changes,
    /// True if the transaction may be one that the server rolls back.
    has_failed: bool,
    /// True if much has changed at once.
    has_many_changes: bool,
    /// Why the server refused a statement, which ends the transaction.
    refusal: Option<String>,
}

/// All that a query needs.
struct Reading {
    connection: Lease,
    schema: Arc<Schema>,
    description: Arc<Description>,
    sessions: Arc<Sessions>,
}

impl Reading {
    fn read(&self) -> Result<ReadNeeds<'_>, StoreError> {
        Ok(ReadNeeds {
            session: Session {
                client: self.connection.get()?,
                sessions: &self.sessions,
            },
            schema: &self.schema,
            description: &self.description,
        })
    }
}

impl PostgresSnapshot {
    /// One round trip: the transaction, its state and what has changed are asked for
    /// together.
    pub(super) async fn begin(
        connection: Lease,
        timeout: Duration,
        schema: &Arc<Schema>,
        (description, sessions): (Arc<Description>, Arc<Sessions>),
        since: Option<&Revision>,
    ) -> Result<Self, BeginFailure> {
        // Of a number, as of any name that is no snapshot, the records cannot be told.
        let since = since.filter(|since| since.is_snapshot());
        let ask_changes = description.ask_changes.as_ref().filter(|_| since.is_some());
        let name = since.map_or("", Revision::state);
        let client = connection.get()?;
        let session = Session {
            client,
            sessions: &sessions,
        };
        // A little more than is waited for here: it ends what nobody waits for any more.
        let most = timeout.as_millis() + 100;
        let path = &description.search_path;
        let opening = sessions.opening(client);
        let begin = format!(
            "{BEGIN}; SET LOCAL statement_timeout = {most}; {NO_JIT}; SET LOCAL search_path = {path}{}",
            opening.sql
        );
        let known = description.known();
        let held = known.as_ref().map_or("", |known| &known.snapshot);
        let asked = async {
            let state = async {
                let ask = description.ask_state.clone();
                let statement = session.statement(ask, &STATE_TYPES);
                session.rows(&statement, &[&held]).await
            };
            let records = async {
                let Some(ask) = ask_changes.cloned() else {
                    return Ok(Vec::new());
                };
                let statement = session.statement(ask, &changes::SINCE_TYPES);
                session.rows(&statement, &[&name, &changes::LIMIT]).await
            };
            // In this order: the first to be polled is the first to be sent.
            let (begun, state, records) = tokio::join!(
                biased;
                client.simple_query(&begin),
                state,
                records
            );
            // Another session may have any statement under the name of ours: its answers count for nothing.
            if !opening.is_kept(&begun?) {
                sessions.note_another();
                return Ok(None);
            }
            Ok(Some((state?, records?)))
        };
        let Some((state, records)) = limited(timeout, asked).await? else {
            return Err(BeginFailure::swapped());
        };
        let none = || StoreError::Unavailable("the server names no state".to_owned());
        let state = state.first().ok_or_else(none)?;
        let PostgresState {
            revision,
            lag,
            is_as_described,
        } = changes::state(state, &description, known.as_deref())?;
        if !is_as_described {
            return Err(BeginFailure::moved());
        }
        let has_many_changes = changes::are_many(&records);
        let changes = match since {
            _ if !description.told => Changes::Untold,
            Some(_) => changes::changes(&records, &description)?,
            None => Changes::Everything,
        };
        Ok(Self {
            marks: opening.marks,
            connection: Some(connection),
            timeout,
            schema: Arc::clone(schema),
            description,
            sessions,
            revision,
            lag,
            changes,
            has_failed: false,
            has_many_changes,
            refusal: None,
        })
    }

    /// Returns true if much has changed at once since the state that it was begun with.
    pub(super) fn has_many_changes(&self) -> bool {
        self.has_many_changes
    }

    /// Runs a query within the time limit; one that fails is the last.
    async fn query<T, F>(&mut self, query: impl FnOnce(Arc<Reading>) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let lost = || StoreError::Unavailable("the connection was lost".to_owned());
        let reading = Arc::new(Reading {
            connection: self.connection.take().ok_or_else(lost)?,
            schema: Arc::clone(&self.schema),
            description: Arc::clone(&self.description),
            sessions: Arc::clone(&self.sessions),
        });
        let asked = query(Arc::clone(&reading));
        let answered = tokio::time::timeout(self.timeout, asked).await;
        let connection = Arc::into_inner(reading).ok_or_else(lost)?.connection;
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
                self.has_failed = true;
                let text = match &self.refusal {
                    Some(first) if text == AFTER_A_REFUSAL => first.clone(),
                    _ => text,
                };
                self.refusal = Some(text.clone());
                Err(StoreError::Misfit(text))
            }
            Ok(Err(error @ StoreError::Moved(_))) => {
                self.connection = Some(connection);
                self.has_failed = true;
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
        Box::pin(self.query(move |reading| async move {
            let read = reading.read()?;
            let prepared = entities::prepare(read, uids)?;
            let found = entities::entities(read, &prepared, uids);
            unless_rewritten(read.session, &read.description.rewritten, found).await
        }))
    }

    fn tags<'a>(&'a mut self, wanted: &'a [(EntityUid, TagKeys)]) -> StoreFuture<'a, Vec<Tags>> {
        Box::pin(self.query(move |reading| async move {
            let read = reading.read()?;
            let prepared = tags::prepare(read, wanted)?;
            let found = tags::tags(read, &prepared, wanted);
            unless_rewritten(read.session, &read.description.rewritten, found).await
        }))
    }

    fn few_tags<'a>(
        &'a mut self,
        uids: &'a [EntityUid],
        most: usize,
    ) -> StoreFuture<'a, Vec<Option<Tags>>> {
        Box::pin(self.query(move |reading| async move {
            let read = reading.read()?;
            let prepared = few_tags::prepare(read, uids, most)?;
            let found = few_tags::few_tags(read, &prepared, (uids, most));
            if prepared.is_empty() {
                return found.await;
            }
            unless_rewritten(read.session, &read.description.rewritten, found).await
        }))
    }

    fn together<'a>(&'a mut self, wanted: Together<'a>) -> StoreFuture<'a, FoundTogether> {
        Box::pin(self.query(move |reading| async move {
            let read = reading.read()?;
            let (uids, few, most) = (wanted.entities, wanted.few_tags, wanted.most);
            let prepared = entities::prepare(read, uids)?;
            let prepared_few = few_tags::prepare(read, few, most)?;
            let prepared_tags = tags::prepare(read, wanted.tags)?;
            let found = async {
                let (entities, few_tags, tags) = tokio::try_join!(
                    entities::entities(read, &prepared, uids),
                    few_tags::few_tags(read, &prepared_few, (few, most)),
                    tags::tags(read, &prepared_tags, wanted.tags)
                )?;
                Ok::<_, StoreError>(FoundTogether {
                    entities,
                    few_tags,
                    tags,
                })
            };
            unless_rewritten(read.session, &read.description.rewritten, found).await
        }))
    }

    fn links(&mut self, most: usize) -> StoreFuture<'_, Vec<LinkRow>> {
        Box::pin(self.query(move |reading| async move {
            let read = reading.read()?;
            let found = read::links(read.session.client, most);
            unless_rewritten(read.session, &read.description.rewritten, found).await
        }))
    }

    fn candidates<'a>(&'a mut self, wanted: &'a Candidates) -> StoreFuture<'a, Vec<String>> {
        if !self.description.serves(&wanted.of) {
            return Box::pin(std::future::ready(Ok(Vec::new())));
        }
        Box::pin(self.query(move |reading| async move {
            let read = reading.read()?;
            let statement = statement(&candidates::PostgresDialect(read.description), wanted);
            let found = candidates::ids(read.session.client, &statement);
            unless_rewritten(read.session, &read.description.rewritten, found).await
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
        if self.marks && self.has_failed {
            // Its mark would be gone.
            return;
        }
        let timeout = self.timeout;
        runtime.spawn(async move {
            let ended = match connection.get() {
                Ok(client) => limited(timeout, client.batch_execute("COMMIT"))
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
