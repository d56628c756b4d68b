//! A store as it would be with one other value.

use std::sync::Arc;
use std::time::Duration;

use cedar_policy::{EntityTypeName, EntityUid};

use super::{
    Candidates, Changes, Condition, LinkRow, LinksView, Revision, Snapshot, Store, StoreError,
    StoreFuture, TagKeys, Tags,
};
use crate::schema::{Row, Schema, Value};

/// Another store, with another value of one attribute of one entity. Nothing is written.
pub struct SupposedStore {
    store: Arc<dyn Store>,
    supposed: Arc<Supposed>,
}

/// The other value.
struct Supposed {
    uid: EntityUid,
    attribute: Arc<str>,
    value: Value,
}

impl SupposedStore {
    /// As if this entity had this value.
    #[must_use]
    pub fn of(store: Arc<dyn Store>, uid: EntityUid, attribute: Arc<str>, value: Value) -> Self {
        let supposed = Arc::new(Supposed {
            uid,
            attribute,
            value,
        });
        Self { store, supposed }
    }
}

impl Store for SupposedStore {
    fn serves(&self, entity_type: &EntityTypeName) -> bool {
        self.store.serves(entity_type)
    }

    fn tells_absence(&self, entity_type: &EntityTypeName) -> bool {
        self.store.tells_absence(entity_type)
    }

    fn speaks_of(&self, entity_type: &EntityTypeName, schema: &Schema) -> bool {
        self.store.speaks_of(entity_type, schema)
    }

    fn links_view(&self) -> LinksView {
        self.store.links_view()
    }

    fn names(&self, revision: &Revision) -> bool {
        self.store.names(revision)
    }

    fn check(&self, schema: &Arc<Schema>) -> Result<(), StoreError> {
        self.store.check(schema)
    }

    fn snapshot(
        &self,
        schema: &Arc<Schema>,
        since: Option<&Revision>,
    ) -> StoreFuture<'_, Box<dyn Snapshot>> {
        let (schema, since) = (Arc::clone(schema), since.cloned());
        Box::pin(async move {
            let snapshot = self.store.snapshot(&schema, since.as_ref()).await?;
            let supposed = Arc::clone(&self.supposed);
            Ok(Box::new(SupposedSnapshot { snapshot, supposed }) as Box<dyn Snapshot>)
        })
    }
}

struct SupposedSnapshot {
    snapshot: Box<dyn Snapshot>,
    supposed: Arc<Supposed>,
}

impl Snapshot for SupposedSnapshot {
    fn revision(&self) -> &Revision {
        self.snapshot.revision()
    }

    fn changes(&self) -> &Changes {
        self.snapshot.changes()
    }

    fn lag(&self) -> Duration {
        self.snapshot.lag()
    }

    fn entities<'a>(&'a mut self, uids: &'a [EntityUid]) -> StoreFuture<'a, Vec<Option<Row>>> {
        Box::pin(async move {
            let mut rows = self.snapshot.entities(uids).await?;
            let Supposed {
                uid,
                attribute,
                value,
            } = &*self.supposed;
            for row in rows.iter_mut().flatten().filter(|row| row.uid == *uid) {
                row.attributes.insert(Arc::clone(attribute), value.clone());
            }
            Ok(rows)
        })
    }

    fn tags<'a>(&'a mut self, wanted: &'a [(EntityUid, TagKeys)]) -> StoreFuture<'a, Vec<Tags>> {
        self.snapshot.tags(wanted)
    }

    fn few_tags<'a>(
        &'a mut self,
        uids: &'a [EntityUid],
        most: usize,
    ) -> StoreFuture<'a, Vec<Option<Tags>>> {
        self.snapshot.few_tags(uids, most)
    }

    fn links(&mut self, most: usize) -> StoreFuture<'_, Vec<LinkRow>> {
        self.snapshot.links(most)
    }

    /// The value in the database does not count: all of the type are looked at.
    fn candidates<'a>(&'a mut self, wanted: &'a Candidates) -> StoreFuture<'a, Vec<String>> {
        let all = Candidates {
            condition: Condition::Always,
            ..wanted.clone()
        };
        let is_it = wanted.of == *self.supposed.uid.type_name();
        Box::pin(async move {
            let wanted = if is_it { &all } else { wanted };
            self.snapshot.candidates(wanted).await
        })
    }

    fn statement(&self, wanted: &Candidates) -> Option<String> {
        self.snapshot.statement(wanted)
    }
}
