//! One read: a transaction on one connection.

use std::collections::HashSet;
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};
use rusqlite::{Connection, InterruptHandle};
use tokio::sync::OwnedSemaphorePermit;

use super::candidates::{SqliteDialect, ids};
use super::changes;
use super::few_tags::few_tags;
use super::pool::{Pool, ReadingConnection};
use super::read;
use super::worker_read::FEW;
use crate::select::statement;
use crate::views::Views;
use peppol_authz_engine::schema::{Row, Schema};
use peppol_authz_engine::store::{
    Candidates, Changes, LinkRow, Revision, Snapshot, StoreError, StoreFuture, TagKeys, Tags,
};

/// A transaction on one reader. The reader is away while it is used; one that does not come back is not used again.
pub(super) struct SqliteSnapshot {
    pub(super) reader: Option<ReadingConnection>,
    pub(super) revision: Revision,
    pub(super) changes: Changes,
    pub(super) schema: Arc<Schema>,
    pub(super) views: Arc<Views>,
    /// The views of tags that find those of one entity in an index.
    pub(super) by_id: Arc<HashSet<String>>,
    pub(super) pool: Arc<Pool>,
    pub(super) _permit: OwnedSemaphorePermit,
}

impl SqliteSnapshot {
    /// Runs a query about so many things: here if it is a short one, and else on a thread for such work.
    async fn query<T: Send + 'static>(
        &mut self,
        many: usize,
        query: impl Fn(&Connection, &Schema) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let lost = || StoreError::Unavailable("a reader was lost".to_owned());
        let reader = self.reader.take().ok_or_else(lost)?;
        if many <= FEW {
            let here = || query(&reader.connection, &self.schema);
            if let Some(result) = self.pool.worker_reads.read(&reader.budget, here) {
                self.reader = Some(reader);
                return result;
            }
        }
        let schema = Arc::clone(&self.schema);
        let interrupt = reader.connection.get_interrupt_handle();
        let task = tokio::task::spawn_blocking(move || {
            let result = query(&reader.connection, &schema);
            (reader, result)
        });
        let mut guard = QueryGuard {
            task: task.abort_handle(),
            interrupt: Some(interrupt),
        };
        let (reader, result) = task.await.map_err(|_| lost())?;
        guard.interrupt = None;
        self.reader = Some(reader);
        result
    }
}

/// Ends a query that nobody waits for any more, begun or not: a scan would keep a
/// thread and a core for as long as it takes.
struct QueryGuard {
    task: tokio::task::AbortHandle,
    /// `None` once the query has ended by itself.
    interrupt: Option<InterruptHandle>,
}

impl Drop for QueryGuard {
    fn drop(&mut self) {
        if let Some(interrupt) = self.interrupt.take() {
            self.task.abort();
            interrupt.interrupt();
        }
    }
}

impl Snapshot for SqliteSnapshot {
    fn revision(&self) -> &Revision {
        &self.revision
    }

    fn changes(&self) -> &Changes {
        &self.changes
    }

    fn holds<'a>(&'a mut self, revision: &'a Revision) -> StoreFuture<'a, Option<bool>> {
        let held = self.revision.holds(revision);
        if held.is_some() || revision.as_record().is_none() {
            return Box::pin(std::future::ready(Ok(held)));
        }
        let revision = revision.clone();
        Box::pin(self.query(1, move |connection, _| {
            changes::holds(connection, &revision)
                .map_err(|error| StoreError::Unavailable(error.to_string()))
        }))
    }

    fn entities<'a>(&'a mut self, uids: &'a [EntityUid]) -> StoreFuture<'a, Vec<Option<Row>>> {
        let (uids, views) = (uids.to_vec(), Arc::clone(&self.views));
        Box::pin(self.query(uids.len(), move |connection, schema| {
            let serves = |name: &EntityTypeName| views.contains_key(&name.to_string());
            uids.iter()
                .map(|uid| read::entity(connection, schema, &serves, uid))
                .collect()
        }))
    }

    fn tags<'a>(&'a mut self, wanted: &'a [(EntityUid, TagKeys)]) -> StoreFuture<'a, Vec<Tags>> {
        let wanted = wanted.to_vec();
        let many = wanted.iter().map(|(_, keys)| match keys {
            TagKeys::Only(keys) => keys.len(),
            TagKeys::All => 1,
        });
        Box::pin(self.query(many.sum(), move |connection, schema| {
            wanted
                .iter()
                .map(|(uid, keys)| read::tags(connection, schema, uid, keys))
                .collect()
        }))
    }

    fn few_tags<'a>(
        &'a mut self,
        uids: &'a [EntityUid],
        most: usize,
    ) -> StoreFuture<'a, Vec<Option<Tags>>> {
        let (uids, by_id) = (uids.to_vec(), Arc::clone(&self.by_id));
        Box::pin(self.query(uids.len(), move |connection, schema| {
            uids.iter()
                .map(|uid| few_tags(connection, schema, &by_id, uid, most))
                .collect()
        }))
    }

    fn links(&mut self, most: usize) -> StoreFuture<'_, Vec<LinkRow>> {
        Box::pin(self.query(usize::MAX, move |connection, _| {
            read::links(connection, most)
        }))
    }

    fn candidates<'a>(&'a mut self, wanted: &'a Candidates) -> StoreFuture<'a, Vec<String>> {
        let view = wanted.of.to_string();
        if !self.views.contains_key(&view) {
            return Box::pin(std::future::ready(Ok(Vec::new())));
        }
        let statement = statement(&SqliteDialect, wanted);
        Box::pin(self.query(usize::MAX, move |connection, _| {
            ids(connection, &view, &statement)
        }))
    }

    fn statement(&self, wanted: &Candidates) -> Option<String> {
        Some(statement(&SqliteDialect, wanted).sql)
    }
}

impl Drop for SqliteSnapshot {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take()
            && reader.end().is_ok()
        {
            self.pool.put_back(reader);
        }
    }
}
