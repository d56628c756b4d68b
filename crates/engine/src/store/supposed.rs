//! A store as it would be with other values.

use std::sync::Arc;
use std::time::Duration;

use cedar_policy::EntityUid;

use super::over::named_as_its_store;
use super::{
    Candidates, Changes, Condition, LinkRow, Revision, Snapshot, Store, StoreError, StoreFuture,
    TagKeys, Tags,
};
use crate::schema::{Row, Schema, Value};

/// Another store, with other values of some of its entities. Nothing is written. An entity that is not there stays so.
pub struct SupposedStore {
    store: Arc<dyn Store>,
    supposed: Arc<[SupposedChange]>,
}

/// A change of an entity that is supposed.
#[derive(Clone, Debug, PartialEq)]
pub struct SupposedChange {
    /// The entity.
    pub of: EntityUid,
    /// The change.
    pub what: SupposedValue,
}

/// The kind of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum SupposedValue {
    /// An attribute has this value, or is not there.
    Attribute(Arc<str>, Option<Value>),
    /// The same of a tag.
    Tag(Arc<str>, Option<Value>),
    /// It is a child of this entity too.
    Parent(EntityUid),
}

impl SupposedStore {
    /// As if these changes had been made, one after the other.
    #[must_use]
    pub fn of(store: Arc<dyn Store>, changes: Vec<SupposedChange>) -> Self {
        Self {
            store,
            supposed: changes.into(),
        }
    }
}

impl Store for SupposedStore {
    named_as_its_store!();

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
    supposed: Arc<[SupposedChange]>,
}

impl SupposedSnapshot {
    /// The changes of rows: their attributes, and the entities that they are in.
    async fn change(&mut self, row: &mut Row) -> Result<(), StoreError> {
        let supposed = Arc::clone(&self.supposed);
        for SupposedChange { of, what } in supposed.iter() {
            match what {
                SupposedValue::Attribute(name, value) if row.uid == *of => {
                    set(&mut row.attributes, name, value.as_ref());
                }
                // Entities below this one are in its new parent too, and in all that the parent is in.
                SupposedValue::Parent(parent) if row.uid == *of || row.ancestors.contains(of) => {
                    let found = self.snapshot.entities(std::slice::from_ref(parent)).await?;
                    let above = found.into_iter().flatten().flat_map(|row| row.ancestors);
                    for ancestor in std::iter::once(parent.clone()).chain(above) {
                        if ancestor != row.uid && !row.ancestors.contains(&ancestor) {
                            row.ancestors.push(ancestor);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Sets a value, or takes it away.
fn set(values: &mut Tags, name: &Arc<str>, value: Option<&Value>) {
    match value {
        Some(value) => {
            values.insert(Arc::clone(name), value.clone());
        }
        None => {
            values.remove(name);
        }
    }
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
            for row in rows.iter_mut().flatten() {
                self.change(row).await?;
            }
            Ok(rows)
        })
    }

    fn tags<'a>(&'a mut self, wanted: &'a [(EntityUid, TagKeys)]) -> StoreFuture<'a, Vec<Tags>> {
        Box::pin(async move {
            let mut found = self.snapshot.tags(wanted).await?;
            for ((uid, keys), tags) in wanted.iter().zip(&mut found) {
                for SupposedChange { of, what } in self.supposed.iter() {
                    let SupposedValue::Tag(key, value) = what else {
                        continue;
                    };
                    if of == uid && keys.has(key) {
                        set(tags, key, value.as_ref());
                    }
                }
            }
            Ok(found)
        })
    }

    fn few_tags<'a>(
        &'a mut self,
        uids: &'a [EntityUid],
        most: usize,
    ) -> StoreFuture<'a, Vec<Option<Tags>>> {
        Box::pin(async move {
            let mut found = self.snapshot.few_tags(uids, most).await?;
            // Tags with a change are read by their keys.
            for (uid, tags) in uids.iter().zip(&mut found) {
                let has = |change: &SupposedChange| {
                    change.of == *uid && matches!(change.what, SupposedValue::Tag(..))
                };
                if self.supposed.iter().any(has) {
                    *tags = None;
                }
            }
            Ok(found)
        })
    }

    fn links(&mut self, most: usize) -> StoreFuture<'_, Vec<LinkRow>> {
        self.snapshot.links(most)
    }

    /// The values in the database do not count: all of their types are looked at.
    fn candidates<'a>(&'a mut self, wanted: &'a Candidates) -> StoreFuture<'a, Vec<String>> {
        let all = Candidates {
            condition: Condition::Always,
            ..wanted.clone()
        };
        let mut types = self.supposed.iter().map(|change| change.of.type_name());
        let is_it = types.any(|of| wanted.of == *of);
        Box::pin(async move {
            let wanted = if is_it { &all } else { wanted };
            self.snapshot.candidates(wanted).await
        })
    }

    fn statement(&self, wanted: &Candidates) -> Option<String> {
        self.snapshot.statement(wanted)
    }
}
