//! Which principals, resources or actions do the policies allow? Each is decided like a question.
//!
//! The policies of the action, evaluated with what is known, leave a residual on what
//! is looked for ([`partial`]). The part of it that a database can evaluate becomes a condition
//! ([`condition`]), which leaves few candidates; each of them is decided by the engine.
//! So a search can find too little only where the condition is wrong, and it never finds too
//! much.

mod actions;
mod condition;
mod find;
mod loose;
mod partial;
mod read;
mod searching;

use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};

use crate::schema::{Record, Row};

pub use actions::ActionSearch;
pub use loose::SearchParts;
pub use partial::{Residual, ResidualPolicy};
pub use read::Wanted;

/// The search for principals or resources: who may do this, or on what may it be done?
#[derive(Clone, Debug)]
pub struct Search {
    /// The part that is looked for.
    pub sought: Sought,
    /// The type of the entities that are looked for.
    pub of: EntityTypeName,
    /// The part that is known: the resource or the principal.
    pub known: EntityUid,
    /// The action.
    pub action: EntityUid,
    /// The context.
    pub context: Record,
    /// Entities that the caller describes.
    pub described: Vec<Row>,
}

/// The part of a question that a search looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// Principals.
    Principals,
    /// Resources.
    Resources,
}

/// Which part of the answer is wanted.
#[derive(Clone, Debug)]
pub struct Part {
    /// The end of the part before: its [`Found::last`].
    pub after: Option<Arc<str>>,
    /// How many entities, at most.
    pub limit: usize,
    /// How many candidates may be decided for it.
    pub most: usize,
    /// True if the residual is to be told with its texts.
    pub explain: bool,
}

/// A part of the answer.
#[derive(Clone, Debug)]
pub struct Found {
    /// The entities that are allowed, in the order of the bytes of their ids.
    pub entities: Vec<EntityUid>,
    /// True if there are others behind them.
    pub more: bool,
    /// The last of them, for [`Part::after`].
    pub last: Option<Arc<str>>,
    /// How many candidates were decided.
    pub decided: usize,
    /// The part of the policies that depends on what is looked for, with its texts where
    /// [`Part::explain`] asked for them.
    pub residual: Residual,
    /// The exact policies and schema.
    pub policy_revision: Arc<str>,
    /// The state of the store; `None` where there was nothing to ask it for.
    pub tenancy_revision: Option<Arc<str>>,
}
