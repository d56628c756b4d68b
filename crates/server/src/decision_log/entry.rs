//! One line: the question, the decision, and the entities that it was decided from.

use std::borrow::Cow;
use std::cell::LazyCell;

use serde::Serialize;
use serde::ser::Error as _;
use serde_json::Value as Json;
use uuid::Uuid;

use super::pseudonym::Pseudonyms;
use super::shown::LineVeil;
use super::weight::weight;
use crate::instant;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::schema::escape_unseen;
use peppol_authz_engine::{Decided, Decision, Question, WrittenText};

// A line is one object of four parts, in this order. The second and the fourth are the same whenever
// the decision is given again, and are written once for all of its lines.

/// The values that are new in each line.
#[derive(Serialize)]
struct LineHead {
    id: Uuid,
    time: String,
    surface: &'static str,
}

/// The question and the decision.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LineDecision<'a> {
    question: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    said: Option<Json>,
    #[serde(flatten)]
    answer: LineAnswer<'a>,
    /// The links of the store whose slots match the question, where the policies rest on some.
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<Vec<Json>>,
    policy_revision: &'a str,
}

/// The state of the store, and the request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LineState<'a> {
    tenancy_revision: &'a str,
    latency_micros: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    cut: &'static [&'static str],
}

/// The entities that the policies could look at.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LineSlice {
    slice: Vec<Json>,
    slice_tags: Vec<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slice_missing: Option<Vec<Json>>,
}

/// The part of a decision that depends on question, state and policies alone: it is the same
/// whenever the decision is made again.
#[derive(Serialize)]
struct LineAnswer<'a> {
    decision: &'static str,
    codes: Vec<&'a str>,
    diagnostics: LineDiagnostics<'a>,
    reasons: Vec<LineReason<'a>>,
    obligations: Vec<&'a str>,
}

/// The members of this part.
pub(super) const ANSWER: [&str; 5] = ["decision", "codes", DIAGNOSTICS, "reasons", "obligations"];

/// The member about policies, including those that failed.
pub(super) const DIAGNOSTICS: &str = "diagnostics";

#[derive(Serialize)]
struct LineDiagnostics<'a> {
    reason: Vec<&'a str>,
    errors: Vec<Cow<'a, str>>,
}

#[derive(Serialize)]
struct LineReason<'a> {
    code: Option<&'a str>,
    rule: Option<&'a str>,
    policy: Option<&'a str>,
    message: Option<&'a str>,
}

impl<'a> LineAnswer<'a> {
    fn new(decision: &'a Decision, shown: &LineVeil<'_>) -> Self {
        let codes = decision.reasons.iter();
        let reasons = decision.reasons.iter().map(|reason| LineReason {
            code: reason.code.as_deref(),
            rule: reason.rule.as_deref(),
            policy: reason.policy.as_deref(),
            // From the policies or the engine: it holds no ids.
            message: reason.message.as_deref(),
        });
        Self {
            decision: decision.verdict.name(),
            codes: codes.filter_map(|reason| reason.code.as_deref()).collect(),
            diagnostics: LineDiagnostics {
                reason: decision.determining.iter().map(|id| &**id).collect(),
                errors: shown.texts(&decision.errors),
            },
            reasons: reasons.collect(),
            obligations: decision.obligations.iter().map(|id| &**id).collect(),
        }
    }
}

/// The contents of lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineOptions {
    /// True if a line also has the entities of the slice.
    pub(super) with_slice: bool,
    /// The most bytes of a line.
    pub(super) longest: usize,
    /// True if the parts that are the same in each line of a decision are kept with it. Their pseudonyms are those of the first line.
    pub(super) keeps_parts: bool,
}

/// A line by itself, with entities and with all ids as they are; `None` where it cannot be written. Nothing of it gets into lines
/// of the log.
#[must_use]
pub fn line_alone(decided: &Decided, longest: usize) -> Option<String> {
    let options = LineOptions {
        with_slice: true,
        longest,
        keeps_parts: false,
    };
    let mut text = Vec::new();
    write(decided, &Pseudonyms::none(), options, &mut text).ok()?;
    String::from_utf8(text).ok()
}

/// The parts of a line that are left out until it is short enough, with the names that tell so.
const CUTS: [&[&str]; 3] = [
    &[],
    &[SLICE],
    &[SLICE, "question.context", "question.entities"],
];

/// The weight from which a decision is too heavy to keep the text of its slice, in bytes.
const LONG_SLICE: usize = 64 << 10;

/// The member with the entities that the policies could look at.
pub(super) const SLICE: &str = "slice";

/// Adds the line of a decision to a text.
///
/// # Errors
/// A text cannot be written as JSON; there is no such text.
pub(super) fn write(
    decided: &Decided,
    pseudonyms: &Pseudonyms,
    options: LineOptions,
    text: &mut Vec<u8>,
) -> serde_json::Result<()> {
    let Decided {
        question, decision, ..
    } = decided;
    // Made where a part is not written yet.
    let shown = LazyCell::new(|| {
        let schema = &decided.bundle.schema;
        LineVeil::new(schema, pseudonyms, question.as_ref(), decision)
    });
    let head = LineHead {
        id: decided.id,
        time: instant::microseconds(decided.at),
        surface: decided.surface,
    };
    let start = text.len();
    for cut in CUTS {
        text.truncate(start);
        serde_json::to_writer(&mut *text, &head)?;
        match cut.len() {
            0 | 1 if options.keeps_parts => add_kept(text, decision, WrittenText::Line, || {
                LineDecision::of(decided, &shown, |question| shown.question(question))
            })?,
            0 | 1 => {
                let whole = LineDecision::of(decided, &shown, |question| shown.question(question));
                add(text, &json_text(&whole)?)?;
            }
            _ => {
                let named = LineDecision::of(decided, &shown, |question| shown.names(question));
                add(text, &json_text(&named)?)?;
            }
        }
        let state = LineState {
            tenancy_revision: &decision.tenancy_revision,
            latency_micros: u64::try_from(decided.elapsed.as_micros()).unwrap_or(u64::MAX),
            request_id: decided.marks.request_id.as_deref(),
            traceparent: decided.marks.traceparent.as_deref(),
            key: pseudonyms.key_name(),
            cut,
        };
        add(text, &json_text(&state)?)?;
        if options.with_slice && question.is_some() && cut.is_empty() {
            let slice = || LineSlice {
                slice: shown.slice(decision),
                slice_tags: shown.slice_tags(decision),
                slice_missing: (!decision.missing.is_empty()).then(|| shown.missing(decision)),
            };
            match options.keeps_parts && weight(decided) < LONG_SLICE {
                true => add_kept(text, decision, WrittenText::LineSlice, slice)?,
                false => add(text, &json_text(&slice())?)?,
            }
        }
        if question.is_none() || text.len() - start < options.longest {
            break;
        }
    }
    text.push(b'\n');
    Ok(())
}

impl<'a> LineDecision<'a> {
    fn of(
        decided: &'a Decided,
        shown: &LineVeil<'_>,
        show: impl FnOnce(&Question) -> Json,
    ) -> Self {
        let question = decided.question.as_ref();
        let decision = &decided.decision;
        Self {
            question: question.map(show),
            said: question.is_none().then(|| shown.said(&decided.said)),
            answer: LineAnswer::new(decision, shown),
            links: question
                .filter(|_| decided.bundle.reads_links())
                .map(|_| shown.links(decision)),
            policy_revision: &decision.policy_revision,
        }
    }
}

/// Adds a part of a line. Of a decision that is kept it is written once.
fn add_kept<P: Serialize>(
    text: &mut Vec<u8>,
    decision: &Decision,
    which: WrittenText,
    part: impl FnOnce() -> P,
) -> serde_json::Result<()> {
    match &decision.notes {
        // An error leaves a text that is no object.
        Some(notes) => {
            let write = || json_text(&part()).unwrap_or_default().into();
            add(text, notes.text(which, write))
        }
        None => add(text, &json_text(&part())?),
    }
}

/// Adds the members of an object to the object that a text ends with.
fn add(text: &mut Vec<u8>, object: &str) -> serde_json::Result<()> {
    let members = object.strip_prefix('{');
    let members = members.filter(|_| text.ends_with(b"}"));
    let members =
        members.ok_or_else(|| serde_json::Error::custom("a part of a line is missing"))?;
    text.pop();
    text.push(b',');
    text.extend_from_slice(members.as_bytes());
    Ok(())
}

/// A JSON text as a line has it: characters that a reader would not see are escaped. They are in strings
/// only.
pub(super) fn json_text(value: &impl Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string(value)?;
    Ok(match text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        true => text,
        false => escape_unseen(&text, &[]).into_owned(),
    })
}

/// The decision as a line would have it: each member of [`ANSWER`] as JSON text.
pub(super) fn answer(
    question: &Question,
    decision: &Decision,
    bundle: &Bundle,
    pseudonyms: &Pseudonyms,
) -> serde_json::Result<[String; ANSWER.len()]> {
    let shown = LineVeil::new(&bundle.schema, pseudonyms, Some(question), decision);
    let answer = LineAnswer::new(decision, &shown);
    Ok([
        json_text(&answer.decision)?,
        json_text(&answer.codes)?,
        json_text(&answer.diagnostics)?,
        json_text(&answer.reasons)?,
        json_text(&answer.obligations)?,
    ])
}
