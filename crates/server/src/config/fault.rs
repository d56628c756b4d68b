//! The faults of a configuration, each with its origin.

use std::fmt;

/// All faults of a configuration, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// In this order: file, variables, flags, values that do not fit, values out of range.
    pub faults: Vec<Fault>,
}

/// One fault of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` from `{origin}`: {problem}")]
pub struct Fault {
    /// The setting, as `server.workers`.
    pub key: String,
    /// The file, variable or flag that set it.
    pub origin: String,
    /// The problem, for people.
    pub problem: String,
}

// === impl Fault ===

impl Fault {
    pub(super) fn new(
        key: impl Into<String>,
        origin: impl Into<String>,
        problem: impl Into<String>,
    ) -> Self {
        Self {
            key: key.into(),
            origin: origin.into(),
            problem: problem.into(),
        }
    }
}

// === impl ConfigError ===

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.faults.as_slice() {
            [fault] => write!(f, "invalid configuration: {fault}"),
            faults => {
                write!(f, "invalid configuration, {} faults:", faults.len())?;
                faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
            }
        }
    }
}

impl std::error::Error for ConfigError {}
