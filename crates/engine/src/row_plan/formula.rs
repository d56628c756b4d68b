//! A condition that is not worked out yet: tests of the row, and claims about entities that the
//! store knows.

use std::sync::Arc;

use cedar_policy::pst::Expr;

use super::condition::RowCondition;
use crate::combine::{Combined, combined, whole};

/// A condition on a row, of which parts are still to be looked up in the store.
#[derive(Clone, Debug)]
pub(super) enum Formula {
    /// All of these hold.
    All(Vec<Formula>),
    /// One of these holds.
    Any(Vec<Formula>),
    /// The row passes tests.
    Row(RowCondition),
    /// A claim, which the store settles.
    Claim(Claim),
}

/// A claim about one entity that the row names. It holds only where the row names one that the store
/// holds.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    /// The entity that it is about; `None` where it depends on no row.
    pub(super) about: Option<Reference>,
    pub(super) terms: Terms,
}

/// Attributes that lead from the row's entity to another one; none for the entity itself.
pub(super) type Reference = Vec<Arc<str>>;

/// Expressions and what they have to evaluate to.
#[derive(Clone, Debug)]
pub(super) enum Terms {
    /// All of these.
    All(Vec<Terms>),
    /// One of these.
    Any(Vec<Terms>),
    /// The expression evaluates to that, and does not fail.
    Is(Arc<Expr>, bool),
}

impl Terms {
    /// Terms that hold exactly where these do not, if none of their expressions can fail.
    pub(super) fn negated(&self, can_fail: &impl Fn(&Expr) -> bool) -> Option<Self> {
        let all = |parts: &[Self]| -> Option<Vec<Self>> {
            parts.iter().map(|part| part.negated(can_fail)).collect()
        };
        match self {
            Self::All(parts) => all(parts).map(Self::Any),
            Self::Any(parts) => all(parts).map(Self::All),
            Self::Is(expression, want) => {
                (!can_fail(expression)).then(|| Self::Is(Arc::clone(expression), !want))
            }
        }
    }

    /// True if one of these parts is that an expression is true, another one that it is false, and it
    /// cannot fail: one of them holds.
    pub(super) fn are_exhaustive(parts: &[Self], can_fail: &impl Fn(&Expr) -> bool) -> bool {
        parts.iter().any(|part| match part {
            Self::Is(expression, true) => {
                let is_opposite =
                    |other: &Self| matches!(other, Self::Is(other, false) if other == expression);
                parts.iter().any(is_opposite) && !can_fail(expression)
            }
            _ => false,
        })
    }
}

impl Formula {
    pub(super) const ALWAYS: Self = Self::Row(RowCondition::Always);
    pub(super) const NEVER: Self = Self::Row(RowCondition::Never);

    pub(super) fn certain(holds: bool) -> Self {
        Self::Row(RowCondition::certain(holds))
    }

    /// All of these; claims about one entity become one.
    pub(super) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let all = combined(parts, |part| match part {
            Self::Row(RowCondition::Always) => Combined::Neutral,
            Self::Row(RowCondition::Never) => Combined::Decisive,
            Self::All(parts) => Combined::Same(parts),
            other => Combined::Other(other),
        });
        all.map_or(Self::NEVER, |all| {
            whole(joined(all, Terms::All), Self::ALWAYS, Self::All)
        })
    }

    /// One of these; claims about one entity become one.
    pub(super) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let any = combined(parts, |part| match part {
            Self::Row(RowCondition::Never) => Combined::Neutral,
            Self::Row(RowCondition::Always) => Combined::Decisive,
            Self::Any(parts) => Combined::Same(parts),
            other => Combined::Other(other),
        });
        any.map_or(Self::ALWAYS, |any| {
            whole(joined(any, Terms::Any), Self::NEVER, Self::Any)
        })
    }

    /// The same, where a claim that has to hold together with another one about the same entity is
    /// a claim of both: fewer entities are looked up for it.
    pub(super) fn strengthened(mut self) -> Self {
        match &mut self {
            Self::All(parts) => strengthen(parts),
            Self::Any(parts) => {
                let all = std::mem::take(parts).into_iter();
                *parts = all.map(Self::strengthened).collect();
            }
            Self::Row(_) | Self::Claim(_) => {}
        }
        self
    }

    /// The claims that depend on no row.
    pub(super) fn constants<'a>(&'a self, found: &mut Vec<&'a Terms>) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.constants(found));
            }
            Self::Claim(claim) if claim.about.is_none() => found.push(&claim.terms),
            Self::Row(_) | Self::Claim(_) => {}
        }
    }

    /// The same with those settled, in the order of [`Formula::constants`].
    pub(super) fn settled(self, holds: &mut impl Iterator<Item = bool>) -> Self {
        match self {
            Self::All(parts) => {
                let parts: Vec<Self> = parts.into_iter().map(|p| p.settled(holds)).collect();
                Self::all(parts)
            }
            Self::Any(parts) => {
                let parts: Vec<Self> = parts.into_iter().map(|p| p.settled(holds)).collect();
                Self::any(parts)
            }
            Self::Claim(claim) if claim.about.is_none() => {
                Self::certain(holds.next().unwrap_or(false))
            }
            other => other,
        }
    }
}

/// Parts of which claims about one entity are one claim.
fn joined(parts: Vec<Formula>, join: fn(Vec<Terms>) -> Terms) -> Vec<Formula> {
    let mut all: Vec<Formula> = Vec::with_capacity(parts.len());
    let mut claims: Vec<(Option<Reference>, Vec<Terms>)> = Vec::new();
    for part in parts {
        match part {
            Formula::Claim(Claim { about, terms }) => {
                match claims.iter_mut().find(|(other, _)| *other == about) {
                    Some((_, others)) => others.push(terms),
                    None => claims.push((about, vec![terms])),
                }
            }
            other => all.push(other),
        }
    }
    all.extend(claims.into_iter().map(|(about, terms)| {
        let terms = whole(terms, Terms::All(Vec::new()), join);
        Formula::Claim(Claim { about, terms })
    }));
    all
}

/// Strengthens the claims within parts that all have to hold.
fn strengthen(all: &mut [Formula]) {
    let claims: Vec<Claim> = all
        .iter()
        .filter_map(|part| match part {
            Formula::Claim(claim) if claim.about.is_some() => Some(claim.clone()),
            _ => None,
        })
        .collect();
    for part in all {
        if let Formula::Any(parts) = part {
            parts.iter_mut().for_each(|part| within(part, &claims));
        }
    }
}

fn within(part: &mut Formula, claims: &[Claim]) {
    match part {
        Formula::All(parts) | Formula::Any(parts) => {
            parts.iter_mut().for_each(|part| within(part, claims));
        }
        Formula::Claim(inner) => {
            let beside = claims.iter().find(|claim| claim.about == inner.about);
            if let Some(beside) = beside {
                inner.terms = Terms::All(vec![inner.terms.clone(), beside.terms.clone()]);
            }
        }
        Formula::Row(_) => {}
    }
}
