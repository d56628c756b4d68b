//! The condition that the candidates of a search fulfil.
//!
//! A [`Condition`] is the part of the policies that depends on an entity which is not
//! known, as far as a database can evaluate it. It may hold of entities that the policies do
//! not allow, but it never excludes one that they allow: each candidate is still decided by
//! the policies.
//!
//! INVARIANT: a condition is never negated as a whole; negations are [`ValueTest`]s of their own.
//! So a database may take NULL, its answer for an absent attribute, for "no": a policy that
//! reads an absent attribute fails.

mod combine;
mod implied;
mod weight;

use std::sync::Arc;

use super::comparison::Comparison;

/// A condition on one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It holds of every entity.
    Always,
    /// It holds of no entity.
    Never,
    /// All of these hold.
    All(Vec<Condition>),
    /// One of these holds.
    Any(Vec<Condition>),
    /// A value passes a test.
    Holds(Operand, ValueTest),
}

/// A value that can be tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// The entity's id.
    Id,
    /// An attribute of it.
    Attribute(Arc<str>),
    /// A text that is known: an id, or a string.
    Text(Arc<str>),
}

/// A test of one value. None passes for a value that is absent, but for
/// [`ValueTest::Absent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueTest {
    /// All of these pass.
    All(Vec<ValueTest>),
    /// One of these passes.
    Any(Vec<ValueTest>),
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// A `Bool` is that.
    Bool(bool),
    /// A `Long` compares so with a number.
    Long(Comparison, i64),
    /// A string is that, or the id of an entity.
    Is(Arc<str>),
    /// The same of a closed vocabulary, so that it holds of many.
    Chosen(Arc<str>),
    /// It is not that.
    IsNot(Arc<str>),
    /// It is one of these.
    IsOneOf(Arc<[Arc<str>]>),
    /// It is none of these.
    IsNoneOf(Arc<[Arc<str>]>),
    /// A string matches a pattern, of texts with anything between them.
    Like(Vec<Arc<str>>),
    /// It does not.
    NotLike(Vec<Arc<str>>),
    /// A set contains one of these, strings or ids of entities.
    Contains(Arc<[Arc<str>]>),
    /// A set contains none of these.
    Lacks(Arc<[Arc<str>]>),
    /// A set is empty, or is not.
    Empty(bool),
    /// The member of a record passes.
    Member(Arc<str>, Box<ValueTest>),
    /// The value is the id of an entity of a type whose attribute passes.
    Attribute {
        /// The entity's type.
        of: Arc<str>,
        /// The attribute.
        name: Arc<str>,
        /// The test that it has to pass.
        test: Box<ValueTest>,
    },
    /// The value is the id of an entity whose tag under a key passes.
    Tag {
        /// The entity's type.
        of: Arc<str>,
        /// The key.
        key: Arc<str>,
        /// The test that the tag has to pass.
        test: Box<ValueTest>,
    },
    /// The value is the id of an entity without a tag under a key.
    NoTag {
        /// The entity's type.
        of: Arc<str>,
        /// The key.
        key: Arc<str>,
    },
    /// The value is a key under which an entity has a tag that passes.
    KeyOf {
        /// The entity's type.
        of: Arc<str>,
        /// The entity's id.
        id: Arc<str>,
        /// The test that the tag has to pass.
        test: Box<ValueTest>,
    },
    /// The value is no key under which an entity has a tag.
    NoKeyOf {
        /// The entity's type.
        of: Arc<str>,
        /// The entity's id.
        id: Arc<str>,
    },
    /// The value is the id of an entity that has another one above it.
    Below(AncestorTest),
    /// The value is the id of an entity without that one above it.
    NotBelow(AncestorTest),
}

/// An entity above those of a type, at any distance of at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AncestorTest {
    /// The type of those below.
    pub of: Arc<str>,
    /// The type of the one above.
    pub above: Arc<str>,
    /// Its id.
    pub id: Arc<str>,
    /// The types that have parents, among them `of`.
    pub through: Arc<[Arc<str>]>,
}
