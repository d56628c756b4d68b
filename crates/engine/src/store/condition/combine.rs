//! Conditions out of conditions, in their simplest form.

use super::implied::without_implied;
use super::{Condition, ValueTest};
use crate::combine::{Combined, combined, distinct, whole};

impl Condition {
    /// All of these.
    #[must_use]
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let all = combined(parts, |part| match part {
            Self::Always => Combined::Neutral,
            Self::Never => Combined::Decisive,
            Self::All(parts) => Combined::Same(parts),
            other => Combined::Other(other),
        });
        all.map_or(Self::Never, |all| {
            whole(without_implied(all), Self::Always, Self::All)
        })
    }

    /// One of these.
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
}

impl ValueTest {
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
}
