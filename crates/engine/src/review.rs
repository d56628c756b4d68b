//! Reviews: every right that there is in one state, each with the policies that give it.
//!
//! 1. [`contexts`] finds the contexts in which an action can be asked: those that are finite in number.
//!    An action that needs more than a finite choice is named as open, and never left out in silence.
//! 2. [`scope`] finds the resources: all of them, or those within one entity.
//! 3. For each resource, action and context the principals are searched for, or for one principal the
//!    resources. A search decides each candidate, so a right is what a question would be answered.
//! 4. [`parts`] cuts these searches into parts, has several workers do them, and takes them in order.
//! 5. [`values`] finds the values by which the permits of a right hold.
//!
//! INVARIANT: a review is complete, or it is an error. A candidate that cannot be decided ends it.

mod contexts;
mod parts;
mod rights;
mod scope;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};
use serde_json::Value as Json;

use crate::decide::{Failure, Question, Reason};
use crate::explain::ReadValue;

pub use contexts::listed_contexts;
pub use parts::MakeOfRights;

/// The rights that are wanted.
#[derive(Clone, Debug, Default)]
pub struct ReviewScope {
    /// Those of this principal alone.
    pub principal: Option<EntityUid>,
    /// Those to this action alone.
    pub action: Option<EntityUid>,
    /// Those on what is within this entity alone, itself included.
    pub within: Option<EntityUid>,
    /// Contexts for actions, in the place of those that are found.
    pub contexts: BTreeMap<EntityUid, Vec<Json>>,
}

/// A right: a question that is allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct Right {
    /// The principal that has it.
    pub principal: EntityUid,
    /// To do what.
    pub action: EntityUid,
    /// In which context, in its plain JSON form.
    pub context: Json,
    /// On what.
    pub resource: EntityUid,
    /// The permits that give it, each with its rule.
    pub permits: Vec<Reason>,
    /// The values that these read.
    pub values: Arc<[PermitValues]>,
    /// The obligations that come with it.
    pub obligations: BTreeSet<Arc<str>>,
}

/// The values by which a permit gives a right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermitValues {
    /// The permit.
    pub policy: Arc<str>,
    /// The values that it read, in order.
    pub read: Vec<ReadValue>,
    /// True if the work was limited, so that there may be others.
    pub cut: bool,
}

/// An action whose rights depend on a context that nobody can list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAction {
    /// The action.
    pub action: EntityUid,
    /// The members that take any of too many values, each with its type.
    pub members: Vec<(Arc<str>, String)>,
    /// True if it cannot be asked without them: none of its rights is in the review. Otherwise those
    /// without these members are.
    pub required: bool,
}

/// The parts of a review beside the rights.
#[derive(Clone, Debug)]
pub struct Reviewed {
    /// The actions that are reviewed in part, or not at all.
    pub open: Vec<OpenAction>,
    /// Types of which the store lists no entities, so that nobody knows who or what there is.
    pub unlisted: BTreeSet<EntityTypeName>,
    /// The exact policies and schema.
    pub policy_revision: Arc<str>,
    /// The state of the store.
    pub tenancy_revision: Arc<str>,
    /// How many questions were decided.
    pub decided: usize,
}

/// Why there is no review.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReviewError {
    /// A scope or a context that does not fit the schema or the store.
    #[error("{0}")]
    Scope(String),
    /// Something cannot be decided, so that the review would not be complete.
    #[error("{}: {failure}", .about.join(", "))]
    Undecided {
        /// The principal, the action and the resource, as far as they are known.
        about: Box<[String; 3]>,
        /// Why.
        failure: Failure,
    },
    /// The values behind a right cannot be found.
    #[error("{}: {why}", .about.join(", "))]
    Unexplained {
        /// The principal, the action and the resource.
        about: Box<[String; 3]>,
        /// Why.
        why: String,
    },
    /// The store cannot be read.
    #[error("{0}")]
    Failed(#[from] Failure),
    /// The state that is read has changed: reviews are made over a [`HeldStore`](crate::store::HeldStore).
    #[error("the store has changed meanwhile")]
    Changed,
    /// The receiver of the rights takes no more, or cannot be told of one.
    #[error("{0}")]
    Taken(String),
}

/// The principal, the action and the resource of a question.
fn parts_of(question: &Question) -> [String; 3] {
    let Question {
        principal,
        action,
        resource,
        ..
    } = question;
    [principal, action, resource].map(ToString::to_string)
}
