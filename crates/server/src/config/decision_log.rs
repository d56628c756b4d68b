//! The decision log.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use super::range::SettingFaults;
use super::syslog::{SyslogFacility, SyslogServer};

/// The decision log: one JSON line for each decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionLogSettings {
    /// The target.
    pub to: LogTarget,
    /// The fate of an answer while there is no room for its line.
    pub when_full: WhenFull,
    /// Decisions that may wait to be written.
    pub capacity: usize,
    /// The memory for these decisions, in bytes.
    pub queue_bytes: usize,
    /// The length of a line, in bytes; longer ones are cut.
    pub line_bytes: usize,
    /// The size at which a new file is begun, in bytes; 0 is never.
    pub rotate_bytes: u64,
    /// The number of older files that are kept.
    pub keep: usize,
    /// True if a line also has the entities that the policies could look at.
    pub slice: bool,
    /// The form of personal ids.
    pub personal: Personal,
    /// A file that holds the key of their hashes.
    pub key_file: Option<PathBuf>,
    /// The facility of messages to syslog.
    pub facility: SyslogFacility,
    /// A PEM file of root certificates for the syslog server, in place of the system's.
    pub ca_certificate: Option<PathBuf>,
    /// True if lines may leave this machine without TLS.
    pub allow_plain: bool,
}

/// The target of the decision log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LogTarget {
    /// Nowhere.
    Off,
    /// Standard output.
    Stdout,
    /// The end of a file, which is created if it does not exist.
    File(PathBuf),
    /// A syslog server.
    Syslog(SyslogServer),
    /// The OpenTelemetry collector, as log records.
    Otlp,
}

/// The fate of an answer while there is no room for its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    /// It waits, for as long as a request may take.
    Wait,
    /// It leaves without a line, and the missing line is counted.
    Drop,
    /// It is not given.
    Refuse,
}

/// The form of personal ids.
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
    /// None of these.
    #[error(
        "expected `off`, `stdout`, `file:PATH`, `otlp`, `syslog:/PATH`, `syslog+udp://HOST:PORT`, \
         `syslog+tcp://HOST:PORT` or `syslog+tls://HOST:PORT`, found `{0}`"
    )]
    Unknown(String),
    /// Nothing after `file:`.
    #[error("`file:` names no file")]
    Empty,
}

/// The longest line that fits into a datagram of UDP, with what stands before it.
const LONGEST_BY_UDP: usize = 60_000;

// === impl DecisionLogSettings ===

impl DecisionLogSettings {
    pub(super) fn check(&self, faults: &mut SettingFaults) {
        faults.number("decision_log.capacity", self.capacity, 1..=1_000_000);
        faults.number(
            "decision_log.queue_bytes",
            self.queue_bytes,
            64 << 10..=2 << 30,
        );
        faults.number(
            "decision_log.line_bytes",
            self.line_bytes,
            4 << 10..=1 << 30,
        );
        // Below the length of a line each line would get its own file.
        let rotate_bytes = usize::try_from(self.rotate_bytes).unwrap_or(usize::MAX);
        if rotate_bytes > 0 {
            faults.number("decision_log.rotate_bytes", rotate_bytes, 4096..=1 << 40);
        }
        faults.number("decision_log.keep", self.keep, 1..=1000);
        faults.path("decision_log.key_file", self.key_file.as_deref());
        let certificate = self.ca_certificate.as_deref();
        faults.path("decision_log.ca_certificate", certificate);
        if let LogTarget::Syslog(server) = &self.to {
            if server.is_plain_to_others() && !self.allow_plain {
                let text = "lines could be read on the way: `syslog+tls://…`, a server on this machine, or \
                            `decision_log.allow_plain = true` is needed";
                faults.add("decision_log.to", text);
            }
            if server.is_udp() && self.line_bytes > LONGEST_BY_UDP {
                let text = format!(
                    "must be at most `{LONGEST_BY_UDP}` with `syslog+udp://…`, found `{}`",
                    self.line_bytes
                );
                faults.add("decision_log.line_bytes", text);
            }
        }
    }
}

// === impl LogTarget ===

impl FromStr for LogTarget {
    type Err = LogTargetError;

    fn from_str(text: &str) -> Result<Self, LogTargetError> {
        match (text, text.strip_prefix("file:")) {
            ("off", _) => Ok(Self::Off),
            ("stdout", _) => Ok(Self::Stdout),
            ("otlp", _) => Ok(Self::Otlp),
            (_, Some("")) => Err(LogTargetError::Empty),
            (_, Some(path)) => Ok(Self::File(path.into())),
            _ => match SyslogServer::read(text) {
                Some(server) => Ok(Self::Syslog(server)),
                None => Err(LogTargetError::Unknown(text.to_owned())),
            },
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
            Self::Syslog(server) => server.fmt(f),
            Self::Otlp => f.write_str("otlp"),
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
        for text in [
            "off",
            "stdout",
            "file:decisions.log",
            "file:/var/log/a b:c",
            "otlp",
            "syslog:/dev/log",
        ] {
            assert_eq!(text.parse::<LogTarget>().unwrap().to_string(), text);
        }
        let path = LogTarget::File("/d.log".into());
        assert_eq!("file:/d.log".parse(), Ok(path));
        assert_eq!("file:".parse::<LogTarget>(), Err(LogTargetError::Empty));
        for text in ["", "on", "stderr", "/d.log", "File:x", "stdout ", "syslog:"] {
            let wrong = Err(LogTargetError::Unknown(text.to_owned()));
            assert_eq!(text.parse::<LogTarget>(), wrong);
        }
    }
}
