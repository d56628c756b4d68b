//! The tree of a plan: a condition on one row of a service's own table.
//!
//! INVARIANT: each test says for every row "yes" or "no". None but [`RowTest::Absent`] holds of a
//! value that is absent, and no test is negated as a whole: what does not hold has a test of its
//! own. So a database may take NULL for "no" in every test, and nothing may be written around
//! one that would turn its NULL into a "yes".

use std::sync::Arc;

use crate::combine::{Combined, combined, distinct, whole};
use crate::store::Comparison;

/// The name of the entity's own id, beside the names of its attributes.
pub const ROW_ID: &str = "$id";

/// A condition on a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowCondition {
    /// It holds of every row.
    Always,
    /// It holds of no row.
    Never,
    /// All of these hold.
    All(Vec<RowCondition>),
    /// One of these holds.
    Any(Vec<RowCondition>),
    /// A value of the row passes a test.
    Holds(RowAttribute, RowTest),
    /// The value is the id of an entity in a table of its own, and a condition holds of that one's
    /// row.
    Related(RowAttribute, Arc<RelatedRow>),
}

/// A row that another row refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelatedRow {
    /// The type of its entity.
    pub of: Arc<str>,
    /// The condition on it.
    pub condition: RowCondition,
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowAttribute {
    /// The attribute's name; of a member of a record, the names of both with a point between; of
    /// the entity's own id, [`ROW_ID`].
    pub name: Arc<str>,
    /// The type of the entity whose id the value is, or the elements of a set are.
    pub entity: Option<Arc<str>>,
    /// True if every entity of the type has it.
    pub required: bool,
}

/// A test of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowTest {
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// A `Bool` is that.
    Bool(bool),
    /// A `Long` compares so with a number.
    Long(Comparison, i64),
    /// A string, or an entity's id, is one of these. Texts are compared byte by byte.
    IsOneOf(Arc<[Arc<str>]>),
    /// It is there, and none of these.
    IsNoneOf(Arc<[Arc<str>]>),
    /// A string matches a pattern, of texts with anything between them.
    Like(Arc<[Arc<str>]>),
    /// It is there, and does not.
    NotLike(Arc<[Arc<str>]>),
    /// A set contains one of these, strings or ids of entities.
    Contains(Arc<[Arc<str>]>),
    /// It is there, and contains none of these.
    Lacks(Arc<[Arc<str>]>),
    /// A set is there, and is empty, or is not.
    Empty(bool),
}

impl RowAttribute {
    /// The name of the value that attributes lead to; [`ROW_ID`] where there are none. `None` where one
    /// of them could be meant for another value.
    pub(super) fn name_of(names: &[Arc<str>]) -> Option<Arc<str>> {
        match names {
            [] => Some(Arc::from(ROW_ID)),
            names if names.iter().any(|name| name.contains(['.', '$'])) => None,
            names => Some(Arc::from(names.join("."))),
        }
    }
}

impl RowCondition {
    /// All of these, in the simplest form.
    #[must_use]
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let all = combined(parts, |part| match part {
            Self::Always => Combined::Neutral,
            Self::Never => Combined::Decisive,
            Self::All(parts) => Combined::Same(parts),
            other => Combined::Other(other),
        });
        all.map_or(Self::Never, |all| {
            whole(distinct(all), Self::Always, Self::All)
        })
    }

    /// One of these, in the simplest form.
    #[must_use]
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let any = combined(parts, |part| match part {
            Self::Never => Combined::Neutral,
            Self::Always => Combined::Decisive,
            Self::Any(parts) => Combined::Same(parts),
            other => Combined::Other(other),
        });
        any.map_or(Self::Always, |any| {
            whole(distinct(any), Self::Never, Self::Any)
        })
    }

    /// Certain, one way or the other.
    pub(super) fn certain(holds: bool) -> Self {
        match holds {
            true => Self::Always,
            false => Self::Never,
        }
    }

    /// The same, and each attribute that it reads and every entity has is there: a row without one is
    /// no entity, and nobody may do anything on it.
    pub(super) fn of_whole_rows(self) -> Self {
        let mut required: Vec<RowAttribute> = Vec::new();
        self.each_attribute(&mut |attribute| {
            if attribute.required && !required.contains(attribute) {
                required.push(attribute.clone());
            }
        });
        required.retain(|attribute| !self.implies(attribute));
        let present = required.into_iter();
        let present = present.map(|attribute| Self::Holds(attribute, RowTest::Present));
        Self::all(std::iter::once(self.clone()).chain(present))
    }

    fn each_attribute(&self, visit: &mut dyn FnMut(&RowAttribute)) {
        match self {
            Self::Always | Self::Never => {}
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.each_attribute(visit));
            }
            Self::Holds(attribute, _) | Self::Related(attribute, _) => visit(attribute),
        }
    }

    /// Returns true if it holds only where an attribute is there.
    fn implies(&self, attribute: &RowAttribute) -> bool {
        match self {
            Self::Always => false,
            Self::Never => true,
            Self::All(parts) => parts.iter().any(|part| part.implies(attribute)),
            Self::Any(parts) => parts.iter().all(|part| part.implies(attribute)),
            Self::Holds(other, test) => other == attribute && *test != RowTest::Absent,
            Self::Related(other, _) => other == attribute,
        }
    }
}
