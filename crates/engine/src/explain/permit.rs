//! A permit that nearly matched, its missing conditions, and the changes that meet them.

use std::sync::Arc;

use cedar_policy::EntityUid;

use super::brief::{VALUE, brief};
use super::cedar::{is_long, shown};
use super::values::ReadValue;
use crate::decide::{Reason, Verdict};
use crate::policy::PolicyInfo;
use crate::schema::Value;

/// A permit that nearly matched.
#[derive(Clone, Debug)]
pub struct NearPermit {
    /// The policy.
    pub info: Arc<PolicyInfo>,
    /// Its residual where only the question is known, in Cedar's syntax.
    pub residual: String,
    /// The conditions of the residual that hold.
    pub holds: Vec<String>,
    /// The values that it reads.
    pub values: Vec<ReadValue>,
    /// True if the work was limited, so that there may be other values, conditions
    /// that hold, and ways.
    pub cut: bool,
    /// The smallest sets of missing conditions, all of them checked. Empty where none could be
    /// found.
    pub ways: Vec<MissingConditions>,
}

/// Missing conditions. If all of them are met, a permit permits, or no forbid forbids; not so if one of
/// them is left out.
#[derive(Clone, Debug)]
pub struct MissingConditions {
    /// The conditions.
    pub lacks: Vec<MissingCondition>,
    /// Changes that meet all of them; any one of these does.
    pub met: Vec<Remedy>,
}

/// One missing condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingCondition {
    /// The condition, in Cedar's syntax, with ids in place of paths.
    pub condition: String,
    /// The value that the condition would have to have.
    pub expected: bool,
    /// The same in words, for each of the changes that would meet it.
    pub words: Vec<String>,
}

/// Changes that meet missing conditions, and the decision that would be made then.
#[derive(Clone, Debug)]
pub struct Remedy {
    /// The changes.
    pub changes: Vec<Change>,
    /// The verdict that would be given.
    pub verdict: Verdict,
    /// The reasons for that verdict.
    pub reasons: Vec<Reason>,
}

/// One change of an entity or of the context.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The entity; `None` for the context.
    pub of: Option<EntityUid>,
    /// The kind of the change.
    pub what: ChangeKind,
}

/// A kind of change.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangeKind {
    /// An attribute takes a value, or is taken away.
    Attribute(Arc<str>, Option<Value>),
    /// The same of a tag.
    Tag(Arc<str>, Option<Value>),
    /// It becomes a child of an entity.
    Parent(EntityUid),
}

impl ChangeKind {
    /// The new value, as Cedar writes it. Long values are truncated, with `…` at the end.
    #[must_use]
    pub fn value(&self) -> Option<String> {
        match self {
            Self::Attribute(_, value) | Self::Tag(_, value) => value.as_ref().map(shown),
            Self::Parent(uid) => Some(brief(uid, VALUE)),
        }
    }

    /// Returns true if [`Self::value`] is truncated.
    #[must_use]
    pub fn is_long(&self) -> bool {
        match self {
            Self::Attribute(_, value) | Self::Tag(_, value) => value.as_ref().is_some_and(is_long),
            Self::Parent(_) => false,
        }
    }
}
