//! Conditions out of conditions, in their simplest form.

use super::implied::without_implied;
use super::{Condition, ValueTest};

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
