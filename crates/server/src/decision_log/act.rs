//! The line of an administrative act: somebody has had files read again, or has changed the log.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::entry::json_text;
use super::pseudonym::Pseudonyms;
use crate::instant;

/// The memory that an act takes while it waits, beside its texts, in bytes.
const ALONE: usize = 512;

/// An administrative act, which is a line of the decision log beside those of decisions.
#[derive(Clone, Debug)]
pub struct Act {
    /// Its name among all lines.
    pub id: Uuid,
    /// When it was asked for.
    pub at: SystemTime,
    /// Where it was asked for.
    pub surface: &'static str,
    /// The act.
    pub name: &'static str,
    /// The one that asked for it.
    pub caller: String,
    /// The value that something is changed to.
    pub value: Option<String>,
}

#[derive(Serialize)]
struct ActLine<'a> {
    id: Uuid,
    time: String,
    surface: &'static str,
    administration: ActMembers<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

#[derive(Serialize)]
struct ActMembers<'a> {
    act: &'static str,
    caller: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
}

/// A line that is one of an act.
#[derive(Deserialize)]
struct FoundAct {
    #[serde(rename = "administration")]
    _members: serde::de::IgnoredAny,
}

/// Adds the line of an act to a text.
///
/// # Errors
/// A text cannot be written as JSON; there is no such text.
pub(super) fn write(
    act: &Act,
    pseudonyms: &Pseudonyms,
    text: &mut Vec<u8>,
) -> serde_json::Result<()> {
    let line = ActLine {
        id: act.id,
        time: instant::microseconds(act.at),
        surface: act.surface,
        administration: ActMembers {
            act: act.name,
            // The subject of a token may be a person.
            caller: match act.caller.starts_with("token:") {
                true => pseudonyms.of(&act.caller),
                false => act.caller.clone(),
            },
            value: act.value.as_deref(),
        },
        key: pseudonyms.key_name(),
    };
    text.extend_from_slice(json_text(&line)?.as_bytes());
    text.push(b'\n');
    Ok(())
}

/// True if a line is that of an act.
#[must_use]
pub fn is_act(line: &[u8]) -> bool {
    serde_json::from_slice::<FoundAct>(line).is_ok()
}

impl Act {
    /// The memory that it takes while it waits, about, in bytes.
    pub(super) fn weight(&self) -> usize {
        let value = self.value.as_ref().map_or(0, String::len);
        ALONE + self.caller.len() + value
    }
}
