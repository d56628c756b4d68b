//! Characters that no id may have: those that nobody sees, and blanks that are cut off.
//!
//! A service that trims a text, or drops what it cannot show, would act on another entity than
//! the one that was asked about. So an id with such a character is refused wherever it comes
//! from; it is not cleaned, which would be a guess.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_normalization::is_nfkc;

use super::misfit::Misfit;

/// Ranges outside of ASCII, in order. They are, by Unicode 16: the categories `Cc`, `Cf`, `Zl` and
/// `Zp`, what is `Default_Ignorable_Code_Point`, noncharacters, private use, the marks of lost
/// text, and the letters and signs that are blank. Other blanks are found by their property.
const UNSEEN: &[(char, char)] = &[
    ('\u{7f}', '\u{9f}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    // Hangul fillers.
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    // Mongolian variation selectors and vowel separator.
    ('\u{180b}', '\u{180f}'),
    // Zero width, directions, line and paragraph separators.
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    // Braille without a dot.
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    // Of private use: nobody knows what another sees.
    ('\u{e000}', '\u{f8ff}'),
    ('\u{fdd0}', '\u{fdef}'),
    // Variation selectors.
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    // Unassigned ones to ignore, annotations, and what stands for text that was lost.
    ('\u{fff0}', '\u{ffff}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    // Of hieroglyphs: joiners, and the blanks.
    ('\u{13430}', '\u{1343f}'),
    ('\u{13441}', '\u{13442}'),
    ('\u{16fe4}', '\u{16fe4}'),
    ('\u{1bca0}', '\u{1bca3}'),
    // Of music: a note without a head, and beams.
    ('\u{1d159}', '\u{1d159}'),
    ('\u{1d173}', '\u{1d17a}'),
    // Tags, and more variation selectors.
    ('\u{e0000}', '\u{e0fff}'),
    // Of private use.
    ('\u{f0000}', '\u{10ffff}'),
];

/// Checks that an id can be read in one way alone.
///
/// # Errors
/// A character that nobody sees, a blank at either end, or another blank than a space.
pub(crate) fn check_characters(id: &str) -> Result<(), Misfit> {
    let plain = id.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !plain && let Some(unseen) = id.chars().find(|letter| is_unseen(*letter)) {
        let code = u32::from(unseen);
        let text = format!("has a character that cannot be seen, U+{code:04X}");
        return Err(Misfit::new(text));
    }
    if id.starts_with(char::is_whitespace) || id.ends_with(char::is_whitespace) {
        return Err(Misfit::new("begins or ends with a blank"));
    }
    let is_other_blank = |letter: char| letter != ' ' && letter.is_whitespace();
    if !plain && id.contains(is_other_blank) {
        return Err(Misfit::new("has another blank than a space"));
    }
    Ok(())
}

/// Checks that no other id is the same to a program that normalizes: `é` is one character, or two, and there
/// are letters of full width.
///
/// # Errors
/// An id in another form than Unicode's NFKC.
pub(super) fn check_normal(id: &str) -> Result<(), Misfit> {
    match id.is_ascii() || is_nfkc(id) {
        true => Ok(()),
        false => Err(Misfit::new("is not in the normal form of Unicode, NFKC")),
    }
}

/// A text for a log: each character that nobody sees, or that turns the direction of a line, is
/// written as JSON writes it (`\u202e`). Those in `kept` stay.
#[must_use]
pub fn escape_unseen<'t>(text: &'t str, kept: &[char]) -> Cow<'t, str> {
    let is_escaped = |letter: char| is_unseen(letter) && !kept.contains(&letter);
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if !is_escaped(letter) {
            escaped.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    Cow::Owned(escaped)
}

fn is_unseen(letter: char) -> bool {
    let place = UNSEEN.partition_point(|(_, last)| *last < letter);
    letter < ' '
        || UNSEEN.get(place).is_some_and(|(first, _)| *first <= letter)
        // The last two of each plane are no characters.
        || u32::from(letter) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_seen_may_be_in_an_id() {
        for id in [
            "",
            "u-1",
            "o'brien",
            "a b",
            "~!@#$%^&*()",
            "jörg@exämple.se",
            "Ωμέγα",
            "李小龍",
            "\u{2764}",
            "e\u{301}",
            "\u{1f600}",
        ] {
            assert_eq!(check_characters(id), Ok(()), "{id}");
        }
    }

    #[test]
    fn what_is_not_seen_is_refused_wherever_it_stands() {
        let singles = "\u{0}\t\n\r\u{1b}\u{1f}\u{7f}\u{80}\u{85}\u{9f}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\
                       \u{17b4}\u{180b}\u{180e}\u{180f}\u{200b}\u{200c}\u{200d}\u{200e}\u{2028}\u{202e}\
                       \u{2060}\u{2061}\u{2066}\u{206f}\u{2800}\u{3164}\u{fdd0}\u{fe0f}\u{feff}\u{ffa0}\
                       \u{fff9}\u{fffd}\u{fffe}\u{1fffe}\u{1d173}\u{e0001}\u{e0041}\u{e0100}\u{10ffff}";
        for letter in singles.chars() {
            for id in [
                format!("{letter}victim"),
                format!("vic{letter}tim"),
                format!("victim{letter}"),
            ] {
                let refused = check_characters(&id).unwrap_err().to_string();
                let code = format!("U+{:04X}", u32::from(letter));
                assert!(refused.contains(&code), "{refused}");
            }
        }
    }

    #[test]
    fn a_blank_stands_within_and_is_a_space() {
        for blank in [
            ' ', '\u{a0}', '\u{1680}', '\u{2000}', '\u{202f}', '\u{205f}', '\u{3000}',
        ] {
            for id in [format!("{blank}a"), format!("a{blank}"), blank.to_string()] {
                let refused = check_characters(&id).unwrap_err().to_string();
                assert_eq!(refused, "begins or ends with a blank");
            }
            assert_eq!(
                check_characters(&format!("a{blank}b")).is_ok(),
                blank == ' '
            );
        }
    }

    #[test]
    fn a_letter_is_written_in_one_way() {
        // There is no composed form of the last two.
        for id in [
            "",
            "e",
            "\u{e9}",
            "\u{ac00}",
            "\u{1f600}",
            "\u{674e}",
            "x\u{301}",
            "\u{444}\u{301}",
        ] {
            assert_eq!(check_normal(id), Ok(()), "{id}");
        }
        for id in [
            "jose\u{301}",
            "a\u{30a}",
            "mi\u{212a}e",
            "\u{212b}",
            "\u{2126}",
            "a\u{323}\u{307}",
            "a\u{307}\u{323}",
            "\u{1100}\u{1161}",
            "\u{f900}",
            "a\u{37e}",
            "\u{344}",
            "\u{ff56}ictim",
            "\u{fb01}nn",
            "m\u{b2}",
            "\u{17f}am",
            "\u{1d5c6}ia",
            "a\u{2026}",
        ] {
            assert!(check_normal(id).is_err(), "{id}");
        }
    }

    /// By the tables of another program, so far as they name what is not seen.
    #[test]
    fn the_ranges_hold_all_of_their_categories() {
        let unseen = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]";
        let unseen = proptest::string::string_regex(unseen).unwrap();
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
            cases: 20_000,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        runner
            .run(&unseen, |text| {
                prop_assert!(check_characters(&format!("a{text}b")).is_err(), "{text:?}");
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn a_log_shows_what_is_not_seen() {
        let text = "a\u{7f}b\u{85}c\u{202e}d\u{e0041}e\u{1b}\n";
        let escaped = r"a\u007fb\u0085c\u202ed\udb40\udc41e\u001b";
        assert_eq!(escape_unseen(text, &['\n']), format!("{escaped}\n"));
        let read: String = serde_json::from_str(&format!("\"{escaped}\"")).unwrap();
        assert_eq!(read, text.trim_end());
        assert!(matches!(
            escape_unseen("jörg 李 \n", &['\n']),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn the_ranges_are_in_order() {
        assert!(UNSEEN.iter().all(|(first, last)| first <= last));
        assert!(UNSEEN.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }
}
