//! The differences of two sets of policies.

use crate::proof::counterexample::Counterexample;
use crate::proof::kind::Kind;

/// The difference for one kind of request.
#[derive(Debug)]
pub struct Difference {
    /// The kind.
    pub kind: Kind,
    /// A newly allowed request, if there is one.
    pub more: Side,
    /// A request that is no longer allowed, if there is one.
    pub less: Side,
}

/// One direction of a difference.
#[derive(Debug)]
pub enum Side {
    /// Nothing, proved.
    Nothing,
    /// A request that shows it.
    Found(Box<Found>),
    /// Not known, for this reason.
    NotProved(String),
}

/// A request that one set allows and the other does not.
#[derive(Debug)]
pub struct Found {
    /// With what the old policies decide of it.
    pub old: Counterexample,
    /// With what the new ones decide of it.
    pub new: Counterexample,
    /// True if the engine decides it as the solver does.
    pub confirmed: bool,
}

impl Difference {
    /// True unless it is proved that nothing is newly allowed.
    #[must_use]
    pub fn may_be_wider(&self) -> bool {
        !matches!(self.more, Side::Nothing)
    }

    /// True if both directions are settled.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let settled = |side: &Side| match side {
            Side::Nothing => true,
            Side::Found(found) => found.confirmed,
            Side::NotProved(_) => false,
        };
        settled(&self.more) && settled(&self.less)
    }

    /// `more`, `less`, `both` or `same`; `unknown` where neither is found and one is not
    /// proved to be nothing.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match (&self.more, &self.less) {
            (Side::Found(_), Side::Found(_)) => "both",
            (Side::Found(_), Side::Nothing) => "more",
            (Side::Nothing, Side::Found(_)) => "less",
            (Side::Nothing, Side::Nothing) => "same",
            (Side::Found(_) | Side::NotProved(_), Side::NotProved(_))
            | (Side::NotProved(_), _)
            | (Side::Nothing, Side::NotProved(_)) => "unknown",
        }
    }
}
