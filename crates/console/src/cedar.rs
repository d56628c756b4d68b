//! The source of a policy, highlighted, with the values that it read beside the words that read them.

use std::ops::Range;

use maud::{Markup, PreEscaped, html};

use crate::entity::seen;
use crate::language::Texts;
use peppol_authz_engine::ReadValue;

const WORDS: [&str; 17] = [
    "permit",
    "forbid",
    "when",
    "unless",
    "principal",
    "action",
    "resource",
    "context",
    "if",
    "then",
    "else",
    "in",
    "is",
    "has",
    "like",
    "true",
    "false",
];

/// A part of a source, with its class.
struct CedarToken {
    place: Range<usize>,
    class: &'static str,
}

/// Words that read values.
struct Reading<'v> {
    place: Range<usize>,
    values: Vec<&'v ReadValue>,
}

/// A source with values. A value whose words are not found is listed below it.
pub(crate) fn source(text: &str, values: &[ReadValue], texts: &Texts) -> Markup {
    let tokens = tokens(text);
    let (readings, elsewhere) = readings(text, &tokens, values);
    let mut at = 0;
    let mut parts = Vec::new();
    for reading in &readings {
        parts.push(plain(text, &tokens, at..reading.place.start));
        parts.push(html! {
            mark { (plain(text, &tokens, reading.place.clone())) }
            @for value in &reading.values { (chip(value, text.get(reading.place.clone()), texts)) }
        });
        at = reading.place.end;
    }
    parts.push(plain(text, &tokens, at..text.len()));
    html! {
        pre.cedar tabindex="0" { code { @for part in &parts { (part) } } }
        @if !elsewhere.is_empty() {
            ul.values { @for value in elsewhere { li { code { (seen(&value.expression)) } " " (chip(value, None, texts)) } } }
        }
    }
}

/// A value beside its words. It names them if the mark covers more than them.
fn chip(value: &ReadValue, words: Option<&str>, texts: &Texts) -> Markup {
    let names = words.is_some_and(|words| compact(words) != compact(&value.expression));
    html! {
        span.value.failed[value.value.is_err()] {
            @if names { span.of { (seen(&value.expression)) } " " }
            @match &value.value {
                Ok(value) => { "= " bdi { (seen(value)) } },
                Err(error) => { (texts.failed_to_read) " " bdi { (seen(error)) } },
            }
        }
    }
}

/// A part of the source, token by token.
fn plain(text: &str, tokens: &[CedarToken], place: Range<usize>) -> Markup {
    let mut written = String::new();
    for token in tokens {
        let start = token.place.start.max(place.start);
        let end = token.place.end.min(place.end);
        let Some(part) = text.get(start..end).filter(|part| !part.is_empty()) else {
            continue;
        };
        let part = seen(part);
        let part = match token.class {
            "" => html! { (part) },
            class => html! { span class=(class) { (part) } },
        };
        written.push_str(&part.into_string());
    }
    PreEscaped(written)
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// All of a source, as tokens that follow each other.
fn tokens(text: &str) -> Vec<CedarToken> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (length, class) = token(rest);
        tokens.push(CedarToken {
            place: at..at + length,
            class,
        });
        at += length;
    }
    tokens
}

fn token(rest: &str) -> (usize, &'static str) {
    let first = rest.chars().next().unwrap_or(' ');
    let while_true = |is: &dyn Fn(char) -> bool| rest.find(|it| !is(it)).unwrap_or(rest.len());
    match first {
        '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), "comment"),
        '"' => (string_length(rest), "string"),
        '@' => {
            let name = rest.char_indices().skip(1).find(|(_, it)| !is_word(*it));
            (name.map_or(rest.len(), |(end, _)| end), "annotation")
        }
        digit if digit.is_ascii_digit() => (while_true(&|it| it.is_ascii_digit()), "number"),
        letter if is_word(letter) => {
            let length = while_true(&is_word);
            let word = rest.get(..length).unwrap_or_default();
            let behind = rest.get(length..).unwrap_or_default();
            let class = match word {
                _ if behind.starts_with("::") => "path",
                word if WORDS.contains(&word) => "word",
                _ => "",
            };
            (length, class)
        }
        other => (other.len_utf8(), ""),
    }
}

fn string_length(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            '"' if !is_escaped => return at + 1,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    rest.len()
}

fn compact(text: &str) -> String {
    text.chars().filter(|it| !it.is_whitespace()).collect()
}

/// Where values are read: the longest words that read one, each with all values that are read in them, and the values that are
/// read nowhere in this text.
fn readings<'v>(
    text: &str,
    tokens: &[CedarToken],
    values: &'v [ReadValue],
) -> (Vec<Reading<'v>>, Vec<&'v ReadValue>) {
    // The code without blanks and comments, with the place of each character.
    let mut letters: Vec<(usize, char)> = Vec::new();
    for token in tokens.iter().filter(|token| token.class != "comment") {
        let part = text.get(token.place.clone()).unwrap_or_default();
        let seen = part.char_indices().filter(|(_, it)| !it.is_whitespace());
        letters.extend(seen.map(|(at, it)| (token.place.start + at, it)));
    }
    let (mut found, mut elsewhere) = (Vec::new(), Vec::new());
    for value in values {
        match place_of(&letters, &compact(&value.expression)) {
            Some(place) => found.push((place, value)),
            None => elsewhere.push(value),
        }
    }
    found.sort_by_key(|(place, _)| (place.start, usize::MAX - place.end));
    let mut readings: Vec<Reading<'v>> = Vec::new();
    for (place, value) in found {
        match readings.last_mut() {
            Some(last) if place.start < last.place.end => {
                last.place.end = last.place.end.max(place.end);
                last.values.push(value);
            }
            _ => readings.push(Reading {
                place,
                values: vec![value],
            }),
        }
    }
    (readings, elsewhere)
}

/// The first place of some words, as whole words.
fn place_of(letters: &[(usize, char)], words: &str) -> Option<Range<usize>> {
    let words: Vec<char> = words.chars().collect();
    let (first, last) = (words.first()?, words.last()?);
    let windows = letters.windows(words.len()).enumerate();
    let mut matching =
        windows.filter(|(_, window)| window.iter().map(|(_, it)| it).eq(words.iter()));
    let (_, window) = matching.find(|(at, _)| {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let behind = letters.get(at + words.len());
        let (start, end) = (letters.get(*at), letters.get(at + words.len() - 1));
        // A blank stands between words of their own.
        let joins = |one: Option<&(usize, char)>, other: Option<&(usize, char)>| match (one, other)
        {
            (Some((one, letter)), Some((other, next))) => {
                is_word(*letter) && is_word(*next) && *other == one + letter.len_utf8()
            }
            _ => false,
        };
        let is_member = before.is_some_and(|(_, it)| *it == '.') && is_word(*first);
        let is_call = behind.is_some_and(|(_, it)| *it == '(') && is_word(*last);
        !joins(before, start) && !joins(end, behind) && !is_member && !is_call
    })?;
    let (start, _) = window.first()?;
    let (end, letter) = window.last()?;
    Some(*start..end + letter.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;

    fn read(expression: &str, value: &str) -> ReadValue {
        ReadValue {
            expression: expression.to_owned(),
            value: Ok(value.to_owned()),
        }
    }

    #[test]
    fn a_value_stands_behind_the_words_that_read_it() {
        let text = "// resource.mode\npermit (principal, action, resource)\nwhen { resource\n  .mode == \"<b>\" && principal.emailVerified };";
        let values = [
            read("resource.mode", "<script>"),
            read("principal.email", "\u{202e}x"),
            read("resource", "r"),
        ];
        let html = source(text, &values, Language::English.texts()).into_string();
        assert!(
            html.contains("<mark><span class=\"word\">resource</span>"),
            "{html}"
        );
        assert!(html.contains("= <bdi>&lt;script&gt;</bdi>"), "{html}");
        assert!(html.contains("\\u202e"), "{html}");
        assert!(!html.contains("<script") && !html.contains("<b>") && !html.contains('\u{202e}'));
        // It is the beginning of another word, and so is listed.
        assert!(html.contains("<li><code>principal.email</code>"), "{html}");
        // All of the source is there.
        let bare: String = tokens(text)
            .iter()
            .filter_map(|it| text.get(it.place.clone()))
            .collect();
        assert_eq!(bare, text);
    }
}
