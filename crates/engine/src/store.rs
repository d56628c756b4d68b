//! Where entities come from.
//!
//! A [`Store`] gives consistent reads: a [`Snapshot`] answers from one state, which it names
//! by a [`Revision`], and lists the changes since an earlier one. A store has little to do: it
//! names the entity types that it serves, and looks up entities by id and single tags. One
//! conformance suite in `tests/it/store.rs` holds all stores to that.

mod comparison;
mod condition;
mod entities_export;
mod entities_file;
mod held;
mod links;
mod over;
mod revision;
mod supposed;

use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use cedar_policy::{EntityTypeName, EntityUid};

use crate::schema::{LINKS_VIEW, Row, Schema, Value};

pub use comparison::Comparison;
pub use condition::{AncestorTest, Condition, Operand, ValueTest};
pub use entities_export::{EntitiesExportError, export_entities};
pub use entities_file::{EntitiesFile, EntitiesLimits, EntitiesText};
pub use held::HeldStore;
pub use links::{LINKS_COLUMNS, LinkRow, LinksView};
pub(crate) use links::{is_of_links, links_entity};
pub use revision::Revision;
pub use supposed::{SupposedChange, SupposedStore, SupposedValue};

/// A future that a store returns.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The changes between two states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// None.
    Nothing,
    /// These entities have changed: their attributes, tags, ancestors or existence. One of the type
    /// [`LINKS_VIEW`] stands for a link.
    Of(Vec<EntityUid>),
    /// Anything may have changed.
    Everything,
    /// The state that was seen before is no earlier one of this state: the store was restored
    /// from a backup, or is another one.
    AnotherHistory,
    /// The store does not say.
    Untold,
}

/// The tags of an entity that are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TagKeys {
    /// Those under these keys, sorted.
    Only(Vec<Arc<str>>),
    /// All of them.
    All,
}

impl TagKeys {
    /// True if a key is one of them.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        match self {
            Self::Only(keys) => keys.iter().any(|known| **known == *key),
            Self::All => true,
        }
    }

    /// Adds the keys of another.
    pub fn join(&mut self, other: Self) {
        match (self, other) {
            (Self::All, _) => {}
            (this, Self::All) => *this = Self::All,
            (Self::Only(keys), Self::Only(more)) => {
                keys.extend(more);
                keys.sort();
                keys.dedup();
            }
        }
    }
}

/// The entities that a search may find.
#[derive(Clone, Debug)]
pub struct Candidates {
    /// Their type.
    pub of: EntityTypeName,
    /// The condition that they have to fulfil.
    pub condition: Condition,
    /// The id after which they begin.
    pub after: Option<Arc<str>>,
    /// The greatest number of them.
    pub limit: usize,
}

/// Tags by key.
pub type Tags = BTreeMap<Arc<str>, Value>;

/// Those of an entity's tags that were asked for; all of them where nobody says which.
pub fn asked_tags<'a>(
    tags: &'a Tags,
    asked: Option<&'a TagKeys>,
) -> impl Iterator<Item = (&'a Arc<str>, &'a Value)> {
    let (all, keys) = match asked {
        Some(TagKeys::Only(keys)) => (None, Some(keys)),
        Some(TagKeys::All) | None => (Some(tags), None),
    };
    let some = keys.into_iter().flatten();
    let some = some.filter_map(|key| tags.get_key_value(key));
    all.into_iter().flatten().chain(some)
}

/// A mark of a state that is cheap to read: where two differ, something was written or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The mark itself.
    pub bytes: [u8; 96],
    /// True if equal marks mean equal states. A store whose views read a clock gives other
    /// answers without a write.
    pub settles: bool,
}

/// A source of entities.
pub trait Store: Send + Sync {
    /// Returns true if it holds the entities of that type.
    fn serves(&self, entity_type: &EntityTypeName) -> bool;

    /// Returns true if an entity of that type that it does not hold is absent, and not merely
    /// unknown to it.
    fn tells_absence(&self, entity_type: &EntityTypeName) -> bool {
        self.serves(entity_type)
    }

    /// Returns true if the store alone says what entities of that type are: it serves them, or
    /// entities that it serves may refer to them. Callers may not describe such entities: with a
    /// word about a team that a stored user is in, a caller would say what the user is in.
    fn speaks_of(&self, entity_type: &EntityTypeName, schema: &Schema) -> bool {
        let mut referrers = schema.referrers(entity_type);
        self.serves(entity_type) || referrers.any(|referrer| self.serves(referrer))
    }

    /// The connections that read now, and how many may; `None` where there are none.
    fn readers(&self) -> Option<(usize, usize)> {
        None
    }

    /// Tells if it has the view of links.
    fn links_view(&self) -> LinksView {
        LinksView::Absent
    }

    /// Takes the place of a store that alone said what entities of these types are, and says so itself
    /// from now on: while a program runs, no type may become the callers'. A store that can do
    /// without a type that it had has to heed this.
    fn inherit(&self, types: HashSet<EntityTypeName>) {
        drop(types);
    }

    /// Returns true if a revision is of the kind that this store's states have, of whatever
    /// history.
    fn names(&self, revision: &Revision) -> bool;

    /// Checks that entities can be read as a schema says, before anything is
    /// asked under it.
    ///
    /// # Errors
    /// The first part that does not fit.
    fn check(&self, schema: &Arc<Schema>) -> Result<(), StoreError>;

    /// The mark of the newest state, without a query; `None` where there is none.
    fn mark(&self) -> Option<Mark> {
        None
    }

    /// Begins a consistent read of the newest state, which is `since` or a later
    /// one.
    fn snapshot(
        &self,
        schema: &Arc<Schema>,
        since: Option<&Revision>,
    ) -> StoreFuture<'_, Box<dyn Snapshot>>;

    /// Ready when something may have changed since it was last ready: a hint to look
    /// now. It may come without a reason, late, or never.
    fn woken(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

/// A read of entities and of tags at once.
#[derive(Clone, Copy, Debug)]
pub struct Together<'a> {
    /// Entities without tags.
    pub entities: &'a [EntityUid],
    /// Entities of which all tags are wanted where they are at most `most`.
    pub few_tags: &'a [EntityUid],
    /// How many these are at most.
    pub most: usize,
    /// Entities of which some tags are wanted.
    pub tags: &'a [(EntityUid, TagKeys)],
}

/// The results of such a read, in the same order.
#[derive(Clone, Debug)]
pub struct FoundTogether {
    /// The entities; `None` for one that the store does not hold.
    pub entities: Vec<Option<Row>>,
    /// All tags of an entity, where they are few.
    pub few_tags: Vec<Option<Tags>>,
    /// The tags that were wanted.
    pub tags: Vec<Tags>,
}

/// A consistent read. Dropping it ends it.
pub trait Snapshot: Send {
    /// The state that it reads.
    fn revision(&self) -> &Revision;

    /// The changes since the state that the read was begun with; without one,
    /// [`Changes::Everything`].
    fn changes(&self) -> &Changes;

    /// True if everything that a revision holds is in the state that is read; `None` if the
    /// revision is of another history.
    fn holds<'a>(&'a mut self, revision: &'a Revision) -> StoreFuture<'a, Option<bool>> {
        let held = self.revision().holds(revision);
        Box::pin(std::future::ready(Ok(held)))
    }

    /// The greatest time that may have passed since its state was the newest. A replica may be
    /// behind.
    fn lag(&self) -> Duration {
        Duration::ZERO
    }

    /// The same, by a look that is as close as the store can take one: for a question that demands a
    /// younger state than [`Snapshot::lag`] tells. `None` if a newer state is there, which this
    /// store will not have: another one takes its place.
    fn newest<'a>(&'a mut self) -> StoreFuture<'a, Option<Duration>> {
        Box::pin(std::future::ready(Ok(Some(self.lag()))))
    }

    /// The entities of those ids, in order, each with its attributes and all its
    /// ancestors and without tags; `None` for one that the store does not hold.
    fn entities<'a>(&'a mut self, uids: &'a [EntityUid]) -> StoreFuture<'a, Vec<Option<Row>>>;

    /// Tags of entities, in order; a key that an entity has no tag under is left
    /// out.
    fn tags<'a>(&'a mut self, wanted: &'a [(EntityUid, TagKeys)]) -> StoreFuture<'a, Vec<Tags>>;

    /// All tags of entities, in order, of those that have at most `most`; `None` of one that has more, and
    /// of one whose tags are better read by their keys. A read that looks at `most` tags and one more of each
    /// entity tells that, however many there are.
    ///
    /// Of each key it says what [`Snapshot::tags`] says when it is asked for that key.
    fn few_tags<'a>(
        &'a mut self,
        uids: &'a [EntityUid],
        most: usize,
    ) -> StoreFuture<'a, Vec<Option<Tags>>> {
        let _ = most;
        Box::pin(std::future::ready(Ok(vec![None; uids.len()])))
    }

    /// Entities and tags at once: what [`Snapshot::entities`], [`Snapshot::few_tags`] and [`Snapshot::tags`] say of
    /// them, in as few round trips as there may be.
    fn together<'a>(&'a mut self, wanted: Together<'a>) -> StoreFuture<'a, FoundTogether> {
        Box::pin(async move {
            Ok(FoundTogether {
                entities: self.entities(wanted.entities).await?,
                few_tags: self.few_tags(wanted.few_tags, wanted.most).await?,
                tags: self.tags(wanted.tags).await?,
            })
        })
    }

    /// All links of templates, up to `most`, in no order.
    fn links(&mut self, most: usize) -> StoreFuture<'_, Vec<LinkRow>> {
        let _ = most;
        let text = format!("it has no view `{LINKS_VIEW}`");
        Box::pin(std::future::ready(Err(StoreError::Misfit(text))))
    }

    /// Ids of entities, in the order of their bytes: all that are behind
    /// [`Candidates::after`] and fulfil the condition, up to the limit. There may be
    /// some among them that do not fulfil it.
    fn candidates<'a>(&'a mut self, wanted: &'a Candidates) -> StoreFuture<'a, Vec<String>>;

    /// The statement that finds them, for a human reader; `None` if all are looked at.
    fn statement(&self, wanted: &Candidates) -> Option<String>;
}

/// Why a store cannot answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or failed. Trying again may help.
    #[error("the tenancy store is unavailable: {0}")]
    Unavailable(String),
    /// Its contents do not fit the schema.
    #[error("the tenancy store does not fit the schema: {0}")]
    Misfit(String),
    /// It is of a version that this program does not know.
    #[error("{0}")]
    Version(String),
    /// The rows that a snapshot has read are of no state, as the store was rewritten beneath it. A new one
    /// reads it as it is.
    #[error("the tenancy store was rewritten while it was read: {0}")]
    Moved(String),
}
