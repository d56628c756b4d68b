//! The decision log.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

/// The decision log: one JSON line for each decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LogTarget {
    /// Nowhere.
    #[default]
    Off,
    /// To standard output.
    Stdout,
    /// To the end of a file, which is made where missing.
    File(PathBuf),
}

/// What happens to an answer while there is no room for its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    /// It waits, for as long as a request may take.
    #[default]
    Wait,
    /// It leaves; that there is no line is counted.
    Drop,
    /// It is not given.
    Refuse,
}

/// What is written of ids that say who somebody is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Personal {
    /// A keyed hash.
    #[default]
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

impl Default for DecisionLog {
    fn default() -> Self {
        Self {
            to: LogTarget::default(),
            when_full: WhenFull::default(),
            capacity: 10_000,
            queue_bytes: 64 << 20,
            rotate_bytes: 256 << 20,
            keep: 10,
            slice: false,
            personal: Personal::default(),
            key_file: None,
        }
    }
}

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
