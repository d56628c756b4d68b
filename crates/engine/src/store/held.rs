//! A store that stays at one state, for work that takes longer than a question.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use cedar_policy::EntityUid;
use tokio::sync::Mutex;

use super::over::named_as_its_store;
use super::{
    Candidates, Changes, LinkRow, Revision, Snapshot, Store, StoreError, StoreFuture, TagKeys, Tags,
};
use crate::schema::{Row, Schema};

/// One state of another store. It is read for as long as this lives, and whatever is written
/// meanwhile is not seen.
pub struct HeldStore {
    store: Arc<dyn Store>,
    schema: Arc<Schema>,
    snapshot: Arc<Mutex<Box<dyn Snapshot>>>,
    revision: Revision,
    lag: Duration,
}

impl HeldStore {
    /// Holds the newest state.
    ///
    /// # Errors
    /// A store that cannot be read, or does not fit the schema.
    pub async fn of(store: Arc<dyn Store>, schema: &Arc<Schema>) -> Result<Self, StoreError> {
        store.check(schema)?;
        let snapshot = store.snapshot(schema, None).await?;
        Ok(Self {
            revision: snapshot.revision().clone(),
            lag: snapshot.lag(),
            schema: Arc::clone(schema),
            snapshot: Arc::new(Mutex::new(snapshot)),
            store,
        })
    }

    /// The state.
    #[must_use]
    pub fn revision(&self) -> &Revision {
        &self.revision
    }
}

impl Store for HeldStore {
    named_as_its_store!();

    fn check(&self, schema: &Arc<Schema>) -> Result<(), StoreError> {
        match self.schema.is_same(schema) {
            true => Ok(()),
            false => Err(StoreError::Misfit(
                "the state is held for another schema".to_owned(),
            )),
        }
    }

    fn snapshot(
        &self,
        _: &Arc<Schema>,
        since: Option<&Revision>,
    ) -> StoreFuture<'_, Box<dyn Snapshot>> {
        let part = HeldSnapshot {
            snapshot: Arc::clone(&self.snapshot),
            revision: self.revision.clone(),
            changes: match since {
                Some(_) => Changes::Nothing,
                None => Changes::Everything,
            },
            lag: self.lag,
        };
        Box::pin(std::future::ready(Ok(Box::new(part) as Box<dyn Snapshot>)))
    }

    fn woken(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

/// A share in the snapshot.
struct HeldSnapshot {
    snapshot: Arc<Mutex<Box<dyn Snapshot>>>,
    revision: Revision,
    changes: Changes,
    lag: Duration,
}

impl Snapshot for HeldSnapshot {
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
        Box::pin(async move { self.snapshot.lock().await.entities(uids).await })
    }

    fn tags<'a>(&'a mut self, wanted: &'a [(EntityUid, TagKeys)]) -> StoreFuture<'a, Vec<Tags>> {
        Box::pin(async move { self.snapshot.lock().await.tags(wanted).await })
    }

    fn few_tags<'a>(
        &'a mut self,
        uids: &'a [EntityUid],
        most: usize,
    ) -> StoreFuture<'a, Vec<Option<Tags>>> {
        Box::pin(async move { self.snapshot.lock().await.few_tags(uids, most).await })
    }

    fn links(&mut self, most: usize) -> StoreFuture<'_, Vec<LinkRow>> {
        Box::pin(async move { self.snapshot.lock().await.links(most).await })
    }

    fn candidates<'a>(&'a mut self, wanted: &'a Candidates) -> StoreFuture<'a, Vec<String>> {
        Box::pin(async move { self.snapshot.lock().await.candidates(wanted).await })
    }

    fn statement(&self, wanted: &Candidates) -> Option<String> {
        self.snapshot.try_lock().ok()?.statement(wanted)
    }
}
