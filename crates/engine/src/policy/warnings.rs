//! The fate of policies that Cedar warns of.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The fate of a set with a policy that Cedar warns of: one that can never apply, or a text in several
/// scripts. Characters that change the direction of a text, and names that look like others, are refused
/// whatever is said here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Warnings {
    /// The set is refused.
    #[default]
    Deny,
    /// It is taken, and the log says so.
    Log,
}

impl Warnings {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Log => "log",
        }
    }
}

impl FromStr for Warnings {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "deny" => Ok(Self::Deny),
            "log" => Ok(Self::Log),
            _ => Err("`deny` or `log` is wanted"),
        }
    }
}
