//! Lines as they are read again.

use std::io::{BufRead, Read};

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::act::is_act;
use super::entry::ANSWER;
use super::pseudonym::PREFIX;
use peppol_authz_engine::schema::parse_json;

/// Levels of JSON that a line may have: what the parser itself takes.
const JSON_DEPTH: usize = 127;

/// The most bytes of a line, with its end: no setting lets a longer one be written.
const LONGEST: u64 = (1 << 30) + 1;

/// A line of a log.
#[derive(Clone, Debug)]
pub struct Line {
    /// The number of the line, from 1.
    pub number: u64,
    /// The id of the decision.
    pub id: String,
    /// The surface that was asked.
    pub surface: String,
    /// The question in its native form; `None` if there was none.
    pub question: Option<Json>,
    /// The revision of the policies that decided.
    pub policy_revision: String,
    /// The state of the store that was decided from.
    pub tenancy_revision: String,
    /// The name of the key of its hashes; `None` if ids are written as they are.
    pub key: Option<String>,
    /// The parts that were left out, as the line would have been too long.
    pub cut: Vec<String>,
    /// The entities that the policies could look at, if they were written.
    pub slice: Option<Json>,
    /// For each entity, the tags that were asked for.
    pub(super) slice_tags: Vec<Json>,
    /// The entities that were looked for and were none.
    pub(super) slice_missing: Vec<Json>,
    /// The links of the store that matched, where policies rested on some.
    pub(super) links: Option<Vec<Json>>,
    /// The decision: JSON texts, in the order of [`ANSWER`].
    pub(super) answer: [String; ANSWER.len()],
    /// True if the line holds hashes.
    pub(super) is_veiled: bool,
}

/// A text that is no line, or only a part of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {number}: {problem}")]
pub struct Unreadable {
    /// The number of the line, from 1.
    pub number: u64,
    /// The problem, for people.
    pub problem: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ParsedLine<'a> {
    id: String,
    #[serde(default)]
    surface: String,
    #[serde(borrow)]
    question: &'a RawValue,
    decision: &'a RawValue,
    codes: &'a RawValue,
    diagnostics: &'a RawValue,
    reasons: &'a RawValue,
    obligations: &'a RawValue,
    policy_revision: String,
    tenancy_revision: String,
    key: Option<String>,
    #[serde(default)]
    cut: Vec<String>,
    slice: Option<&'a RawValue>,
    #[serde(default)]
    slice_tags: Vec<Json>,
    #[serde(default)]
    slice_missing: Vec<Json>,
    links: Option<Vec<Json>>,
}

/// The lines of a log, one by one. Empty lines and those of acts are left out.
pub fn lines(mut log: impl BufRead) -> impl Iterator<Item = Result<Line, Unreadable>> {
    let mut number = 0;
    let mut ended = false;
    std::iter::from_fn(move || {
        loop {
            if ended {
                return None;
            }
            number += 1;
            let mut text = Vec::new();
            match (&mut log).take(LONGEST).read_until(b'\n', &mut text) {
                Ok(0) => return None,
                // It could be endless.
                Ok(_) if !text.ends_with(b"\n") && text.len() as u64 == LONGEST => {
                    ended = true;
                    let problem = "it is too long, and nothing behind it is read".to_owned();
                    return Some(Err(Unreadable { number, problem }));
                }
                Ok(_) if text.trim_ascii().is_empty() => {}
                Ok(_) => match Line::read(number, &text) {
                    // An act of an operator is no decision.
                    Err(_) if is_act(&text) => {}
                    line => return Some(line),
                },
                Err(error) => {
                    // The next read would fail in the same way.
                    ended = true;
                    let problem = error.to_string();
                    return Some(Err(Unreadable { number, problem }));
                }
            }
        }
    })
}

impl Line {
    fn read(number: u64, text: &[u8]) -> Result<Self, Unreadable> {
        let unreadable = |problem: String| Unreadable { number, problem };
        // The text of serde may repeat contents of the line.
        let written: ParsedLine<'_> = serde_json::from_slice(text).map_err(|error| {
            let problem = if error.is_data() {
                "it is no line of a decision log"
            } else {
                "it is no JSON, or only a part of it"
            };
            unreadable(format!("{problem} (column {})", error.column()))
        })?;
        let parse = |raw: &RawValue| {
            parse_json(raw.get().as_bytes(), JSON_DEPTH)
                .map_err(|error| unreadable(error.to_string()))
        };
        let question = match written.question.get() {
            "null" => None,
            _ => Some(parse(written.question)?),
        };
        let may_name = [written.question, written.diagnostics, written.reasons];
        let is_veiled = may_name.iter().any(|raw| raw.get().contains(PREFIX));
        let answer = [
            written.decision,
            written.codes,
            written.diagnostics,
            written.reasons,
            written.obligations,
        ];
        Ok(Self {
            number,
            id: written.id,
            surface: written.surface,
            question,
            policy_revision: written.policy_revision,
            tenancy_revision: written.tenancy_revision,
            is_veiled: written.key.is_some() && is_veiled,
            key: written.key,
            cut: written.cut,
            slice: written.slice.map(parse).transpose()?,
            slice_tags: written.slice_tags,
            slice_missing: written.slice_missing,
            links: written.links,
            answer: answer.map(|raw| raw.get().to_owned()),
        })
    }

    /// The decision as it was written: `Allow` or `Deny`.
    #[must_use]
    pub fn decision(&self) -> &str {
        let [decision, ..] = &self.answer;
        decision.trim_matches('"')
    }

    /// The codes of a denial.
    #[must_use]
    pub fn codes(&self) -> Vec<String> {
        let [_, codes, ..] = &self.answer;
        serde_json::from_str(codes).unwrap_or_default()
    }
}
