//! Where entities come from.
//!
//! A [`Store`] gives consistent reads: a [`Snapshot`] answers from one state,
//! which it names by a [`Revision`], and says what has changed since an earlier
//! one. What a store has to do is little: say which entity types it serves, look
//! up entities by id, and look up single tags. One conformance suite in
//! `tests/it/store.rs` holds all of them to that.

mod condition;
mod database;
mod documents;
mod entities_file;
mod import;
mod migration;
mod postgres;
mod revision;
mod select;
mod sqlite;
mod views;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use cedar_policy::{EntityTypeName, EntityUid};

use crate::schema::{Row, Schema, Value};

pub use condition::{Above, Comparison, Condition, Operand, Test};
pub use database::Database;
pub use documents::{DocumentError, Documents};
pub use entities_file::EntitiesFile;
pub use import::{Import, ImportError, Imported};
pub use postgres::{Postgres, PostgresOptions};
pub use revision::Revision;
pub use sqlite::{Sqlite, SqliteOptions};

/// A future that a store returns.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// What has changed between two states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Nothing.
    Nothing,
    /// These entities; of each its attributes, tags, ancestors or existence.
    Of(Vec<EntityUid>),
    /// Anything may have.
    Everything,
    /// The store does not say.
    Untold,
}

/// Which tags of an entity are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TagKeys {
    /// Those under these keys, sorted.
    Only(Vec<Arc<str>>),
    /// All of them.
    All,
}

impl TagKeys {
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

/// Which entities a search wants to look at.
#[derive(Clone, Debug)]
pub struct Candidates {
    /// Their type.
    pub of: EntityTypeName,
    /// What they have to be like, at least.
    pub condition: Condition,
    /// The id that they come behind.
    pub after: Option<Arc<str>>,
    /// How many, at most.
    pub limit: usize,
}

/// Tags by key.
pub type Tags = BTreeMap<Arc<str>, Value>;

/// A mark of a state that is cheap to read: where two are equal, so are the states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(pub [u8; 48]);

/// A source of entities.
pub trait Store: Send + Sync {
    /// Whether it holds the entities of that type, so that nobody else may
    /// describe them.
    fn serves(&self, entity_type: &EntityTypeName) -> bool;

    /// Whether a revision is of the kind that this store's states have.
    fn names(&self, revision: &Revision) -> bool;

    /// Checks that entities can be read as a schema says, before anything is
    /// asked under it.
    ///
    /// # Errors
    /// The first thing that does not fit.
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
    ) -> Answer<'_, Box<dyn Snapshot>>;

    /// Ready when something may have changed since it was last ready: a hint to look
    /// now. It may come without a reason, late, or never.
    fn woken(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

/// A consistent read. Dropping it ends it.
pub trait Snapshot: Send {
    /// The state that it reads.
    fn revision(&self) -> &Revision;

    /// What has changed since the state that the read was begun with; without
    /// one, [`Changes::Everything`].
    fn changes(&self) -> &Changes;

    /// How long ago, at most, its state was the newest: of a replica, which may be
    /// behind.
    fn lag(&self) -> Duration {
        Duration::ZERO
    }

    /// The entities of those ids, in order, each with its attributes and all its
    /// ancestors and without tags; `None` for one that the store does not hold.
    fn entities<'a>(&'a mut self, uids: &'a [EntityUid]) -> Answer<'a, Vec<Option<Row>>>;

    /// Tags of entities, in order; a key that an entity has no tag under is left
    /// out.
    fn tags<'a>(&'a mut self, wanted: &'a [(EntityUid, TagKeys)]) -> Answer<'a, Vec<Tags>>;

    /// Ids of entities, in the order of their bytes: all that are behind
    /// [`Candidates::after`] and fulfil the condition, up to the limit. There may be
    /// some among them that do not fulfil it.
    fn candidates<'a>(&'a mut self, wanted: &'a Candidates) -> Answer<'a, Vec<String>>;

    /// How they are looked for, for a reader; `None` where all are looked at.
    fn statement(&self, wanted: &Candidates) -> Option<String>;
}

/// Why a store cannot answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or failed. Trying again may help.
    #[error("the tenancy store is unavailable: {0}")]
    Unavailable(String),
    /// What it holds does not fit the schema.
    #[error("the tenancy store does not fit the schema: {0}")]
    Misfit(String),
    /// It is of a version that this program does not know.
    #[error("{0}")]
    Version(String),
}
