//! The cost of conditions.

use super::{Condition, Operand, ValueTest};

/// The weight of a query of its own, in tests: a database plans each.
const QUERY: usize = 10;

impl Condition {
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

impl ValueTest {
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
}
