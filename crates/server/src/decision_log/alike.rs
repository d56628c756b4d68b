//! Comparison of the errors of failed policies with those in a line.
//!
//! Cedar's texts are in a line with hashes in the place of personal ids, even if such an id is a
//! word of Cedar's own. The line does not tell which words these were, so any text in the place of
//! a hash is accepted.

use serde::Deserialize;

use super::pseudonym::hash_at;

/// The end of a text that was cut.
const CUT: char = '…';

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadDiagnostics {
    reason: Vec<String>,
    errors: Vec<String>,
}

/// Returns true if diagnostics, as JSON text, are those of a line except for its hashes.
pub(super) fn diagnostics(again: &str, line: &str) -> bool {
    let read = serde_json::from_str::<ReadDiagnostics>;
    let (Ok(again), Ok(line)) = (read(again), read(line)) else {
        return false;
    };
    let mut pairs = again.errors.iter().zip(&line.errors);
    again.reason == line.reason
        && again.errors.len() == line.errors.len()
        && pairs.all(|(again, line)| text(again, line))
}

fn text(again: &str, line: &str) -> bool {
    // Where a long text was cut depends on the length of what hashes stand for.
    let is_cut = line.ends_with(CUT) && again.ends_with(CUT);
    let (line, again) = match is_cut {
        true => (line.trim_end_matches(CUT), again.trim_end_matches(CUT)),
        false => (line, again),
    };
    let (first, mut rest_of_line) = until_hash(line);
    let Some(mut rest) = again.strip_prefix(first) else {
        return false;
    };
    let Some(mut after) = rest_of_line.take() else {
        return rest.is_empty();
    };
    loop {
        match until_hash(after) {
            (last, None) if is_cut => {
                // As far as both go on.
                let begins = |at: &str| at.starts_with(last) || last.starts_with(at);
                let mut places = rest.char_indices().map(|(place, _)| place);
                return last.is_empty()
                    || places.any(|place| rest.get(place..).is_some_and(begins));
            }
            (last, None) => return rest.ends_with(last),
            (part, Some(more)) => {
                let Some((_, behind)) = rest.split_once(part) else {
                    return false;
                };
                (rest, after) = (behind, more);
            }
        }
    }
}

/// The text before the first hash, and the text behind it if there is one.
fn until_hash(text: &str) -> (&str, Option<&str>) {
    let starts = text.match_indices(super::pseudonym::PREFIX);
    for (start, _) in starts {
        if let Some((before, from)) = text.split_at_checked(start)
            && let Some(behind) = hash_at(from)
        {
            return (before, Some(behind));
        }
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision_log::Pseudonyms;

    #[test]
    fn only_what_a_hash_stands_for_may_be_another() {
        let pseudonyms = Pseudonyms::random().unwrap();
        let (a, b) = (pseudonyms.of("a"), pseudonyms.of("b"));
        let line = format!("in `{a}`: integer {b} of {a}, so");
        assert!(text(&line, &line));
        assert!(text(
            &format!("in `{a}`: integer overflow of {a}, so"),
            &line
        ));
        assert!(!text(&format!("in `{a}`: decimal {b} of {a}, so"), &line));
        assert!(!text(&format!("in `{a}`: integer {b} of {a}, but"), &line));
        assert!(!text(&format!("In `{a}`: integer {b} of {a}, so"), &line));
        assert!(!text("in", "in it") && !text("in it", "in"));
        // A part of a hash is an ordinary text.
        assert!(!text("in it", "in hmac-sha256:00"));
        assert!(text("in hmac-sha256:00", "in hmac-sha256:00"));
        assert!(!text(&line, "in"));
    }

    #[test]
    fn what_determines_a_decision_is_compared_as_it_is() {
        let hash = Pseudonyms::random().unwrap().of("a");
        let of = |reason: &str, error: &str| {
            format!(r#"{{"reason":["{reason}"],"errors":["{error}"]}}"#)
        };
        assert!(diagnostics(&of("p", "it"), &of("p", &hash)));
        assert!(!diagnostics(&of("p", "it"), &of(&hash, "it")));
        assert!(!diagnostics(
            &of("p", "it"),
            r#"{"reason":["p"],"errors":[]}"#
        ));
        assert!(!diagnostics(&of("p", "it"), "[]"));
    }
}
