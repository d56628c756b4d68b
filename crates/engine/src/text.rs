//! Values as text.

pub mod duration;
mod suggest;

use std::borrow::Cow;
use std::fmt::{Display, Write};

pub use suggest::{did_you_mean, nearest};

/// A text of at most so many bytes; a longer one ends with `…`.
#[must_use]
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(most.saturating_sub('…'.len_utf8()));
    let (begins, _) = text.split_at_checked(end).unwrap_or_default();
    Cow::Owned(format!("{begins}…"))
}

/// A number of things: `1 policy`, `2 policies`.
#[must_use]
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, one: &str, many: &str) -> String {
    match count == N::from(1) {
        true => format!("{count} {one}"),
        false => format!("{count} {many}"),
    }
}

/// A text without the byte order mark that some editors put in front of it. It says nothing of UTF-8,
/// and is no part of the text.
#[must_use]
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(MARK.as_bytes()).unwrap_or(text)
}

/// A text whose lines end as on Unix, where all of them end as on Windows: Cedar knows no such ends within
/// strings, and takes others for other strings.
#[must_use]
pub fn with_plain_lines(text: String) -> String {
    let ends = text.matches('\n').count();
    match ends > 0 && text.matches("\r\n").count() == ends {
        true => text.replace("\r\n", "\n"),
        false => text,
    }
}

/// The byte order mark.
pub const MARK: &str = "\u{feff}";

/// The first `len` bytes in lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8], len: usize) -> String {
    bytes
        .iter()
        .take(len)
        .fold(String::with_capacity(2 * len), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// An error with its causes, each behind a colon. Causes that the text has already are left out.
#[must_use]
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            let _ = write!(text, ": {more}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_is_not_longer_than_wanted() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "…");
        assert_eq!(cut("abcdefgh", 6), "abc…");
        assert_eq!(cut("aéééé", 6), "aé…");
    }

    #[test]
    fn ends_of_lines_are_those_of_unix_where_all_are_of_windows() {
        for (text, plain) in [
            ("a\r\n\r\nb\r\n", "a\n\nb\n"),
            ("a\r\nb\n", "a\r\nb\n"),
            ("a\rb", "a\rb"),
        ] {
            assert_eq!(with_plain_lines(text.to_owned()), plain);
        }
    }
}
