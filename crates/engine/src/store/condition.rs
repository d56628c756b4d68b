//! The condition that the candidates of a search fulfil.
//!
//! A [`Condition`] is the part of the policies that depends on an entity which is not
//! known, as far as a database can evaluate it. It may hold of entities that the policies do
//! not allow, but it never excludes one that they allow: each candidate is still decided by
//! the policies.
//!
//! INVARIANT: a condition is never negated as a whole; negations are [`Test`]s of their own.
//! So a database may take NULL, its answer for an absent attribute, for "no": a policy that
//! reads an absent attribute fails.

use std::sync::Arc;

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
    Holds(Operand, Test),
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
/// [`Test::Absent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// All of these pass.
    All(Vec<Test>),
    /// One of these passes.
    Any(Vec<Test>),
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
    Member(Arc<str>, Box<Test>),
    /// The value is the id of an entity of a type whose attribute passes.
    Attribute {
        /// The entity's type.
        of: Arc<str>,
        /// The attribute.
        name: Arc<str>,
        /// The test that it has to pass.
        test: Box<Test>,
    },
    /// The value is the id of an entity whose tag under a key passes.
    Tag {
        /// The entity's type.
        of: Arc<str>,
        /// The key.
        key: Arc<str>,
        /// The test that the tag has to pass.
        test: Box<Test>,
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
        test: Box<Test>,
    },
    /// The value is no key under which an entity has a tag.
    NoKeyOf {
        /// The entity's type.
        of: Arc<str>,
        /// The entity's id.
        id: Arc<str>,
    },
    /// The value is the id of an entity that has another one above it.
    Below(Above),
    /// The value is the id of an entity without that one above it.
    NotBelow(Above),
}

/// An entity above those of a type, at any distance of at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Above {
    /// The type of those below.
    pub of: Arc<str>,
    /// The type of the one above.
    pub above: Arc<str>,
    /// Its id.
    pub id: Arc<str>,
    /// The types that have parents, among them `of`.
    pub through: Arc<[Arc<str>]>,
}

/// How numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// The comparison that is true exactly where this one is false.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }

    /// The same with its sides exchanged.
    #[must_use]
    pub fn turned(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }
}

/// The weight of a query of its own, in tests: a database plans each.
const QUERY: usize = 10;

impl Condition {
    /// All of these.
    #[must_use]
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut all: Vec<Self> = Vec::new();
        for part in parts {
            match part {
                Self::Always => {}
                Self::Never => return Self::Never,
                Self::All(parts) => all.extend(parts),
                other => all.push(other),
            }
        }
        all = without_implied(all);
        if all.len() == 1 {
            return all.pop().unwrap_or(Self::Always);
        }
        if all.is_empty() {
            Self::Always
        } else {
            Self::All(all)
        }
    }

    /// One of these.
    #[must_use]
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut any: Vec<Self> = Vec::new();
        for part in parts {
            match part {
                Self::Never => {}
                Self::Always => return Self::Always,
                Self::Any(parts) => any.extend(parts),
                other => any.push(other),
            }
        }
        let mut seen: Vec<Self> = Vec::with_capacity(any.len());
        any.retain(|part| {
            let new = !seen.contains(part);
            if new {
                seen.push(part.clone());
            }
            new
        });
        if any.len() == 1 {
            return any.pop().unwrap_or(Self::Never);
        }
        if any.is_empty() {
            Self::Never
        } else {
            Self::Any(any)
        }
    }

    /// The same, or a weaker condition, of at most `most` tests.
    #[must_use]
    pub fn bounded(self, most: usize) -> Self {
        if self.weight() <= most {
            return self;
        }
        match self {
            Self::All(parts) => {
                let mut room = most;
                Self::all(parts.into_iter().filter(|part| {
                    let weight = part.weight();
                    let fits = weight <= room;
                    room -= if fits { weight } else { 0 };
                    fits
                }))
            }
            _ => Self::Always,
        }
    }

    /// The number of its tests.
    fn weight(&self) -> usize {
        match self {
            Self::Always | Self::Never => 1,
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::weight).sum(),
            Self::Holds(_, test) => test.weight(),
        }
    }

    /// Returns true if it names the few entities that it holds of: a database finds them by an
    /// index and need not look at all.
    #[must_use]
    pub fn is_selective(&self) -> bool {
        match self {
            Self::Always | Self::Never => false,
            Self::All(parts) => parts.iter().any(Self::is_selective),
            Self::Any(parts) => parts.iter().all(Self::is_selective),
            Self::Holds(Operand::Text(_), _) => false,
            Self::Holds(_, test) => test.is_selective(),
        }
    }
}

impl Test {
    /// Returns true if few values pass, so that an index finds them.
    #[must_use]
    pub fn is_selective(&self) -> bool {
        match self {
            Self::All(tests) => tests.iter().any(Self::is_selective),
            Self::Any(tests) => tests.iter().all(Self::is_selective),
            Self::Is(_)
            | Self::IsOneOf(_)
            | Self::Tag { .. }
            | Self::KeyOf { .. }
            | Self::Below(_) => true,
            Self::Attribute { test, .. } => test.is_selective(),
            _ => false,
        }
    }

    fn weight(&self) -> usize {
        match self {
            Self::All(tests) | Self::Any(tests) => tests.iter().map(Self::weight).sum(),
            Self::Member(_, test) => test.weight(),
            // A query of its own.
            Self::Attribute { test, .. } | Self::Tag { test, .. } | Self::KeyOf { test, .. } => {
                QUERY + test.weight()
            }
            Self::NoTag { .. } | Self::NoKeyOf { .. } | Self::Below(_) | Self::NotBelow(_) => QUERY,
            _ => 1,
        }
    }

    /// The same without a list of one.
    #[must_use]
    pub fn simplified(self) -> Self {
        match self {
            Self::All(mut tests) | Self::Any(mut tests) if tests.len() == 1 => {
                tests.pop().unwrap_or(Self::Present)
            }
            other => other,
        }
    }

    /// Returns true if it passes wherever another test does: it asks only for the presence of
    /// a tag that the other one tests.
    fn is_implied_by(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Present, test) => !matches!(test, Self::Absent),
            (
                Self::Tag { of, key, test },
                Self::Tag {
                    of: other_of,
                    key: other_key,
                    test: other,
                },
            ) => of == other_of && key == other_key && test.is_implied_by(other),
            (
                Self::KeyOf { of, id, test },
                Self::KeyOf {
                    of: other_of,
                    id: other_id,
                    test: other,
                },
            ) => of == other_of && id == other_id && test.is_implied_by(other),
            (
                Self::Attribute { of, name, test },
                Self::Attribute {
                    of: other_of,
                    name: other_name,
                    test: other,
                },
            ) => of == other_of && name == other_name && test.is_implied_by(other),
            _ => self == other,
        }
    }
}

impl Condition {
    fn is_implied_by(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Holds(operand, test), Self::Holds(other_operand, other)) => {
                operand == other_operand && test.is_implied_by(other)
            }
            _ => self == other,
        }
    }
}

/// The same without parts that another part implies.
fn without_implied(parts: Vec<Condition>) -> Vec<Condition> {
    let mut kept: Vec<Condition> = Vec::with_capacity(parts.len());
    for part in parts {
        if !kept.iter().any(|other| part.is_implied_by(other)) {
            kept.retain(|other| !other.is_implied_by(&part));
            kept.push(part);
        }
    }
    kept
}
