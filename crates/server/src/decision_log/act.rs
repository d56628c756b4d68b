//! The line of an administrative act: somebody has had files read again, or has changed the log; or something that
//! changed was loaded, or refused.

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
    /// The one that asked for it; `None` where something was noticed to have changed.
    pub caller: Option<String>,
    /// The value that something is changed to.
    pub value: Option<String>,
    /// The thing that was loaded, if that is the act.
    pub load: Option<LoadAct>,
}

/// The load of something, such as policies, as the act that it is.
#[derive(Clone, Debug)]
pub struct LoadAct {
    /// The kind of the thing.
    pub part: &'static str,
    /// Its name among those of its kind; empty if there is one alone.
    pub name: String,
    /// The revision of what was taken, or the number of faults for which it was refused. The faults themselves may
    /// name people, and stand in the program's own log.
    pub outcome: Result<String, usize>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    load: Option<LoadMembers<'a>>,
}

#[derive(Serialize)]
struct LoadMembers<'a> {
    part: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    faults: Option<usize>,
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
            caller: act
                .caller
                .as_ref()
                .map(|caller| match caller.starts_with("token:") {
                    true => pseudonyms.of(caller),
                    false => caller.clone(),
                }),
            value: act.value.as_deref(),
            load: act.load.as_ref().map(LoadAct::members),
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

impl LoadAct {
    fn members(&self) -> LoadMembers<'_> {
        LoadMembers {
            part: self.part,
            name: &self.name,
            outcome: match self.outcome {
                Ok(_) => "taken",
                Err(_) => "refused",
            },
            revision: self.outcome.as_deref().ok(),
            faults: self.outcome.as_ref().err().copied(),
        }
    }
}

impl Act {
    /// The memory that it takes while it waits, about, in bytes.
    pub(super) fn weight(&self) -> usize {
        let loaded = self
            .load
            .iter()
            .map(|load| load.name.len() + load.outcome.as_ref().map_or(0, String::len));
        let texts = self.caller.iter().chain(&self.value).map(String::len);
        ALONE + texts.chain(loaded).sum::<usize>()
    }
}
