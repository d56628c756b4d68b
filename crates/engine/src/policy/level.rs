//! The number of references that policies may follow.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The greatest number of references that a policy may follow from the entities of a question. Each of
/// them is a further step of reading for a question whose entities are not in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct MaxLevel(u32);

impl MaxLevel {
    /// The greatest that can be set.
    pub const GREATEST: Self = Self(20);

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Default for MaxLevel {
    fn default() -> Self {
        Self(5)
    }
}

impl TryFrom<u32> for MaxLevel {
    type Error = &'static str;

    fn try_from(level: u32) -> Result<Self, Self::Error> {
        match level <= Self::GREATEST.0 {
            true => Ok(Self(level)),
            false => Err("a number of references from 0 to 20 is wanted"),
        }
    }
}

impl From<MaxLevel> for u32 {
    fn from(level: MaxLevel) -> Self {
        level.0
    }
}

impl FromStr for MaxLevel {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A text that is no number is beyond the greatest.
        Self::try_from(text.parse().unwrap_or(u32::MAX))
    }
}

impl fmt::Display for MaxLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
