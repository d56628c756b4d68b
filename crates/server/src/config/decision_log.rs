//! The decision log.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use super::range::SettingFaults;

/// The decision log: one JSON line for each decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionLog {
    /// Where it is written.
    pub to: LogTarget,
    /// What happens to an answer while there is no room for its line.
    pub when_full: WhenFull,
    /// Lines that wait to be written, at most.
    pub capacity: usize,
    /// Bytes that they take, at most.
    pub queue_bytes: usize,
    /// From how many bytes on a file is given up for a new one; 0 is never.
    pub rotate_bytes: u64,
    /// How many files that were given up are kept.
    pub keep: usize,
    /// Whether the entities are written too that the policies could look at.
    pub slice: bool,
    /// What is written of ids that say who somebody is.
    pub personal: Personal,
    /// A file whose contents are the key of their hashes.
    pub key_file: Option<PathBuf>,
}

/// Where the decision log is written: `off`, `stdout` or `file:PATH`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LogTarget {
    /// Nowhere.
    Off,
    /// To standard output.
    Stdout,
    /// To the end of a file, which is made where missing.
    File(PathBuf),
}

/// What happens to an answer while there is no room for its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    /// It waits, for as long as a request may take.
    Wait,
    /// It leaves; that there is no line is counted.
    Drop,
    /// It is not given.
    Refuse,
}

/// What is written of ids that say who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Personal {
    /// A keyed hash.
    Hash,
    /// The ids.
    Plain,
}

/// Why a text is not a [`LogTarget`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogTargetError {
    /// None of the three.
    #[error("expected `off`, `stdout` or `file:PATH`, found `{0}`")]
    Unknown(String),
    /// Nothing after `file:`.
    #[error("`file:` names no file")]
    Empty,
}

// === impl DecisionLog ===

impl DecisionLog {
    pub(super) fn check(&self, faults: &mut SettingFaults) {
        faults.number("decision_log.capacity", self.capacity, 1..=1_000_000);
        faults.number(
            "decision_log.queue_bytes",
            self.queue_bytes,
            64 << 10..=2 << 30,
        );
        // Less than a line may have would leave a file for each.
        let rotate_bytes = usize::try_from(self.rotate_bytes).unwrap_or(usize::MAX);
        if rotate_bytes > 0 {
            faults.number("decision_log.rotate_bytes", rotate_bytes, 4096..=1 << 40);
        }
        faults.number("decision_log.keep", self.keep, 1..=1000);
        faults.path("decision_log.key_file", self.key_file.as_deref());
    }
}

// === impl LogTarget ===

impl FromStr for LogTarget {
    type Err = LogTargetError;

    fn from_str(text: &str) -> Result<Self, LogTargetError> {
        match (text, text.strip_prefix("file:")) {
            ("off", _) => Ok(Self::Off),
            ("stdout", _) => Ok(Self::Stdout),
            (_, Some("")) => Err(LogTargetError::Empty),
            (_, Some(path)) => Ok(Self::File(path.into())),
            _ => Err(LogTargetError::Unknown(text.to_owned())),
        }
    }
}

impl TryFrom<String> for LogTarget {
    type Error = LogTargetError;

    fn try_from(text: String) -> Result<Self, LogTargetError> {
        text.parse()
    }
}

impl fmt::Display for LogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Stdout => f.write_str("stdout"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl Serialize for LogTarget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_written_as_it_is_read() {
        for text in ["off", "stdout", "file:decisions.log", "file:/var/log/a b:c"] {
            assert_eq!(text.parse::<LogTarget>().unwrap().to_string(), text);
        }
        let path = LogTarget::File("/d.log".into());
        assert_eq!("file:/d.log".parse(), Ok(path));
        assert_eq!("file:".parse::<LogTarget>(), Err(LogTargetError::Empty));
        for text in ["", "on", "stderr", "/d.log", "File:x", "stdout "] {
            let wrong = Err(LogTargetError::Unknown(text.to_owned()));
            assert_eq!(text.parse::<LogTarget>(), wrong);
        }
    }
}
