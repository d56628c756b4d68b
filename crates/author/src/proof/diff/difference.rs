//! The differences of two sets of policies.

use crate::proof::counterexample::Counterexample;
use crate::proof::kind::RequestKind;

/// The difference for one kind of request.
#[derive(Debug)]
pub struct KindDifference {
    /// The kind.
    pub kind: RequestKind,
    /// A newly allowed request, if there is one.
    pub more: DifferenceSide,
    /// A request that is no longer allowed, if there is one.
    pub less: DifferenceSide,
}

/// One direction of a difference.
#[derive(Debug)]
pub enum DifferenceSide {
    /// Nothing, proved.
    Nothing,
    /// A request that shows it.
    Found(Box<DifferingRequest>),
    /// Not known, for this reason.
    NotProved(String),
}

/// A request that one set allows and the other does not.
#[derive(Debug)]
pub struct DifferingRequest {
    /// With what the old policies decide of it.
    pub old: Counterexample,
    /// With what the new ones decide of it.
    pub new: Counterexample,
    /// True if the engine decides it as the solver does.
    pub confirmed: bool,
}

impl KindDifference {
    /// True unless it is proved that nothing is newly allowed.
    #[must_use]
    pub fn may_be_wider(&self) -> bool {
        !matches!(self.more, DifferenceSide::Nothing)
    }

    /// True if both directions are settled.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let settled = |side: &DifferenceSide| match side {
            DifferenceSide::Nothing => true,
            DifferenceSide::Found(found) => found.confirmed,
            DifferenceSide::NotProved(_) => false,
        };
        settled(&self.more) && settled(&self.less)
    }

    /// `more`, `less`, `both` or `same`; `unknown` where neither is found and one is not
    /// proved to be nothing.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match (&self.more, &self.less) {
            (DifferenceSide::Found(_), DifferenceSide::Found(_)) => "both",
            (DifferenceSide::Found(_), DifferenceSide::Nothing) => "more",
            (DifferenceSide::Nothing, DifferenceSide::Found(_)) => "less",
            (DifferenceSide::Nothing, DifferenceSide::Nothing) => "same",
            (
                DifferenceSide::Found(_) | DifferenceSide::NotProved(_),
                DifferenceSide::NotProved(_),
            )
            | (DifferenceSide::NotProved(_), _)
            | (DifferenceSide::Nothing, DifferenceSide::NotProved(_)) => "unknown",
        }
    }
}
