//! One change of a policy's text.

use std::ops::Range;

/// The kinds of change, in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MutationOperator {
    /// The policy is left out.
    DropPolicy,
    /// `permit` and `forbid`.
    FlipEffect,
    /// A part of the scope is left out: `resource is T` is `resource`.
    WidenScope,
    /// `action == a` is `action in [a, b]`, for each `b` that its principals and resources
    /// could be asked about.
    AddAction,
    /// A clause is left out.
    DropClause,
    /// `when` and `unless`.
    FlipClause,
    /// A part of `a && b` is left out.
    DropConjunct,
    /// A part of `a || b` is left out.
    DropDisjunct,
    /// `!a` is `a`.
    DropNegation,
    /// `==` and `!=`; `<`, `<=`, `>` and `>=`; `in` is `==`.
    FlipComparison,
    /// `containsAny` and `containsAll`.
    FlipContains,
    /// An element of a list is left out.
    DropElement,
    /// An entity of an `enum` type is another of that type.
    SwapEntity,
    /// An attribute is another of its type.
    SwapAttribute,
    /// `true` and `false`.
    FlipBool,
    /// `if a then b else c` is `b`, or `c`.
    TakeBranch,
}

/// A change of a policy's text, in bytes from its start.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    pub(super) operator: MutationOperator,
    /// The part that a reader is shown.
    pub(super) shown: Range<usize>,
    /// The replaced part; `None` leaves the whole policy out.
    pub(super) replaced: Option<Range<usize>>,
    /// The new text.
    pub(super) by: String,
    /// A few words about the change, for a reader.
    pub(super) says: String,
}

impl MutationOperator {
    /// All of them, in their order.
    pub const ALL: [Self; 16] = [
        Self::DropPolicy,
        Self::FlipEffect,
        Self::WidenScope,
        Self::AddAction,
        Self::DropClause,
        Self::FlipClause,
        Self::DropConjunct,
        Self::DropDisjunct,
        Self::DropNegation,
        Self::FlipComparison,
        Self::FlipContains,
        Self::DropElement,
        Self::SwapEntity,
        Self::SwapAttribute,
        Self::FlipBool,
        Self::TakeBranch,
    ];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DropPolicy => "drop-policy",
            Self::FlipEffect => "flip-effect",
            Self::WidenScope => "widen-scope",
            Self::AddAction => "add-action",
            Self::DropClause => "drop-clause",
            Self::FlipClause => "flip-clause",
            Self::DropConjunct => "drop-conjunct",
            Self::DropDisjunct => "drop-disjunct",
            Self::DropNegation => "drop-negation",
            Self::FlipComparison => "flip-comparison",
            Self::FlipContains => "flip-contains",
            Self::DropElement => "drop-element",
            Self::SwapEntity => "swap-entity",
            Self::SwapAttribute => "swap-attribute",
            Self::FlipBool => "flip-bool",
            Self::TakeBranch => "take-branch",
        }
    }
}

impl Edit {
    /// Puts `by` in that place.
    pub(super) fn replace(
        operator: MutationOperator,
        place: Range<usize>,
        by: impl Into<String>,
    ) -> Self {
        let by = by.into();
        Self {
            operator,
            shown: place.clone(),
            replaced: Some(place),
            says: format!("becomes `{by}`"),
            by,
        }
    }

    /// Leaves `shown` out. `replaced` is the text to remove with it; `None` is the whole policy.
    pub(super) fn leave_out(
        operator: MutationOperator,
        shown: Range<usize>,
        replaced: Option<Range<usize>>,
    ) -> Self {
        Self {
            operator,
            shown,
            replaced,
            by: String::new(),
            says: "left out".to_owned(),
        }
    }

    /// The text with the change, or `None` where nothing is left. The outer `None` is
    /// a place that the text does not have.
    pub(super) fn apply(&self, text: &str) -> Option<Option<String>> {
        let Some(replaced) = &self.replaced else {
            return Some(None);
        };
        let (before, after) = (text.get(..replaced.start)?, text.get(replaced.end..)?);
        Some(Some(format!("{before}{}{after}", self.by)))
    }
}

/// For each part of a list, the part and the text to remove with it: the separator beside it.
pub(super) fn each_left_out(parts: &[Range<usize>]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut found = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|before| parts.get(before));
        let gone = match (before, parts.get(i + 1)) {
            (Some(before), _) => before.end..part.end,
            (None, Some(next)) => part.start..next.start,
            (None, None) => part.clone(),
        };
        found.push((part.clone(), gone));
    }
    found
}
