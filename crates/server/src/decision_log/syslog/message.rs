//! A message of syslog.

use std::io::Write as _;
use std::time::SystemTime;

use crate::config::SyslogFacility;
use crate::instant;

/// The severity of a message: for information (RFC 5424, 6.2.1).
const INFO: u8 = 6;

/// The longest name of a machine.
const LONGEST_NAME: usize = 255;

/// The bytes before each message.
pub(super) struct MessageHead {
    priority: u8,
    /// The machine, the program, the process and the kind of message; no structured data.
    rest: String,
}

impl MessageHead {
    pub(super) fn new(facility: SyslogFacility) -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host: String = host
            .trim()
            .chars()
            .filter(char::is_ascii_graphic)
            .take(LONGEST_NAME)
            .collect();
        let host = if host.is_empty() { "-" } else { &*host };
        let (program, process) = (crate::PROGRAM, std::process::id());
        Self {
            priority: facility.number() * 8 + INFO,
            rest: format!("{host} {program} {process} decision -"),
        }
    }

    /// Adds a message with a line, which has no line break.
    pub(super) fn add(&self, line: &[u8], text: &mut Vec<u8>) {
        let (priority, rest) = (self.priority, &self.rest);
        let time = instant::microseconds(SystemTime::now());
        // To write to memory does not fail.
        let _ = write!(text, "<{priority}>1 {time} {rest} ");
        text.extend_from_slice(line);
    }

    /// The same, with its length before it.
    pub(super) fn add_counted(&self, line: &[u8], text: &mut Vec<u8>) {
        let mut message = Vec::with_capacity(line.len() + 120);
        self.add(line, &mut message);
        let _ = write!(text, "{} ", message.len());
        text.append(&mut message);
    }
}

/// A line without its line break.
pub(super) fn without_break(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_the_form_of_rfc_5424() {
        let head = MessageHead::new(SyslogFacility::Authpriv);
        let mut text = Vec::new();
        head.add_counted(b"{\"a\":1}", &mut text);
        let text = String::from_utf8(text).unwrap();
        let (length, message) = text.split_once(' ').unwrap();
        assert_eq!(length.parse(), Ok(message.len()));
        let parts: Vec<&str> = message.splitn(8, ' ').collect();
        let pid = std::process::id().to_string();
        assert_eq!(parts[0], "<86>1");
        assert!(
            parts[1].ends_with('Z') && parts[1].contains('T'),
            "{message}"
        );
        assert_eq!(
            parts[3..],
            ["peppol-authz", &*pid, "decision", "-", "{\"a\":1}"]
        );
    }
}
